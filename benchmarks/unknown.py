"""Whether a model knows what it does not know: apple leaves against pictures of something else, as they are served.

    FOVEA_REAL_DATA=/path/to/data python benchmarks/unknown.py [seed=N ...]

A probe of the backbone `starter` is trained on lab_apple and shown the pictures of its own test part, pictures that
show no leaf, leaves of maize from the same bench, and leaves of beans in the field. FPR95 is the share of those others
that pass where 95 % of its own do; AUROC is 0.5 by chance. Beside the bundle's strangeness stand two readings of its
logits: their energy (Liu et al., 2020) and the greatest of them (Hendrycks et al., 2022). In brackets 95 % intervals by
group.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from fovea.engine.judging.evaluate import Seen, look
from fovea.engine.judging.unknown import Strangers, judge_unknown, looked
from fovea.engine.pictures.survey import Wanted, read_samples
from fovea.engine.recipe import Recipe
from fovea.engine.train import train
from fovea.plugin import Domain, ViewSettings
from fovea.progress import silent
from fovea.registry import Registry
from fovea.serving.bundle import Bundle
from fovea.serving.network import Network
from fovea.settings import resolve

OTHERS = ("not_a_leaf", "lab_corn", "field_bean")

Told = Mapping[str, NDArray[np.float32]]


def main() -> None:
    """Train, look, judge, print a table."""
    if "FOVEA_REAL_DATA" not in os.environ:
        sys.exit("set FOVEA_REAL_DATA to the folder of real pictures")
    crop = Path(os.environ["FOVEA_REAL_DATA"]) / "crop"
    torch.set_num_threads(1)
    domain = Registry.load().domain("crop")
    view = resolve(domain.info.view, "view settings of 'crop'", [])
    print(f"{time.strftime('%Y-%m-%d')}, starter probe on lab_apple")
    with tempfile.TemporaryDirectory() as room:
        for seed in [int(word.removeprefix("seed=")) for word in sys.argv[1:]] or [0]:
            _one(Path(room), domain, view, crop, seed)


def _one(room: Path, domain: Domain, view: ViewSettings, crop: Path, seed: int) -> None:
    bundle = train(
        domain=domain,
        root=crop / "lab_apple",
        view=view,
        role="disease",
        recipe=Recipe(backbone="starter", mode="probe", threads=1, seed=seed),
        folder=room / f"run{seed}",
        models=room / "models",
        cache=room / "cache",
        name=f"apple{seed}",
        progress=silent(),
        stop=lambda: False,
    ).bundle
    seen = look(domain=domain, root=crop / "lab_apple", view=view, bundle=bundle, progress=silent())
    groups = tuple(row.group for row, fresh in zip(seen.rows, seen.fresh, strict=True) if fresh)
    own = _readings(seen.logits[seen.fresh], _strange(seen))
    told = bundle.figures["figures"]["unknown"]
    print(f"seed {seed}: {len(groups)} test pictures of {len(set(groups))} groups, {told['value']:.3f} called unknown")
    for name in OTHERS:
        others, theirs = _others(domain, view, crop / name, bundle)
        for reading, values in own.items():
            figures = judge_unknown(
                bundle if reading == "strangeness" else _silent(bundle),
                Strangers(strange=values, groups=groups),
                Strangers(strange=others[reading], groups=theirs),
            )
            words = (
                f"{figure.removeprefix('unknown_')} {one.value:.3f} ({one.low:.3f} to {one.high:.3f})"
                for figure, one in figures.items()
            )
            print(f"  {name:12s}{reading:14s}" + "   ".join(words), flush=True)


def _strange(seen: Seen) -> NDArray[np.float32]:
    if seen.strange is None:
        sys.exit("the network tells no strangeness: too few groups were kept")
    return seen.strange[seen.fresh]


def _silent(bundle: Bundle) -> Bundle:
    """A bundle without a line of its own for what is unknown."""
    return replace(bundle, certainty=None)


def _readings(logits: NDArray[np.float32], strange: NDArray[np.float32]) -> Told:
    """What each reading says of the pictures; more is stranger."""
    top = logits.max(axis=1)
    energy = top + np.log(np.exp(logits - top[:, None]).sum(axis=1))
    return {"strangeness": strange, "energy": -energy, "max logit": -top}


def _others(domain: Domain, view: ViewSettings, root: Path, bundle: Bundle) -> tuple[Told, tuple[str, ...]]:
    wanted = Wanted(domain=domain, root=root, view=view, role=bundle.role, spec=bundle.preprocess)
    found = list(looked(wanted, read_samples(wanted), Network(bundle), silent()))
    samples, logits, strange = zip(*found, strict=True)
    told = _readings(np.stack(logits), np.array(strange, np.float32))
    return told, tuple(sample.of_group for sample in samples)


if __name__ == "__main__":
    main()
