"""Make the sample set: `python sample_data/make.py OUT [--plants N] [--size PX] [--seed S]`."""

from __future__ import annotations

import argparse
import csv
import io
import json
import shutil
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from leaves import PHONES, draw
from photo_file import as_cmyk, as_png, jpeg, write
from sample_plan import Shot, plan_site, plan_train

VERSION = 1
"""Raise when the pictures change: sets made by an older version are then made anew."""

SIZES = (96, 640)
"""Smallest and largest longer side of a picture that can be asked for, pixels."""

SITE_TOML = """\
[site]
name = "demo-farm"
title = "Demo farm"
domain = "crop"

[view]
pattern = "{field}/{date}/{plant}-{shot}"
"""

NOTES = "2024-06-24: walked river-strip after three wet nights, dark patches near the water. Check again in a week.\n"

Truth = dict[str, tuple[str, float]]
"""Condition and severity by path relative to the site folder."""


def make_one(job: tuple[Path, Shot]) -> int:
    """Draw and write one picture; returns its size in bytes."""
    out, shot = job
    data = jpeg(draw(shot.request), shot.stamp, PHONES[shot.request.phone])
    write(out / shot.path, data)
    return len(data)


def add_oddities(site: Path, truth: Truth) -> int:
    """Add the files every real folder has: damaged, mislabelled, oddly named. Returns their number."""
    folder = site / "north-slope" / "2024-06-24"
    visit = [name for name in sorted(truth) if name.startswith("north-slope/2024-06-24/")]
    name = min(visit, key=lambda each: truth[each][1])  # a healthy plant, if there is one
    data, known = (site / name).read_bytes(), truth[name]
    readable = {
        "p5090-1.jpg": as_png(data),  # a PNG under a JPEG's name
        "p5091-1.jpg": as_cmyk(data),
        "gr\u00fcne ecke-1.jpg": data,  # a space and an umlaut; also an exact copy of another picture
    }
    broken = {
        "p5092-1.jpg": data[: len(data) * 3 // 5],  # a copy that was cut off
        "p5093-1.jpg": b"",
        "p5094-1.jpg": b"This is not a picture.\n",
        "notes.txt": NOTES.encode(),
    }
    for file, content in (readable | broken).items():
        write(folder / file, content)
    for file in readable:
        truth[f"north-slope/2024-06-24/{file}"] = known
    return len(readable) + len(broken)


def write_truth(path: Path, truth: Truth) -> None:
    """Write the answers for the site's readable pictures."""
    sink = io.StringIO()
    table = csv.writer(sink, lineterminator="\n")
    table.writerow(["path", "condition", "severity"])
    table.writerows([name, condition, f"{severity:.3f}"] for name, (condition, severity) in sorted(truth.items()))
    write(path, sink.getvalue().encode())


def prepare(out: Path, recipe: dict[str, int]) -> bool:
    """Make room in OUT, removing an older set; False if OUT already holds this recipe."""
    note = out / "recipe.json"
    if note.exists():
        held = json.loads(note.read_text(encoding="utf-8"))
        if held == recipe | {"complete": True}:
            return False
        for part in ("train", "site"):
            shutil.rmtree(out / part, ignore_errors=True)
    elif out.exists() and any(out.iterdir()):
        raise SystemExit(f"{out} holds other files and no recipe.json: choose an empty folder")
    write(note, _note(recipe, complete=False))
    return True


def _note(recipe: dict[str, int], *, complete: bool) -> bytes:
    """The text of recipe.json."""
    return (json.dumps(recipe | {"complete": complete}, indent=2) + "\n").encode()


def make(out: Path, plants: int = 60, size: int = 320, seed: int = 0, workers: int = 2) -> bool:
    """Make the whole set in OUT; False if it was there already. The bytes do not depend on `workers`."""
    recipe = {"version": VERSION, "plants": plants, "size": size, "seed": seed}
    if not prepare(out, recipe):
        return False
    train = plan_train(plants, size, seed)
    site = plan_site(max(2, min(10, plants // 6)), size, seed)
    # The few large pictures come first, so that no worker is left alone with them at the end.
    jobs = [(out, shot) for shot in sorted(train + site, key=lambda shot: -shot.request.size)]
    if workers > 1:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            total = sum(pool.map(make_one, jobs, chunksize=4))
    else:
        total = sum(map(make_one, jobs))
    truth = {shot.path.removeprefix("site/"): (shot.request.condition, shot.request.severity) for shot in site}
    odd = add_oddities(out / "site", truth)
    write(out / "site" / "site.toml", SITE_TOML.encode())
    write_truth(out / "truth.csv", truth)
    write(out / "recipe.json", _note(recipe, complete=True))
    print(f"{out / 'train'}: {len(train)} labelled pictures of {5 * plants} plants")
    print(f"{out / 'site'}: {len(site)} unlabelled pictures and {odd} odd files; answers in {out / 'truth.csv'}")
    print(f"{total / 1e6:.1f} MB of pictures")
    return True


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Make the sample leaf photos.")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to fill; must be empty or hold an earlier set")
    parser.add_argument("--plants", type=int, default=60, help="plants per condition (default 60)")
    parser.add_argument("--size", type=int, default=320, help="longer picture side in pixels, 96..640 (default 320)")
    parser.add_argument("--seed", type=int, default=0, help="another seed gives other pictures (default 0)")
    parser.add_argument("--workers", type=int, default=2, help="processes (default 2)")
    chosen = parser.parse_args(arguments)
    if chosen.plants < 1 or not SIZES[0] <= chosen.size <= SIZES[1]:
        parser.error(f"--plants must be at least 1 and --size between {SIZES[0]} and {SIZES[1]}")
    return chosen


def main(arguments: list[str]) -> int:
    """Run the command."""
    chosen = parse(arguments)
    start = time.perf_counter()
    if make(chosen.out, chosen.plants, chosen.size, chosen.seed, chosen.workers):
        print(f"made in {time.perf_counter() - start:.1f} s")
    else:
        print(f"{chosen.out} already holds this set")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
