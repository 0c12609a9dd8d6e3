"""Tells the world outside what happened: a listener, which answers nothing and provides no domain."""

from __future__ import annotations

from collections.abc import Mapping

from fovea.plugin import Event, hookimpl
from fovea_notify.log import append
from fovea_notify.settings import NotifySettings


@hookimpl
def fovea_on_event(event: Event, settings: Mapping[str, object]) -> None:
    """Hand an event to every way of telling that the settings name; none named, nothing told.

    Raises:
        ValueError: where the settings are wrong (pydantic's error, naming each mistake).
        OSError: where the log cannot be written; the event then comes again.
    """
    wanted = NotifySettings.model_validate(dict(settings))
    if wanted.log is not None:
        append(event, wanted.log.path)
