"""What a card says of where a model's answers come from."""

from __future__ import annotations

from collections.abc import Iterator

from fovea.serving.bundle import Bundle


def explained(bundle: Bundle) -> Iterator[str]:
    """Whether maps of its answers proved better than none; nothing where none were made."""
    told = (bundle.figures or {}).get("explained")
    if told is None:
        return
    yield "## Where its answers come from"
    yield ""
    yield explained_sentence(told["maps"], told["shown"])


def explained_sentence(maps: int, shown: int) -> str:
    """What came of putting maps of the answers to the test, for people."""
    tested = (
        f"On test pictures, {shown} of {maps} maps of its answers were better than what needs no trained network (a "
        "blob in the middle, maps of saturation and of edges, the same network untrained) when their places were "
        "blurred out and brought back."
    )
    if 2 * shown >= maps:
        return f"{tested} A map that is shown says which places an answer hangs on, not that it is right."
    if shown:
        return f"{tested} Its answers mostly hang on no single place: maps that are shown may be the lucky ones."
    return f"{tested} Its answers hang on no single place, so that maps of them are hidden."
