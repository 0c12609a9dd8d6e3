"""Fovea's own side: all that ``fovea batch`` does, from the scan to the stored decisions, in two worker processes.

The model is made once, with ``make=1``: a network of the shared weights that no picture has changed. With ``prepare=1``
the asked folder becomes a site of a new workplace; what is measured is the site's first batch.
"""

from __future__ import annotations

import sys
from pathlib import Path

import folder_domain
from folder_asked import Asked, read_asked

import fovea
from fovea.registry import Registry
from fovea.workbench import Config, Workbench, silent

RECIPE = ("unfreeze=1", "epochs=1", "threads=1", "audit=no", "explained=0", "lr=0.000001", "calibration=0.2")


def prepare(asked: Asked) -> None:
    """A workplace with the site and its model, as it is before its first batch."""
    with opened(asked) as bench:
        bench.add_site(root=Path(asked.data), name="site", domain="plain")
        bench.use("site", str(model_of(asked)))


def main(asked: Asked) -> None:
    """The first batch of the site."""
    with opened(asked) as bench:
        done = bench.batch("site", precision=asked.precision, progress=silent(), stop=lambda: False)
    asked.answers(done.scored, fovea.__version__)


def make(asked: Asked) -> None:
    """A bundle of the asked network, beside its weights; ``data`` is a folder of a few pictures to see."""
    with opened(asked) as bench:
        recipe = (f"backbone=torchvision:{asked.network}", f"weights={asked.weights}", *RECIPE)
        trained = bench.train(
            domain="plain",
            folder=Path(asked.data),
            name=asked.network,
            recipe=recipe,
            progress=silent(),
            stop=lambda: False,
        )
        model_of(asked).symlink_to(trained.path)
    asked.answers(0, fovea.__version__)


def opened(asked: Asked) -> Workbench:
    config = Config(home=Path(asked.room), workers=asked.workers)
    return Workbench(config, registry=Registry.of(folder_domain))


def model_of(asked: Asked) -> Path:
    return Path(asked.weights).with_suffix(".fovea")


if __name__ == "__main__":
    {"make=1": make, "prepare=1": prepare}.get(sys.argv[-1], main)(read_asked())
