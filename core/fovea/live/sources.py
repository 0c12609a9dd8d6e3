"""The streams of a site: their names, their addresses, and the secrets that an address only refers to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from fovea.errors import SettingsError
from fovea.plugin import Domain

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_REFERENCE = re.compile(r"\{env:([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One stream of a site.

    Args:
        name: the stream's name at the site; samples carry it as their source.
        address: as the site's settings hold it, where ``{env:NAME}`` stands for a secret.
        scheme: what the domain knows it by.
        kind: of what it brings.
        silent_s: seconds without a frame after which it is taken for lost.
    """

    name: str
    address: str
    scheme: str
    kind: Literal["frames", "files"]
    silent_s: float

    def url(self, environment: Mapping[str, str]) -> str:
        """The address with its secrets filled in: never to be stored, shown or logged."""
        return _REFERENCE.sub(lambda found: environment.get(found[1], ""), self.address)

    def hide(self, text: str, environment: Mapping[str, str]) -> str:
        """A text without this source's secrets, should a library have quoted them."""
        for name in _REFERENCE.findall(self.address):
            secret = environment.get(name, "")
            text = text.replace(secret, "***") if secret else text
        return text


def sources_of(domain: Domain, addresses: Mapping[str, str], environment: Mapping[str, str]) -> tuple[Source, ...]:
    """The streams that a site's settings name.

    Raises:
        SettingsError: naming every mistake: a name, an address or a scheme that will not do, a secret in the open
            or one that is not there.
    """
    mistakes = [
        f"stream.{name}: {fault}"
        for name, address in sorted(addresses.items())
        if (fault := _fault(domain, name, address, environment))
    ]
    if mistakes:
        raise SettingsError(f"streams of '{domain.info.name}'", mistakes)
    return tuple(_source(domain, name, address) for name, address in sorted(addresses.items()))


def _source(domain: Domain, name: str, address: str) -> Source:
    scheme = urlsplit(address).scheme
    stream = domain.streams[scheme]
    return Source(name=name, address=address, scheme=scheme, kind=stream.kind, silent_s=stream.silent_s)


def _fault(domain: Domain, name: str, address: object, environment: Mapping[str, str]) -> str | None:
    if not _NAME.fullmatch(name):
        return "a stream's name is lower-case letters, digits and hyphens"
    if not isinstance(address, str):
        return f"want an address as text, not {type(address).__name__}"
    try:
        parts = urlsplit(address)
    except ValueError as error:
        return f"this is no address: {error}"
    if parts.scheme not in domain.streams:
        known = ", ".join(f"{scheme}://" for scheme in sorted(domain.streams)) or "none"
        return f"the domain '{domain.info.name}' knows no address that begins like this (it knows: {known})"
    if parts.password and not _REFERENCE.search(parts.password):
        return "a password does not belong here; write {env:NAME} in its place and set that variable"
    missing = sorted({found for found in _REFERENCE.findall(address) if not environment.get(found)})
    return f"the environment variable {missing[0]} is not set" if missing else None
