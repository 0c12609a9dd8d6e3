"""A curve on a terminal, in characters of which each holds two by four dots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

_BLANK = 0x2800
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""The bits of a Braille character's dots, by column and row (Unicode 17, chapter 21.1)."""


def curve(values: Sequence[float], *, width: int, height: int) -> Iterator[str]:
    """Lines of text that show values from left to right, the highest at the top; each line begins with its height.

    Args:
        values: at least one, finite.
        width: columns in all.
        height: lines.
    """
    low, high = min(values), max(values)
    span = high - low or 1.0
    ticks = [f"{high - span * line / max(height - 1, 1):.3g}" for line in range(height)]
    margin = max(map(len, ticks))
    dots = _dots([(value - low) / span for value in values], 2 * max(width - margin - 2, 1), 4 * height)
    for line, tick in enumerate(ticks):
        row = "".join(
            chr(_BLANK + sum(_DOTS[x][y] for x in (0, 1) for y in range(4) if (column + x, 4 * line + y) in dots))
            for column in range(0, 2 * max(width - margin - 2, 1), 2)
        )
        yield f"{tick:>{margin}} \u2502{row}"


def _dots(shares: Sequence[float], width: int, height: int) -> set[tuple[int, int]]:
    """The dots of a line through these shares of the height; (0, 0) is at the top left."""
    found: set[tuple[int, int]] = set()
    last: int | None = None
    for x in range(width):
        at = x / max(width - 1, 1) * (len(shares) - 1)
        left = int(at)
        right = min(left + 1, len(shares) - 1)
        share = shares[left] + (at - left) * (shares[right] - shares[left])
        y = round((1 - share) * (height - 1))
        steps = range(min(last, y), max(last, y) + 1) if last is not None else range(y, y + 1)
        found.update((x, step) for step in steps)
        last = y
    return found
