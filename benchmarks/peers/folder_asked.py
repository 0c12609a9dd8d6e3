"""What every side of ``benchmarks/batch_peers.py`` is asked, and answers; the standard library alone.

Each side is started as ``python SIDE.py ASKED.json``, says of every picture which of a thousand classes it is, and
writes how many it has said. Its parent counts the CPU time of the whole process.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Asked:
    """What all sides are asked alike.

    Args:
        data: folder of pictures, ``LABEL/NAME.jpg``.
        network: ``resnet18`` or ``mobilenet_v3_small``.
        weights: a file of torch with the weights, by torchvision's names.
        size: side of the network's square in pixels.
        batch: pictures at a time.
        workers: processes that load pictures.
        precision: ``fp32`` or ``bf16``; peers know only the first.
        answer: the file that a side writes.
        room: an empty folder for what it keeps.
    """

    data: str
    network: str
    weights: str
    size: int
    batch: int
    workers: int
    precision: str
    answer: str
    room: str

    def answers(self, said: int, version: str) -> None:
        """Write how many pictures were answered, and by which version."""
        Path(self.answer).write_text(json.dumps({"said": said, "version": version}), encoding="ascii")


def read_asked() -> Asked:
    """The settings named on the command line."""
    return Asked(**json.loads(Path(sys.argv[1]).read_text(encoding="ascii")))
