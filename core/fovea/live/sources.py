"""The streams of a site: their names, their addresses, and the secrets that an address only refers to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from fovea.errors import SettingsError
from fovea.plugin import Domain

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_REFERENCE = re.compile(r"\{env:([A-Za-z_][A-Za-z0-9_]*)\}")
_SECRETS = {"password", "passwd", "pwd", "pass", "token", "secret", "apikey", "api_key"}
"""Names under which an address's query carries what must not stand in the open."""

_HINT = "write {env:NAME} in its place and set that variable"


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
        """The address with its secrets filled in: never to be stored, shown or logged.

        A variable holds its secret as it is; before the ``@`` of an address it is quoted, as addresses want it.
        """
        scheme, _, rest = self.address.partition("://")
        authority, slash, path = rest.partition("/")
        who, at, where = authority.rpartition("@")
        named = _REFERENCE.sub(lambda found: _quoted(environment.get(found[1], "")), who)
        return f"{scheme}://{named}{at}" + _REFERENCE.sub(
            lambda found: environment.get(found[1], ""), where + slash + path
        )

    def hide(self, text: str, environment: Mapping[str, str]) -> str:
        """A text without this source's secrets, should a library have quoted them."""
        secrets = [environment.get(name, "") for name in _REFERENCE.findall(self.address)]
        spelt = {way(secret) for secret in secrets for way in (str, unquote, quote, _quoted)}
        for one in sorted(spelt, key=len, reverse=True):
            text = text.replace(one, "***") if one else text
        return text


def _quoted(secret: str) -> str:
    return quote(secret, safe="")


def sources_of(domain: Domain, addresses: Mapping[str, str], environment: Mapping[str, str]) -> tuple[Source, ...]:
    """The streams that a site's settings name.

    Raises:
        SettingsError: naming every mistake: a name, an address or a scheme that will not do, a secret in the open
            or one that is not there.
    """
    mistakes = [
        f"stream.{name}: {fault}"
        for name, address in sorted(addresses.items())
        for fault in _faults(domain, name, address, environment)
    ]
    if mistakes:
        raise SettingsError(f"streams of '{domain.info.name}'", mistakes)
    return tuple(_source(domain, name, address) for name, address in sorted(addresses.items()))


def _source(domain: Domain, name: str, address: str) -> Source:
    scheme = urlsplit(address).scheme
    stream = domain.streams[scheme]
    return Source(name=name, address=address, scheme=scheme, kind=stream.kind, silent_s=stream.silent_s)


def _faults(domain: Domain, name: str, address: object, environment: Mapping[str, str]) -> Iterator[str]:
    if not _NAME.fullmatch(name):
        yield "a stream's name is lower-case letters, digits and hyphens, at most 63"
    if not isinstance(address, str):
        yield f"want an address as text, not {type(address).__name__}"
        return
    try:
        parts = urlsplit(_REFERENCE.sub("", address))
    except ValueError as error:
        yield f"this is no address: {error}"
        return
    if parts.scheme not in domain.streams:
        known = ", ".join(f"{scheme}://" for scheme in sorted(domain.streams)) or "none"
        yield f"the domain '{domain.info.name}' knows no address that begins like this (it knows: {known})"
    if said := _in_the_open(parts):
        yield f"a {said} does not belong here; {_HINT}"
    for missing in sorted({found for found in _REFERENCE.findall(address) if not environment.get(found)}):
        yield f"the environment variable {missing} is not set"


def _in_the_open(parts: SplitResult) -> str:
    """What of an address is a secret that anybody can read, once the references were taken out."""
    given = [("password", parts.password or ""), *parse_qsl(parts.query)]
    return next((key for key, value in given if key.lower() in _SECRETS and value), "")
