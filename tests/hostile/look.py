"""Decode the files named on standard input and say what came of each, one line of JSON a file.

``python look.py ROOT < names.json``. Each file is decoded twice: in a process of its own, forked before anything
was decoded, and then one after the other in this process. A file whose two answers differ was shown something of
the file before it.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import sys
import time
from pathlib import Path

import cv2
from PIL import JpegImagePlugin, TiffImagePlugin

from fovea.plugin import Sample, Unreadable, ViewSettings
from fovea.plugin.imaging import decode, load_pictures

LOADED = (JpegImagePlugin, TiffImagePlugin, decode)
"""What a first picture would load; a fork is not to pay for it."""


def answer_for(root: Path, name: str) -> dict[str, str]:
    """The code of a refused file, or a digest of an accepted one's pixels."""
    (found,) = load_pictures(root=root, samples=[Sample(source=name)], view=ViewSettings(), side=None)
    if isinstance(found, Unreadable):
        return {"code": found.code}
    shape = "x".join(map(str, found.pixels.shape))
    return {"digest": f"{shape} {hashlib.sha256(found.pixels).hexdigest()[:16]}"}


def alone(root: Path, name: str) -> dict[str, object]:
    """As :func:`answer_for`, in a fork, with the memory (MB) and seconds it took; ``signal`` where it died."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
        answer = answer_for(root, name)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        os.write(writing, json.dumps(answer | {"mb": grown, "seconds": time.perf_counter() - start}).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    status = os.waitpid(child, 0)[1]
    return json.loads(answer) if answer else {"signal": os.waitstatus_to_exitcode(status)}


def main() -> None:
    """Look at every file on standard input."""
    root, names = Path(sys.argv[1]), json.load(sys.stdin)
    cv2.setNumThreads(1)  # a fork does not take threads along
    fresh = {name: alone(root, name) for name in names}
    for name in names:
        again = {} if "signal" in fresh[name] else answer_for(root, name)
        json.dump({"name": name, "fresh": fresh[name], "again": again}, sys.stdout)
        sys.stdout.write("\n")


if __name__ == "__main__":
    main()
