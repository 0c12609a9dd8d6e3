"""Write ``outcomes.csv``: what becomes of every hostile file, and why.

Run it as ``FOVEA_REAL_DATA=... python tests/hostile/make_table.py`` after a change of a decoder, and read the
difference before it is committed; libtiff's lines on standard error are Pillow's second opinion. The rule:

* we accept it and Pillow loads it: ``accepted``;
* we refuse it and Pillow does: ``refused``, with our code;
* we refuse it by our own reading of its structure and Pillow loads it: ``refused``, since a file that ends early,
  or is larger than allowed, is refused however kindly a decoder looks at it;
* the two decoders disagree about damaged data: ``either``; another version may think otherwise.
"""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

HERE = Path(__file__).parent
TABLE = HERE / "outcomes.csv"
FOLDERS = ("crop/broken_files", "badfiles")
NOT_PHOTOS = ("badfiles/pydicom/", "badfiles/pwnlab-dicom/")
FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP")


def hostile_files(root: Path) -> list[str]:
    """Every file but DICOM, whatever its suffix says."""
    paths = (path for folder in FOLDERS for path in sorted((root / folder).rglob("*")) if path.is_file())
    names = (path.relative_to(root).as_posix() for path in paths)
    return [name for name in names if not name.startswith(NOT_PHOTOS) and not name.endswith(".dcm")]


def look(root: Path, names: list[str]) -> Iterator[dict[str, dict[str, str | float]]]:
    """What :mod:`look` says of the files, in a child process."""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(HERE / "look.py"), str(root)],
        input=json.dumps(names),
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    return map(json.loads, done.stdout.splitlines())


def pillow_loads(path: Path) -> bool:
    """A second opinion."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(path.read_bytes()), formats=FORMATS) as picture:
                picture.convert("RGB")
        except Exception:  # noqa: BLE001 - Pillow raises all sorts
            return False
    return True


def outcome(code: str, *, second: bool) -> tuple[str, str]:
    """(outcome, code) by the rule above; ``code`` is empty where we accept the file."""
    if not code:
        return ("accepted", "") if second else ("either", "")
    return ("either", "") if second and code == "damaged" else ("refused", code)


def main() -> None:
    """Write the table and count what is in it."""
    root = Path(os.environ["FOVEA_REAL_DATA"])
    rows = []
    for seen in look(root, hostile_files(root)):
        if "signal" in seen["fresh"]:
            sys.exit(f"{seen['name']} ended the decoder's process: {seen['fresh']['signal']}")
        code = str(seen["fresh"].get("code", ""))
        second = code not in ("bomb", "empty") and pillow_loads(root / str(seen["name"]))
        rows.append((seen["name"], *outcome(code, second=second)))
    with TABLE.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([("path", "outcome", "code"), *rows])
    sys.stdout.write(f"{len(rows)} files: {Counter(row[1:] for row in rows)}\n")


if __name__ == "__main__":
    main()
