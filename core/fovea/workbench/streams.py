"""Addresses of a site's streams, among its settings: ``stream.NAME=ADDRESS``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fovea.store.store import Store
from fovea.store.values import Site

_PREFIX = "stream."


def of(store: Store, site: Site) -> Mapping[str, str]:
    """Addresses by the stream's name; secrets in them stand as ``{env:NAME}``."""
    return store.settings(site=site.id, kind="stream").get("", {})


def split(texts: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """Addresses by name, and the other settings.

    >>> split(["stream.gate=rtsp://gate/1?a=b", "view.sharp=2"])
    ({'gate': 'rtsp://gate/1?a=b'}, ['view.sharp=2'])
    """
    found: dict[str, str] = {}
    others: list[str] = []
    for text in texts:
        name, equals, address = text.partition("=")
        if equals and name.strip().startswith(_PREFIX):
            found[name.strip().removeprefix(_PREFIX)] = address.strip()
        else:
            others.append(text)
    return found, others


def changed(before: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """The addresses after these were given; an empty one takes its stream away."""
    return {name: address for name, address in {**before, **given}.items() if address}
