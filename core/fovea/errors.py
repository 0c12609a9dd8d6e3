"""Every error that Fovea raises on purpose: a class that carries its facts and builds one sentence.

A known error prints that sentence and sets the exit code in :attr:`FoveaError.exit_code`; anything else keeps
its traceback. Each class is rebuilt from its own arguments by pickle, so that it survives the way back from a
worker process.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class FoveaError(Exception):
    """A known failure; ``str()`` of it is one sentence that says what to do.

    Subclasses pass *all* their arguments to ``Exception.__init__``: that is what pickle calls them with again.
    """

    exit_code: ClassVar[int] = 1

    def __str__(self) -> str:
        return " ".join(str(part) for part in self.args)


class PluginError(FoveaError):
    """A plugin's function raised, or answered what it must not.

    Args:
        plugin: name of the domain, or of the distribution where no domain is known yet.
        function: the part of the contract to mend, such as ``read_samples``.
        fault: what is wrong and what is wanted, without a full stop.
    """

    def __init__(self, plugin: str, function: str, fault: str) -> None:
        super().__init__(plugin, function, fault)
        self.plugin, self.function, self.fault = plugin, function, fault

    def __str__(self) -> str:
        return f"plugin '{self.plugin}' failed in {self.function}: {self.fault}"


class SettingsError(FoveaError):
    """One or more settings are wrong; all of them are told at once.

    Args:
        where: which settings, such as ``settings of 'crop'``; empty where each mistake says so itself.
        mistakes: one line each, ``name: what is wrong``.
    """

    exit_code = 2

    def __init__(self, where: str, mistakes: Sequence[str]) -> None:
        super().__init__(where, tuple(mistakes))
        self.where, self.mistakes = where, tuple(mistakes)

    def __str__(self) -> str:
        return (f"{self.where}: " if self.where else "") + "; ".join(self.mistakes)


class UsageError(FoveaError):
    """What was asked for does not exist or does not fit; the sentence names what does."""

    exit_code = 2


class UnknownName(UsageError):
    """A name that nothing carries.

    Args:
        kind: what was looked for, such as ``domain`` or ``site``.
        name: what was given.
        known: the names there are.
    """

    def __init__(self, kind: str, name: str, known: Sequence[str]) -> None:
        super().__init__(kind, name, tuple(known))
        self.kind, self.name, self.known = kind, name, tuple(known)

    def __str__(self) -> str:
        import difflib

        near = difflib.get_close_matches(self.name, self.known, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        there = ", ".join(self.known) if self.known else "none yet"
        return f"there is no {self.kind} '{self.name}'{hint} (there is: {there})"


class DataError(FoveaError):
    """The pictures given cannot be worked with as they are: none found, one class only, no labels."""


class WeightsMissing(FoveaError):
    """Backbone weights were asked for and are not to be had here.

    Args:
        backbone: its name.
        file: the file's name as the library calls it.
        folder: where the file is to be put.
    """

    def __init__(self, backbone: str, file: str, folder: str) -> None:
        super().__init__(backbone, file, folder)
        self.backbone, self.file, self.folder = backbone, file, folder

    def __str__(self) -> str:
        return (
            f"the ImageNet weights of {self.backbone} could not be downloaded: put the file {self.file} "
            f"into {self.folder}, or train with --recipe backbone=starter, --weights none or --weights PATH"
        )


class BundleRefused(FoveaError):
    """A bundle is damaged, incomplete, of a newer format, or made for something else.

    Args:
        bundle: the bundle's folder.
        fault: what is wrong with it and what to do.
    """

    exit_code = 5

    def __init__(self, bundle: str, fault: str) -> None:
        super().__init__(bundle, fault)
        self.bundle, self.fault = bundle, fault

    def __str__(self) -> str:
        return f"bundle {self.bundle} was refused: {self.fault}"


class Locked(FoveaError):
    """Another process holds what was asked for."""

    exit_code = 6


class StoreError(FoveaError):
    """The database cannot be opened, read or written; the sentence says why and what to do."""


class Stopped(FoveaError):
    """The work was stopped by the person or the system; what was finished is kept."""

    exit_code = 130
