"""The one way a unit's entries become decisions: in a batch, in a preview, and in the kit for plugin authors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fovea.plugin import Decision, Domain, Entry, Fitted, PolicySettings
from fovea.registry import blamed
from fovea.store.values import Ended

_OVER = object()


def decide(
    *, domain: Domain, entries: Iterable[Entry | Ended], policy: PolicySettings, fitted: Fitted
) -> list[Decision]:
    """The last decision of each key; a domain may yield one again as it grows surer.

    A unit of a stream ends and begins anew: each of its stretches is decided on by itself, as it was when it
    came in, and what they conclude stands side by side.

    Raises:
        PluginError: ``decide`` failed.
    """
    last: dict[str, Decision] = {}
    for stretch in stretches(entries):
        with blamed(domain.info, "decide"):
            for decision in domain.decide(entries=stretch, policy=policy, fitted=fitted):
                last[decision.key] = decision
    return list(last.values())


def stretches(entries: Iterable[Entry | Ended]) -> Iterator[Iterator[Entry]]:
    """The entries cut where the unit ended; streamed, so that a stretch must be used before the next is asked for.

    There is always a first stretch, be it empty.

    >>> from datetime import UTC, datetime
    >>> noon = datetime(2026, 5, 1, 12, tzinfo=UTC)
    >>> from fovea.plugin import Tick
    >>> [len(list(stretch)) for stretch in stretches([Tick(time=noon), Ended(time=noon), Tick(time=noon)])]
    [1, 1]
    >>> [len(list(stretch)) for stretch in stretches([])]
    [0]
    """
    source = iter(entries)
    first: object = next(source, _OVER)
    while True:
        stretch = _stretch(first, source)
        yield stretch
        for _ in stretch:
            pass  # a plugin need not ask for everything
        first = next(source, _OVER)
        if first is _OVER:
            return


def _stretch(first: object, source: Iterator[Entry | Ended]) -> Iterator[Entry]:
    one = first
    while one is not _OVER and not isinstance(one, Ended):
        yield one  # type: ignore[misc]  # an entry, since it is neither of the two
        one = next(source, _OVER)
