"""Progress as bars on a terminal; loaded only where one is shown."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import ProgressColumn as Column
from rich.table import Column as TableColumn
from rich.text import Text

from fovea_apps.output import safe
from fovea_apps.progress import in_words

_WIDE = 100
"""Columns of a terminal from which on a rate and a longer bar have their place."""
_BESIDE, _BESIDE_WIDE = 21, 38
"""Columns that are taken besides the title, the count and the figures."""


class _Rate(Column):
    def render(self, task: Task) -> Text:
        """Items a second, over the whole piece where it is finished."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f}/s", style="dim")


class Bars:
    """One bar for each piece of work; finished ones stay on the screen. A narrow terminal is shown less beside it."""

    def __init__(self) -> None:
        console = Console(stderr=True, emoji=False)
        is_wide = console.width >= _WIDE
        columns = (
            TextColumn("{task.description}", markup=False, table_column=TableColumn(no_wrap=True)),
            BarColumn(bar_width=16 if is_wide else 8),
            MofNCompleteColumn(table_column=TableColumn(no_wrap=True)),
            *([_Rate()] if is_wide else []),
            TimeRemainingColumn(compact=True, table_column=TableColumn(no_wrap=True)),
            TextColumn("{task.fields[figures]}", markup=False),
        )
        self._bars = Progress(*columns, console=console, refresh_per_second=5)
        self._room = console.width - (_BESIDE_WIDE if is_wide else _BESIDE)
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bars.stop()

    def start(self, title: str, total: int | None) -> None:
        """Begin a piece of work of ``total`` items, None where nobody knows."""
        self.finish()
        if total != 0:
            self._task = self._bars.add_task(safe(title), total=total, figures="")

    def advance(self, count: int = 1) -> None:
        """``count`` more items are done."""
        if self._task is not None:
            self._bars.advance(self._task, count)

    def show(self, **figures: float | str) -> None:
        """Show these figures beside the bar."""
        if self._task is not None:
            title = max(len(one.description) for one in self._bars.tasks)
            count = max(len(f"{one.total or one.completed}") for one in self._bars.tasks)
            self._bars.update(self._task, figures=in_words(figures, self._room - title - 2 * count))

    def finish(self) -> None:
        """The piece of work is done; where nobody knew how much it was, it was as much as was done."""
        if self._task is None:
            return
        piece = next(task for task in self._bars.tasks if task.id == self._task)
        if piece.total is None:
            self._bars.update(self._task, total=piece.completed)
        self._bars.stop_task(self._task)
        self._task = None
