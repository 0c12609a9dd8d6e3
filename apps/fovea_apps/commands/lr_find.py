"""``fovea lr-find``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fovea_apps.options import Asked, as_json, examples, html, labelled_folder, learning, role
from fovea_apps.session import Session, answer
from fovea_apps.signals import stoppable

if TYPE_CHECKING:
    from fovea.workbench import RatesTried

_EPILOG = examples("fovea lr-find crop photos", "fovea lr-find crop photos --recipe optimizer=sgd --html rates.html")
_HEIGHT, _WIDEST = 12, 100


@click.command(name="lr-find", epilog=_EPILOG)
@labelled_folder
@role("What to learn")
@learning
@html
@as_json
@click.pass_obj
def command(session: Session, *, asked: Asked, html: Path | None, as_json: bool) -> None:
    """Try learning rates before a training, from low to high.

    Nothing is kept. A training with --recipe lr=find does the same first and goes on with what it found.
    """
    with session.bench() as bench, session.progress() as progress, stoppable(word="") as stop:
        tried = bench.craft.lr_find(**asked, page=html, progress=progress, stop=stop)
    answer(tried, as_json=as_json, show=_show)
    session.hint(f"next: fovea train {asked['domain']} {asked['folder']} --recipe lr={tried.rate:.2g}")


def _show(tried: RatesTried) -> None:
    from fovea_apps import output, plot

    if tried.losses:
        output.title("Loss by learning rate")
        width = min(output.width(), _WIDEST)
        top = 2 * tried.losses[0] - min(tried.losses)  # where it flies apart at the end would flatten all else
        shown = [min(loss, top) for loss in tried.losses] if tried.fell else tried.losses
        for line in plot.curve(shown, width=width, height=_HEIGHT):
            output.whole_line(line)
        low, high = f"{tried.rates[0]:.0e}", f"{tried.rates[-1]:.0e}"
        output.whole_line(f"{low}{high:>{max(width - len(low), len(high) + 1)}}")
    if tried.fell:
        output.line(f"Suggested: {tried.rate:.2g}, where the loss falls most steeply. lr=auto takes {tried.usual:.2g}.")
    else:
        output.line(f"The loss fell at no rate: lr=auto takes {tried.usual:.2g}. Are there too few pictures?")
    if tried.page:
        output.line(f"Page: {tried.page}")
