"""How many planted doubles the leak audit finds with the groups hidden, and how many strangers it takes for doubles.

    FOVEA_REAL_DATA=/path/to/data python benchmarks/leak_audit.py [--many 10000]

Copies of some pictures are added under names of their own: cropped to 80 % of each side, mirrored or turned by
quarters, compressed as JPEG of quality 30, or scanned again (up to 3 degrees aslant, 5 % larger or smaller, blurred,
lighter or darker, with noise and a white border). Every picture stands in a group of its own. Pairs of pictures that
were there before are told apart by the true groups: two pictures of one plant or patient are what the audit is for, two
of different ones are counted as false, whatever they show. ``--many`` times so many pictures made of pieces of the real
ones.

Then bursts are planted: of some pictures two shots are taken instead, the second with the camera moved (up to 6 degrees
aslant, 7 % nearer or farther, 6 % aside, a little tilted), in other light, less sharp, with noise, and in every other
one the subject itself has moved. All pictures are numbered anew in an order drawn by chance, so that the two follow one
another, and strangers stand on both sides of them. It ends with status 1 where fewer than 95 % are found, or more than
5 pairs of two true groups in 1,000 pictures.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fovea.engine.audits.leaks import Leaks, find_leaks
from fovea.engine.pictures.survey import Row
from fovea.plugin import Image, Preprocess, Sample
from fovea.progress import silent
from fovea.registry import Registry
from fovea.serving.preprocess import preprocess
from fovea.settings import resolve

SIZE = 160
BURSTS = ("held", "stirred")
MISSED, FALSE = 0.05, 5.0
Bytes = NDArray[np.uint8]
Random = np.random.Generator


@dataclass(frozen=True)
class Subject:
    """Pictures by name, with their true groups; an empty one where nobody knows."""

    name: str
    paths: Sequence[Path]
    groups: Sequence[str]


@dataclass(frozen=True)
class Taken:
    """One shot: of which picture, and of what kind of burst."""

    place: int
    picture: Bytes
    how: str = ""


def main() -> None:
    """Plant, look, print a table."""
    if "FOVEA_REAL_DATA" not in os.environ:
        sys.exit("set FOVEA_REAL_DATA to the folder of real pictures")
    root = Path(os.environ["FOVEA_REAL_DATA"])
    subjects = (lab_apple(root), field_bean(root), chest(root))
    for subject in subjects:
        tell(subject)
    held = [tell_bursts(subject) for subject in subjects]
    if "--many" in sys.argv:
        tell_time(subjects, int(sys.argv[sys.argv.index("--many") + 1]))
    if not all(held):
        sys.exit(1)


def tell(subject: Subject) -> None:
    """Plant a copy of every eighth picture for each change, at least 30 of each, and look for them."""
    random = np.random.default_rng(0)
    pictures = [_read(path) for path in subject.paths]
    each = max(len(pictures) // 20, min(30, len(pictures) // 4))
    chosen = random.permutation(len(pictures))[: 4 * each]
    hows = [list(CHANGES)[place % 4] for place in range(len(chosen))]
    copies = [CHANGES[how](pictures[place], random) for how, place in zip(hows, chosen, strict=True)]
    squares = np.stack([_square(picture) for picture in (*pictures, *copies)])
    names = [*(path.name for path in subject.paths), *(f"copy-{'abcdefghij'[n % 10]}" for n in range(len(copies)))]
    began = time.process_time()
    leaks = find_leaks(squares, _rows(names, squares), "classify", silent())
    seconds = time.process_time() - began
    print(f"{subject.name}: {len(pictures)} pictures and {len(copies)} copies, {seconds:.0f} s of CPU time")
    _tell_recall(leaks, len(pictures), dict(enumerate(chosen.tolist())), hows)
    _tell_others(leaks, subject)


def _tell_recall(leaks: Leaks, count: int, of: dict[int, int], hows: Sequence[str]) -> None:
    found = {(pair.first, pair.second) for pair in leaks.pairs}
    for how in CHANGES:
        planted = [(of[copy], count + copy) for copy, one in enumerate(hows) if one == how]
        print(f"   {how:12s} {sum(pair in found for pair in planted):3d} of {len(planted)} found")


def _tell_others(leaks: Leaks, subject: Subject) -> None:
    here = [pair for pair in leaks.pairs if pair.second < len(subject.paths)]
    strangers = [pair for pair in here if subject.groups[pair.first] != subject.groups[pair.second]]
    kinds = Counter(pair.kind for pair in here if pair not in strangers)
    told = ", ".join(f"{number} {kind}" for kind, number in kinds.items()) or "none"
    print(f"   pairs of one true group: {told}")
    rate = 1000 * len(strangers) / len(subject.paths)
    print(f"   pairs of two true groups: {len(strangers)}, {rate:.1f} in 1,000 pictures", flush=True)
    for pair in strangers[:8]:
        names = f"{subject.paths[pair.first].name[-34:]} | {subject.paths[pair.second].name[-34:]}"
        print(f"      {pair.kind} {pair.score:.2f} {pair.how}: {names}")


def tell_bursts(subject: Subject) -> bool:
    """Plant bursts, look for them; whether the claim holds."""
    mixed = _with_bursts(subject, np.random.default_rng(0))
    squares = np.stack([_square(taken.picture) for taken in mixed])
    planted = {(n, n + 1): one.how for n, one in enumerate(mixed[:-1]) if mixed[n + 1].place == one.place}
    rows = _rows([f"IMG_{number:04d}.jpg" for number in range(len(mixed))], squares)
    began = time.process_time()
    found = {(pair.first, pair.second) for pair in find_leaks(squares, rows, "classify", silent()).pairs}
    seconds = time.process_time() - began
    groups = [subject.groups[taken.place] for taken in mixed]
    strangers = sorted(pair for pair in found if groups[pair[0]] != groups[pair[1]])
    rate = 1000 * len(strangers) / len(mixed)
    print(f"{subject.name}: {len(planted)} bursts in {len(mixed)} pictures, {seconds:.0f} s of CPU time")
    for how in BURSTS:
        pairs = [pair for pair, one in planted.items() if one == how]
        print(f"   {how:12s} {sum(pair in found for pair in pairs):3d} of {len(pairs)} found")
    print(f"   pairs of two true groups: {len(strangers)}, {rate:.1f} in 1,000 pictures", flush=True)
    for pair in strangers[:8]:
        print("      " + " | ".join(subject.paths[mixed[one].place].name[-34:] for one in pair))
    return len(planted.keys() - found) <= MISSED * len(planted) and rate <= FALSE


def _with_bursts(subject: Subject, random: Random) -> list[Taken]:
    """All pictures in an order drawn by chance, a fifth of them (40 of each kind at the least) as two shots."""
    order = random.permutation(len(subject.paths)).tolist()
    doubled = 2 * max(len(order) // 10, min(40, len(order) // 4))
    units: list[list[Taken]] = []
    for number, place in enumerate(order):
        picture, how = _read(subject.paths[place]), BURSTS[number % 2]
        if number < doubled:
            first, second = shot(picture, random), shot(picture, random, moved=True, stirred=how == "stirred")
            units.append([Taken(place, first, how), Taken(place, second, how)])
        else:
            units.append([Taken(place, picture)])
    return [taken for number in random.permutation(len(units)) for taken in units[number]]


def tell_time(subjects: Sequence[Subject], many: int) -> None:
    """Time a set of ``many`` different pictures: half of the side of real ones, cut out at random."""
    random = np.random.default_rng(1)
    pictures = [_read(path) for subject in subjects for path in subject.paths]
    squares = np.stack([_square(_window(pictures[place % len(pictures)], random, 0.5)) for place in range(many)])
    began, wall = time.process_time(), time.monotonic()
    leaks = find_leaks(squares, _rows([f"p{hash(str(n)):x}z" for n in range(many)], squares), "classify", silent())
    cpu, wall = time.process_time() - began, time.monotonic() - wall
    print(
        f"{many} pieces: {cpu:.0f} s of CPU time, {wall:.0f} s, {len(leaks.pairs)} pairs, {leaks.unlooked} not compared"
    )


def cropped(picture: Bytes, random: Random) -> Bytes:
    """80 % of each side."""
    return _window(picture, random, 0.8)


def turned(picture: Bytes, random: Random) -> Bytes:
    """One of the seven turns and mirrorings by quarters."""
    turn = int(random.integers(1, 8))
    quarters = np.rot90(picture, turn % 4)
    return np.ascontiguousarray(quarters[:, ::-1] if turn >= 4 else quarters)  # noqa: PLR2004 - the mirrored half


def compressed(picture: Bytes, random: Random) -> Bytes:
    """JPEG of quality 30."""
    del random
    return _jpeg(picture, 30)


def scanned(picture: Bytes, random: Random) -> Bytes:
    """Printed and scanned: aslant, blurred, lighter or darker, noisy, on white paper."""
    height, width = picture.shape[:2]
    centre = (width / 2, height / 2)
    how = cv2.getRotationMatrix2D(centre, float(random.uniform(-3, 3)), float(random.uniform(0.95, 1.05)))
    how[:, 2] += random.uniform(-0.02, 0.02, 2) * width
    paper = cv2.warpAffine(picture, how, (width, height), borderMode=cv2.BORDER_CONSTANT, borderValue=(235, 235, 235))
    soft = cv2.GaussianBlur(paper, (0, 0), width / 224).astype(float)
    other = soft * random.uniform(0.8, 1.2) + random.uniform(-15, 15) + random.normal(0, 4, soft.shape)
    return _jpeg(np.clip(other, 0, 255).astype(np.uint8), 80)


CHANGES: dict[str, Callable[[Bytes, Random], Bytes]] = {
    "cropped": cropped,
    "turned": turned,
    "JPEG 30": compressed,
    "scanned": scanned,
}


def shot(picture: Bytes, random: Random, *, moved: bool = False, stirred: bool = False) -> Bytes:
    """What a camera sees of the middle of a picture; both the camera and the subject may have moved."""
    height, width = picture.shape[:2]
    side, out = min(height, width), 200
    angle, zoom, tilt, aside = (0.0, 1.0, np.zeros(2), np.zeros(2))
    if moved:
        angle, zoom = np.deg2rad(random.uniform(-6, 6)), float(random.uniform(0.93, 1.07))
        tilt, aside = random.uniform(-0.03, 0.03, 2) / out, random.uniform(-0.06, 0.06, 2)
    down, across = np.mgrid[0:out, 0:out].astype(np.float32) - out / 2
    depth = 1 + tilt[0] * across + tilt[1] * down
    scale = 0.8 * zoom * side / out / depth
    x = (np.cos(angle) * across - np.sin(angle) * down) * scale + aside[0] * side + width / 2
    y = (np.sin(angle) * across + np.cos(angle) * down) * scale + aside[1] * side + height / 2
    if stirred:
        field = random.normal(0, 0.015 * side, (5, 5, 2)).astype(np.float32)
        wind = cv2.resize(field, (out, out), interpolation=cv2.INTER_CUBIC)
        x, y = x + wind[..., 0], y + wind[..., 1]
    border = cv2.BORDER_REFLECT_101
    seen = cv2.remap(
        picture, np.asarray(x, np.float32), np.asarray(y, np.float32), cv2.INTER_LINEAR, borderMode=border
    ).astype(float)
    if moved:
        soft = cv2.GaussianBlur(seen, (0, 0), float(random.uniform(0.3, 1.2)))
        seen = soft * random.uniform(0.85, 1.15) + random.normal(0, 3, seen.shape)
    return _jpeg(np.clip(seen, 0, 255).astype(np.uint8), 88)


def _window(picture: Bytes, random: Random, share: float) -> Bytes:
    height, width = picture.shape[:2]
    top, left = (int(random.uniform(0, 1 - share) * side) for side in (height, width))
    return np.ascontiguousarray(picture[top : top + int(share * height), left : left + int(share * width)])


def _jpeg(picture: Bytes, quality: int) -> Bytes:
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    found = cv2.imdecode(data, cv2.IMREAD_COLOR) if done else None
    if found is None:
        sys.exit("a picture could not be written as JPEG")
    return np.asarray(found, np.uint8)


def _read(path: Path) -> Bytes:
    found = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    if found is None:
        sys.exit(f"{path} could not be read")
    return np.asarray(found, np.uint8)


def _square(picture: Bytes) -> Bytes:
    spec = Preprocess(size=SIZE, fit="crop")
    return np.asarray(preprocess(Image(pixels=picture), spec), np.uint8)


def _rows(names: Sequence[str], squares: Bytes) -> list[Row]:
    """Rows of one class, every one in a group of its own."""
    digests = [hashlib.blake2b(square.tobytes(), digest_size=8).hexdigest() for square in squares]
    return [
        Row(source=name, part="", region="", target="same", group=str(place), digest=digest)
        for place, (name, digest) in enumerate(zip(names, digests, strict=True))
    ]


def lab_apple(root: Path) -> Subject:
    """Leaves on a bench; the true groups are the runs of the camera, as the crop domain tells them."""
    domain = Registry.load().domain("crop")
    folder = root / "crop" / "lab_apple"
    view = resolve(domain.info.view, "view settings of 'crop'", [])
    samples = [one for one in domain.read_samples(root=folder, view=view) if isinstance(one, Sample)]
    return Subject("lab_apple", [folder / one.source for one in samples], [one.of_group for one in samples])


def field_bean(root: Path) -> Subject:
    """Leaves in the field; nobody noted which photos are of one plant, so that every pair found counts as false."""
    paths = sorted((root / "crop" / "field_bean").glob("*/*.jpg"))
    return Subject("field_bean", paths, [path.name for path in paths])


def chest(root: Path) -> Subject:
    """Films of children; the true groups are the patients."""
    folder = root / "medical" / "chest_xray"
    lines = [line.split(",") for line in (folder / "labels.csv").read_text(encoding="utf-8").splitlines()[1:]]
    return Subject("chest_xray", [folder / line[0] for line in lines], [line[3] for line in lines])


if __name__ == "__main__":
    main()
