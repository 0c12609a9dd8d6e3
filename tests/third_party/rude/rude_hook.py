"""A plugin whose hook is misspelt."""

from __future__ import annotations

from fovea.plugin import hookimpl


@hookimpl
def fovea_domain():
    return []
