"""Reading facts from paths: ``{field}/{date}/{plant}-{shot}`` takes a path apart into named texts."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp"})
"""Suffixes, in lower case, of the files that a folder of photos is made of."""


@dataclass(frozen=True, slots=True)
class PathPattern:
    """A path with named holes. A hole takes no slash, as few characters as fit; the suffix is left out.

    A hole named twice must read the same twice. A pattern with fewer folders than the path is matched against the
    path's end, so ``{disease}/{name}`` reads ``a/b/rust/1.jpg`` as disease ``rust``.

    >>> PathPattern("{field}/{date}/{plant}-{shot}").read("north/2026-05-01/p12-3.jpg")
    {'field': 'north', 'date': '2026-05-01', 'plant': 'p12', 'shot': '3'}
    >>> PathPattern("{field}/{name}").read("alone.jpg") is None
    True

    Raises:
        ValueError: where the pattern has no hole, or braces that do not match.
    """

    text: str

    def __post_init__(self) -> None:
        self._compiled()

    def _compiled(self) -> re.Pattern[str]:
        seen: set[str] = set()
        parts: list[str] = []
        for literal, hole in re.findall(r"([^{}]*)(?:\{([a-z_]+)\})?", self.text):
            parts.append(re.escape(literal))
            if hole:
                parts.append(f"(?P={hole})" if hole in seen else f"(?P<{hole}>[^/]+?)")
                seen.add(hole)
        if not seen or self.text.count("{") != self.text.count("}") or re.sub(r"\{[a-z_]+\}", "", self.text).count("{"):
            msg = f"pattern '{self.text}' needs at least one hole such as {{name}}, of lower-case letters"
            raise ValueError(msg)
        return re.compile(rf"(?:.*/)?{''.join(parts)}", re.DOTALL)

    def read(self, path: str) -> dict[str, str] | None:
        """The texts in the holes, or None where the path does not fit. ``path`` is relative, with slashes."""
        stem = re.sub(r"\.[^./]*$", "", path)
        found = self._compiled().fullmatch(stem)
        return found.groupdict() if found else None


def find_files(root: Path, suffixes: frozenset[str] = PICTURES) -> Iterator[str]:
    """Relative paths (with slashes) of the files below ``root`` with one of ``suffixes``, in a stable order.

    Folders are walked one at a time, so that memory does not grow with the tree; names that begin with a dot are
    left out; a folder reached by a symbolic link is not entered, so a loop of links ends. Bytes of a name that
    are not UTF-8 come as surrogates, which :func:`os.fsencode` turns back.

    Raises:
        OSError: where ``root`` itself cannot be listed; folders below it that cannot be are left out.
    """
    yield from _walk(os.fspath(root), "", suffixes, first=True)


def _walk(folder: str, prefix: str, suffixes: frozenset[str], *, first: bool = False) -> Iterator[str]:
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError:
        if first:
            raise
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path, f"{prefix}{entry.name}/", suffixes)
        elif os.path.splitext(entry.name)[1].lower() in suffixes and not entry.is_dir():
            yield f"{prefix}{entry.name}"
