"""What one run of the command line carries from its global options to its verb."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from fovea_apps.output import tell

if TYPE_CHECKING:
    from fovea.workbench import Progress, Workbench

QUARANTINED = 3
"""The exit code of work that is done but for some pictures."""
_Value = TypeVar("_Value")


@dataclass(slots=True)
class Session:
    """The global options, and the doors they lead to.

    Args:
        home: the folder of the database, models and runs; None leaves it to the settings file.
        quiet: True shows no progress and no hints.
        debug: True shows the traceback of known errors too.
    """

    home: str | None = None
    quiet: bool = False
    debug: bool = False

    @contextmanager
    def bench(self) -> Iterator[Workbench]:
        """The workbench, open for the time of a verb; it reads the program's settings when it wants them."""
        from fovea.workbench import Workbench, load_config

        with Workbench(lambda: load_config(home=self.home)) as bench:
            yield bench

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """Progress on stderr: bars on a terminal, plain lines elsewhere, nothing where quiet."""
        if self.quiet:
            from fovea.workbench import silent

            yield silent()
        elif sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
            from fovea_apps.bars import Bars

            with Bars() as bars:
                yield bars
        else:
            from fovea_apps.progress import Lines

            yield Lines(sys.stderr)

    def hint(self, sentence: str) -> None:
        """Say on stderr what to do next."""
        if not self.quiet:
            tell(sentence)


def answer(value: _Value, *, as_json: bool, show: Callable[[_Value], None]) -> None:
    """Print a value of the workbench on stdout: as one JSON document, or as ``show`` prints it."""
    if not as_json:
        show(value)
        return
    from fovea.workbench import plain
    from fovea_apps.output import print_json

    print_json(plain(value))
