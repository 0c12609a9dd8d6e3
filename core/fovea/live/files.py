"""A stream of files: each is put in the site's inbox, and only then acknowledged."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

from fovea.errors import PluginError
from fovea.live.child import Errand
from fovea.live.inbox import Inbox
from fovea.live.incoming import NOTHING, OVER, Incoming
from fovea.live.pulse import Pulse
from fovea.plugin import Arrival
from fovea.processes import Tell
from fovea.registry import blamed

_POLL_S = 0.2


def take_files(errand: Errand, stop: Callable[[], bool], tell: Tell) -> None:
    """Receive until the stream ends or a stop is asked for.

    Raises:
        PluginError: the stream broke, or brought what is no arrival.
        FoveaError: the inbox cannot be written; what was not acknowledged comes again.
    """
    source, job, pulse = errand.source, errand.job, Pulse(tell)
    inbox = Inbox(job.root, source.name, job.view.max_megabytes)
    opening = partial(job.domain.streams[source.scheme].open, url=source.url(os.environ), view=job.view)
    incoming = Incoming(opening, ahead=1, info=job.domain.info, part=f"streams['{source.scheme}'].open")
    pulse.note(opened=True)
    while not stop():
        pulse.maybe()
        arrival = incoming.next(_POLL_S)
        if arrival is OVER:
            pulse.note(over=True)
            break
        if arrival is not NOTHING:
            _take(errand, inbox, pulse, arrival)
            incoming.taken()
    pulse.now()


def _take(errand: Errand, inbox: Inbox, pulse: Pulse, arrival: object) -> None:
    info, part = errand.job.domain.info, f"streams['{errand.source.scheme}'].open"
    fault = _arrival_fault(arrival)
    if fault is not None or not isinstance(arrival, Arrival):
        raise PluginError(info.name, part, fault or "")
    beat = pulse.beat
    try:
        path = inbox.commit(arrival.name, arrival.content)
    except ValueError as error:  # not acknowledged, so that its sender keeps it
        pulse.note(faulty=beat.faulty + 1, fault=str(error))
        return
    with blamed(info, f"{part}: acknowledge"):
        arrival.acknowledge()
    if path is None:
        pulse.note(again=beat.again + 1)
    else:
        pulse.note(arrived=beat.arrived + 1)


def _arrival_fault(arrival: object) -> str | None:
    if not isinstance(arrival, Arrival):
        return f"yielded {type(arrival).__name__}, want an Arrival"
    given: tuple[Any, Any, Any] = (arrival.name, arrival.content, arrival.acknowledge)
    if not isinstance(given[0], str) or not isinstance(given[1], bytes):
        return "yielded an Arrival whose name is no text or whose content is no bytes"
    return None if callable(given[2]) else "yielded an Arrival that cannot be acknowledged"
