"""Measure that a batch's memory does not grow with its pictures, however bad they are.

    FOVEA_REAL_DATA=/path/to/data python benchmarks/batch_memory.py [--photos 500] [--workers N]

``fovea batch`` works through 500 apple photos with every damaged and hostile picture there is among them, and through
one picture alone. For the whole tree of processes the greatest sum is told of

* PSS, pages that several share being split among them (of libraries, with whatever else runs on the machine), and
* RSS, where each counts them whole,

looked up every few milliseconds, and the sum of each process's own greatest RSS as the kernel keeps it, which no short
peak escapes. Both runs are also made with one worker: what is left of the difference is then not the second process.

Ends with status 1 where a claim fails: all pictures answered, none by a crash, a second batch without a single new
prediction, and less than 300 MB between one picture and all.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fovea.plugin import PICTURES

MOST_MB = 300.0
SECONDS_BETWEEN = 0.01
LEARNED = 24
"""Photos a class that the model is trained on; what it learns does not matter here."""
RECIPE = ("weights=none", "unfreeze=1", "size=224", "epochs=1", "threads=1")
"""The network that a training serves by default, a ResNet-18 at 224 pixels, after as little training as there is."""
NOT_PHOTOS = ("badfiles/pydicom/", "badfiles/pwnlab-dicom/")
DONE, QUARANTINED = 0, 3
"""The exit codes of a finished batch: with nothing left out, and with files in quarantine."""
FOVEA = Path(sys.executable).with_name("fovea")


@dataclass(slots=True)
class Used:
    """What one command took: greatest sums over its processes in MB, and what it said."""

    pss: float = 0.0
    rss: float = 0.0
    processes: int = 0
    own: dict[int, float] = field(default_factory=dict)
    seconds: float = 0.0
    code: int = 0
    told: str = ""
    errors: str = ""

    @property
    def highest(self) -> float:
        """Sum of each process's own greatest RSS, whenever that was."""
        return sum(self.own.values())

    @property
    def summary(self) -> dict[str, Any]:
        """The batch's ``--json``."""
        return dict(json.loads(self.told))


@dataclass(frozen=True, slots=True)
class Pair:
    """One picture and all of them, worked through in the same way, and all of them a second time."""

    workers: int
    one: Used
    many: Used
    again: Used
    new_rows: int


def main() -> None:
    """Make the folders, measure, print, judge."""
    arguments = _arguments()
    if "FOVEA_REAL_DATA" not in os.environ:
        sys.exit("set FOVEA_REAL_DATA to the folder of real pictures")
    data = Path(os.environ["FOVEA_REAL_DATA"])
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        photos, hostile = _fill(data, place, arguments.photos)
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {photos} photos and {hostile} hostile files")
        model = _train(place)
        pairs = [_pair(place, model, workers) for workers in dict.fromkeys((arguments.workers, 1))]
    _show(pairs)
    failed = [claim for pair in pairs for claim, holds in _claims(pair, photos + hostile) if not holds]
    sys.exit(1 if failed else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure a batch's memory.")
    parser.add_argument("--photos", type=int, default=500, help="apple photos among the hostile files (default 500)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="workers (default: one a core)")
    return parser.parse_args()


def _fill(data: Path, place: Path, count: int) -> tuple[int, int]:
    """Copy photos (classes in turn), every hostile file, one photo alone, and a few to learn from."""
    classes = [sorted(folder.iterdir()) for folder in sorted((data / "crop" / "lab_apple").iterdir())]
    turns = [path for turn in zip(*classes, strict=False) for path in turn]
    for path in turns[:count]:
        _copy(path, place / "many" / "photos" / path.parent.name / path.name)
    hostile = list(_hostile(data))
    for path in hostile:
        name = path.relative_to(data)
        shown = name if name.suffix.lower() in PICTURES else name.with_name(f"{name.name}.jpg")
        _copy(path, place / "many" / "hostile" / shown)
    _copy(turns[0], place / "one" / turns[0].parent.name / turns[0].name)
    for path in turns[: LEARNED * len(classes)]:
        _copy(path, place / "learned" / path.parent.name / path.name)
    return len(turns[:count]), len(hostile)


def _hostile(data: Path) -> Iterator[Path]:
    """Every broken file and fuzzing case but DICOM, whatever its suffix says."""
    for folder in ("crop/broken_files", "badfiles"):
        for path in sorted((data / folder).rglob("*")):
            name = path.relative_to(data).as_posix()
            if path.is_file() and not name.startswith(NOT_PHOTOS) and path.suffix != ".dcm":
                yield path


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _train(place: Path) -> Path:
    home = place / "learning"
    recipe = [word for setting in RECIPE for word in ("--recipe", setting)]
    _told(home, "train", "crop", str(place / "learned"), "--name", "measured", *recipe)
    return home / "models" / "measured.fovea"


def _pair(place: Path, model: Path, workers: int) -> Pair:
    home = place / f"home-{workers}"
    for name in ("one", "many"):
        _told(home, "site", "add", str(place / name), "--name", name, "--domain", "crop")
        _told(home, "site", "use", name, str(model))
    one = _batch(home, "one", workers)
    many = _batch(home, "many", workers)
    before = _predictions(home)
    again = _batch(home, "many", workers)
    return Pair(workers, one, many, again, _predictions(home) - before)


def _told(home: Path, *words: str) -> None:
    done = subprocess.run([FOVEA, "--home", home, "--quiet", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"fovea {' '.join(words)} ended with {done.returncode}: {done.stderr}")


def _batch(home: Path, site: str, workers: int) -> Used:
    command = [str(FOVEA), "--home", str(home), "--quiet", "batch", site, "--workers", str(workers), "--json"]
    used = _watched(command, home)
    if used.code not in (DONE, QUARANTINED):
        sys.exit(f"the batch of {site} ended with {used.code}: {used.errors}")
    return used


def _predictions(home: Path) -> int:
    """Rows of predictions in the database, counted behind the program's back."""
    database = sqlite3.connect(home / "fovea.db")
    try:
        return int(database.execute("SELECT count(*) FROM predictions").fetchone()[0])
    finally:
        database.close()


def _watched(command: Sequence[str], home: Path) -> Used:
    """Run a command in a session of its own and look at its processes until it ends; none of them is left."""
    used, began = Used(), time.monotonic()
    with (home / "told").open("w+") as told, (home / "errors").open("w+") as errors:
        process = subprocess.Popen(command, stdout=told, stderr=errors, start_new_session=True)
        try:
            while process.poll() is None:
                _look(process.pid, used)
                time.sleep(SECONDS_BETWEEN)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            used.code = process.wait()
        used.seconds = time.monotonic() - began
        for stream in (told, errors):
            stream.seek(0)
        used.told, used.errors = told.read(), errors.read()
    return used


def _look(session: int, used: Used) -> None:
    pss = rss = 0.0
    members = list(_members(session))
    for pid in members:
        with suppress(OSError):  # it ended while we looked
            status = _kilobytes(pid, "status")
            rss += status.get("VmRSS", 0.0) / 1024
            pss += _kilobytes(pid, "smaps_rollup").get("Pss", 0.0) / 1024
            used.own[pid] = max(used.own.get(pid, 0.0), status.get("VmHWM", 0.0) / 1024)
    used.pss, used.rss = max(used.pss, pss), max(used.rss, rss)
    used.processes = max(used.processes, len(members))


def _members(session: int) -> Iterator[int]:
    """The processes of a session: proc(5), the fourth field behind the command's name."""
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with suppress(OSError):
                after = Path("/proc", entry, "stat").read_text(errors="replace").rpartition(")")[2].split()
                if int(after[3]) == session:
                    yield int(entry)


def _kilobytes(pid: int, name: str) -> dict[str, float]:
    lines = Path("/proc", str(pid), name).read_text(errors="replace").splitlines()
    parted = [line.split() for line in lines if line.endswith(" kB")]
    return {words[0].rstrip(":"): float(words[1]) for words in parted}


def _show(pairs: Sequence[Pair]) -> None:
    print(f"\n{'MB, greatest at a time':26s}{'PSS':>8s}{'RSS':>8s}{'own peaks':>11s}{'processes':>11s}{'seconds':>9s}")
    for pair in pairs:
        for name, used in (("one picture", pair.one), ("all pictures", pair.many)):
            line = f"{used.pss:8.0f}{used.rss:8.0f}{used.highest:11.0f}{used.processes:11d}{used.seconds:9.1f}"
            print(f"{f'{name}, workers {pair.workers}':26s}{line}")
        one, many = pair.one, pair.many
        apart = f"{many.pss - one.pss:8.0f}{many.rss - one.rss:8.0f}{many.highest - one.highest:11.0f}"
        ratio = f"{many.pss / one.pss:8.2f}{many.rss / one.rss:8.2f}{many.highest / one.highest:11.2f}"
        print(f"{'  difference':26s}{apart}\n{'  ratio':26s}{ratio}")
    print()
    for pair in pairs:
        told = pair.many.summary
        print(
            f"workers {pair.workers}: {told['scored']} scored, {told['new_quarantined']} quarantined "
            f"{told['quarantined']}, {told['rate']:.1f} pictures/s; "
            f"second batch: {pair.again.summary['scored']} scored, {pair.new_rows} new rows"
        )


def _claims(pair: Pair, pictures: int) -> list[tuple[str, bool]]:
    """Each claim with whether it holds; printed as it is judged."""
    one, many, again = pair.one.summary, pair.many.summary, pair.again.summary
    apart = max(pair.many.pss - pair.one.pss, pair.many.rss - pair.one.rss)
    claims = [
        (f"less than {MOST_MB:.0f} MB between one picture and all ({apart:.0f} MB)", apart < MOST_MB),
        ("every picture has its answer", many["scored"] + many["new_quarantined"] == many["pictures"] == pictures),
        ("one picture is scored", (pair.one.code, one["scored"]) == (DONE, 1)),
        (
            "finished with some in quarantine, without a crash",
            pair.many.code == QUARANTINED and not _crashed(pair.many),
        ),
        ("a second batch predicts nothing", (again["scored"], again["new_quarantined"], pair.new_rows) == (0, 0, 0)),
    ]
    for claim, holds in claims:
        print(f"workers {pair.workers}: {'holds' if holds else 'FAILS'}: {claim}")
    return claims


def _crashed(used: Used) -> bool:
    return "Traceback" in used.errors or "crash" in used.summary["quarantined"] or bool(used.summary["faults"])


if __name__ == "__main__":
    main()
