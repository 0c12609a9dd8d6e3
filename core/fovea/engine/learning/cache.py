"""Features of pictures, kept by what the picture is: each is embedded once by a backbone, whatever asks for it.

A backbone's folder holds segments, files that are written once and whole and named by the digest of their bytes. So two
processes may fill one cache at a time (a picture that both embedded stands in it twice, and that is all), a process
that is killed leaves what it had written, and a damaged segment is known by its name, thrown away and made again. The
folder of a backbone that nobody asked for in two months goes; what goes while a process works with it is made again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from fovea.progress import Progress

SEGMENT = 512
_MANY = 24
_SUFFIX = ".safetensors"

Features = NDArray[np.float16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """Features by one backbone.

    Args:
        folder: of its segments, made where absent.
        embed: uint8 (n, size, size, 3) to float (n, width).
        width: numbers a picture.
    """

    folder: Path
    embed: Callable[[NDArray[np.uint8]], NDArray[np.float32]]
    width: int

    def features(
        self, pixels: NDArray[np.uint8], rows: NDArray[np.intp], digests: Sequence[str], progress: Progress
    ) -> Features:
        """The features of these rows of the squares, float16 (rows, width); what is not here yet is embedded.

        Args:
            pixels: uint8 (all, size, size, 3).
            rows: which of them.
            digests: of each row's pixels, 16 hexadecimal digits.
            progress: told picture by picture; a step that has nothing to do is not told of.
        """
        known = self._known()
        missing = {digest: row for row, digest in zip(rows.tolist(), digests, strict=True) if digest not in known}
        if missing:
            progress.start("embed", len(missing))
            for names, features in self._embedded(pixels, missing, progress):
                known.update(zip(names, features, strict=True))
                self._write(names, features)
            progress.finish()
        answer = np.empty((len(rows), self.width), np.float16)
        for place, digest in enumerate(digests):
            answer[place] = known[digest]
        return answer

    def _embedded(
        self, pixels: NDArray[np.uint8], missing: dict[str, int], progress: Progress
    ) -> Iterator[tuple[list[str], Features]]:
        digests = list(missing)
        for start in range(0, len(digests), SEGMENT):
            names = digests[start : start + SEGMENT]
            parts = []
            for first in range(0, len(names), 16):
                squares = pixels[[missing[name] for name in names[first : first + 16]]]
                parts.append(np.clip(self.embed(squares), -65504, 65504).astype(np.float16))
                progress.advance(len(squares))
            yield names, np.concatenate(parts)

    def _known(self) -> dict[str, Features]:
        """All that is here, by digest."""
        known: dict[str, Features] = {}
        segments = sorted(self.folder.glob(f"*{_SUFFIX}"))
        for path in segments:
            known.update(_read(path, self.width))
        if len(segments) > _MANY and known:
            names = list(known)
            kept = self._write(names, np.stack([known[name] for name in names]))
            for path in segments:
                if path != kept:
                    path.unlink(missing_ok=True)
        return known

    def _write(self, names: Sequence[str], features: Features) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        digests = np.frombuffer(bytes.fromhex("".join(names)), np.uint8).reshape(len(names), -1)
        content = save({"digests": digests, "features": np.ascontiguousarray(features)})
        path = self.folder / f"{_digest(content)}{_SUFFIX}"
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        beside.write_bytes(content)
        beside.replace(path)
        return path


def _read(path: Path, width: int) -> Iterator[tuple[str, Features]]:
    """Digests and features of a segment; nothing of one that another process merged away, or that is damaged."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return
    try:
        tensors = load(content) if _digest(content) == path.name.removesuffix(_SUFFIX) else {}
    except SafetensorError:
        tensors = {}
    if not tensors or tensors["features"].shape[1:] != (width,):
        path.unlink(missing_ok=True)
        return
    for digest, row in zip(tensors["digests"], tensors["features"], strict=True):
        yield digest.tobytes().hex(), row


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
