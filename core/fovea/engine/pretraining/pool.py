"""Drawn pictures kept in a folder: drawing costs as much as learning, so each is drawn once and seen many times."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fovea.engine.draws import seed_of
from fovea.engine.pretraining.drawing import draw
from fovea.errors import Stopped
from fovea.progress import Progress

CHUNK = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """What a pool is drawn by: the same numbers give the same pictures.

    Args:
        pictures: how many.
        size: side in pixels.
        seed: of everything drawn.
    """

    pictures: int
    size: int
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Pictures as uint8 (pictures, size, size, 3), and the class of each, -1 where it has none."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int16]


def open_pool(folder: Path, drawing: Drawing, *, device: str, progress: Progress, stop: Callable[[], bool]) -> Pool:
    """Draw what is not drawn yet, and open the pool.

    Args:
        folder: where its files lie; one pool a folder, an other drawing begins anew.
        drawing: what is wanted.
        device: where to draw.
        progress: told picture by picture.
        stop: asked between chunks of 128 pictures.

    Raises:
        Stopped: ``stop`` said so; what is drawn is kept.
    """
    note = folder / "pool.json"
    shape = (drawing.pictures, drawing.size, drawing.size, 3)
    pixels, kept = _mapped(folder / "pool.pixels", np.uint8, shape)
    labels, kept_too = _mapped(folder / "pool.labels", np.int16, shape[:1])
    done = _done(note, drawing) if kept and kept_too else 0
    progress.start("draw", drawing.pictures)
    progress.advance(done)
    while done < drawing.pictures:
        if stop():
            raise Stopped(f"the drawing was stopped after {done} of {drawing.pictures} pictures: run it again to go on")
        drawn, classes = draw(
            CHUNK, size=drawing.size, seed=seed_of(drawing.seed, done // CHUNK), family=drawing.seed, device=device
        )
        many = min(CHUNK, drawing.pictures - done)
        pixels[done : done + many], labels[done : done + many] = drawn[:many].cpu(), classes[:many].cpu()
        pixels.flush()
        labels.flush()
        done += many
        _write(note, {**asdict(drawing), "done": done})
        progress.advance(many)
    progress.finish()
    return Pool(pixels=pixels, labels=labels)


def _done(note: Path, drawing: Drawing) -> int:
    if not note.is_file():
        return 0
    known = json.loads(note.read_text(encoding="ascii"))
    return int(known.pop("done")) if known == {**asdict(drawing), "done": known.get("done")} else 0


def _mapped(path: Path, kind: type[np.generic], shape: tuple[int, ...]) -> tuple[np.memmap[Any, Any], bool]:
    """The file as an array of this shape, and whether it was there already."""
    size = int(np.prod(shape)) * np.dtype(kind).itemsize
    kept = path.is_file() and path.stat().st_size == size
    if not kept:
        with path.open("wb") as stream:
            os.truncate(stream.fileno(), size)
    return np.memmap(path, dtype=kind, mode="r+", shape=shape), kept


def _write(path: Path, content: dict[str, int]) -> None:
    beside = path.with_name(f".{path.name}")
    beside.write_text(json.dumps(content), encoding="ascii")
    beside.replace(path)
