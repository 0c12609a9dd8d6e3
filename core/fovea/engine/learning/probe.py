"""Mode ``probe``: the backbone stays as it is; its features are made once, and a grid of heads is fitted on them.

The grid goes over how deep the backbone is read, what is kept of each map, and how strongly a head is held back. Heads
are fitted on the part ``train``, chosen on ``validation`` and, once chosen, fitted on both.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fovea.engine.draws import Ids, mix
from fovea.engine.learning.cache import Cache
from fovea.engine.learning.embed import embedder
from fovea.engine.learning.learned import Learned
from fovea.engine.learning.loop import score_of
from fovea.engine.learning.side import LINKS, side_of
from fovea.engine.networks.axes import Axes
from fovea.engine.networks.depths import Inside, inside
from fovea.engine.networks.heads import (
    Ground,
    Head,
    Likeness,
    Link,
    axes_of,
    ground_of,
    heads_on,
    likeness,
    picked,
    with_rows,
)
from fovea.engine.networks.readout import POOLS, reading
from fovea.engine.pictures import data, shelf
from fovea.engine.prepared import Prepared
from fovea.engine.room import memory_kept
from fovea.errors import DataError, UsageError
from fovea.progress import Progress
from fovea.serving.readings import Readout

_POOLINGS = (("mean",), ("mean", "std"), ("mean", "max"))
_FIFTH = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The heads that are tried: each of ``strengths`` with each of ``depths`` and each of ``poolings``.

    Args:
        strengths: of the L2 penalty, strong to weak.
        depths: how many of the deepest stages are read; 0 stands for all there are.
        poolings: what is kept of each map, see :data:`fovea.engine.networks.readout.POOLS`.
    """

    strengths: tuple[float, ...]
    depths: tuple[int, ...] = (1, 2, 0)
    poolings: tuple[tuple[str, ...], ...] = _POOLINGS

    def readings(self, stages: int) -> list[tuple[int, tuple[str, ...]]]:
        """Every way of reading a network of so many stages, once each; each depth follows one that it holds."""
        depths = {min(depth or stages, stages) for depth in self.depths}
        return [(depth, pools) for pools in self.poolings for depth in sorted(depths)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Features with what they are to tell.

    Args:
        features: float16 (n, stages * pools * channels), stage by stage; behind them the numbers beside the pictures.
        targets: (n, ...), as the task encodes them.
        beside: how many numbers stand behind the features.
    """

    features: NDArray[np.float16]
    targets: NDArray[Any]
    beside: int = 0

    def __add__(self, other: Table) -> Table:
        return Table(
            features=np.concatenate([self.features, other.features]),
            targets=np.concatenate([self.targets, other.targets]),
            beside=self.beside,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One way of reading, and one strength: a head of the grid with its figures on pictures it was not fitted on."""

    readout: Readout
    strength: float
    figures: Mapping[str, float]

    def told(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {"depths": len(self.readout.stages), "pools": "+".join(self.readout.pools), "strength": self.strength}


def fit_probe(run: Prepared, *, cache: Path, progress: Progress, grid: Grid | None = None) -> Learned:
    """Fit a grid of heads on a backbone's features and keep the best.

    Args:
        run: what is learned from.
        cache: folder of the features; those of earlier probes are found there.
        progress: told picture by picture and head by head; it may raise to stop.
        grid: of the heads; None: the recipe's strengths with every depth and pooling.

    Raises:
        UsageError: the task is none that a linear head can do.
        DataError: there are too few groups to choose a head by.
    """
    link_of(run)
    grid = grid or Grid(strengths=run.recipe.strengths)
    within = inside(run.whole.network, int(run.recipe.size))
    store = features_of(run, within, cache)
    learned, kept = tables(run, store, progress)
    with memory_kept():
        tried, best, head = _fit(run, within, grid, learned, kept, progress)
    whole = _with_head(run, best.readout, head)
    curves = tuple({**one.told(), **one.figures} for one in tried)
    recipe = run.recipe.model_copy(update={"mode": "probe"})
    return Learned(whole=whole, curves=curves, recipe=recipe, readout=best.readout)


def _fit(
    run: Prepared, within: Inside, grid: Grid, learned: Table, kept: Table, progress: Progress
) -> tuple[list[Tried], Tried, Head]:
    """All that were tried, the best of them, and that one fitted on all pictures."""
    ground = ground_of(learned.features, apart=learned.beside)
    tried, best, axes = _best(run, _try(run, within, grid, ground, learned, kept, progress))
    chosen = columns(within, best.readout, kept.features.shape[1])
    ground, axes = with_rows(ground, chosen, kept.features, axes)
    targets = np.concatenate([learned.targets, kept.targets])
    (head,) = heads_on(
        ground,
        np.arange(len(chosen)),
        targets,
        link=link_of(run),
        outputs=len(run.labels),
        strengths=(best.strength,),
        weights=shares_of(run, targets),
        axes=axes,
    )
    return tried, best, head


def link_of(run: Prepared) -> Link:
    """What the outputs of a head for this task are.

    Raises:
        UsageError: none that a linear head can have.
    """
    kind = run.wanted.domain.info.tasks[run.wanted.role].kind
    if kind not in LINKS:
        raise UsageError(f"a task of kind {kind} is not learned by a probe: train it with mode full")
    return LINKS[kind]


def features_of(run: Prepared, within: Inside, cache: Path) -> Cache:
    """The cache of features of this run's backbone, read at all its stages and pooled in every way."""
    spec, recipe = run.wanted.spec, run.recipe
    head = set(within.groups[-1])
    named = hashlib.blake2b(digest_size=12)
    for name, tensor in run.whole.network.state_dict().items():
        if name not in head:
            named.update(name.encode())
            named.update(tensor.detach().cpu().numpy().tobytes())
    about = (within.stages, POOLS, spec.size, spec.mean, spec.std, recipe.precision, recipe.device)
    named.update(repr(about).encode())
    folder = shelf.used(cache / "features", named.hexdigest())
    readout = Readout(stages=within.stages, channels=within.channels, pools=POOLS)
    embed = embedder(run.whole, readout, size=spec.size, recipe=recipe, folder=folder)
    return Cache(folder=folder, embed=embed, width=sum(within.channels) * len(POOLS))


def tables(run: Prepared, store: Cache, progress: Progress) -> tuple[Table, Table]:
    """Features of what is learned from (each changed picture counts as one more), and of what a head is chosen on.

    Without pictures for validation, every fifth group learned from chooses.

    Raises:
        DataError: there are too few groups for that.
    """
    learned, kept = run.pictures("train"), run.pictures("validation")
    if not len(kept):
        learned, kept = _without_fifth(run, learned)
    names = [row.digest for row in run.survey.rows]

    def table(pictures: data.Pictures) -> Table:
        digests = [names[row] for row in pictures.rows.tolist()]
        features = store.features(pictures.pixels, pictures.rows, digests, progress)
        return Table(features=with_facts(features, pictures), targets=pictures.targets, beside=width_of(pictures))

    whole = table(learned)
    for number in range(1, run.recipe.views + 1):
        whole = whole + _changed(run, learned, number, store, progress)
    return whole, table(kept)


def shares_of(run: Prepared, targets: NDArray[Any]) -> NDArray[np.float64] | None:
    """How much each row counts, (n,) around 1, as the recipe's ``class_balance`` says; None: alike."""
    shares = None if run.recipe.class_balance == "none" else run.task.shares(targets)
    return None if shares is None else shares / shares.mean()


def columns(within: Inside, readout: Readout, width: int) -> NDArray[np.intp]:
    """Where the features of a readout stand in a table so wide; what is behind all stages and pools is always read."""
    starts = np.concatenate([[0], np.cumsum(within.channels)]) * len(POOLS)
    found = [
        starts[within.stages.index(stage)] + POOLS.index(pool) * count + np.arange(count)
        for stage, count in zip(readout.stages, readout.channels, strict=True)
        for pool in readout.pools
    ]
    return np.concatenate([*found, np.arange(starts[-1], width)])


def _best(run: Prepared, tries: Iterator[tuple[Tried, Axes | None]]) -> tuple[list[Tried], Tried, Axes | None]:
    """All that were tried, and the best with what is known for it; of each, that would be much memory."""
    best, axes = next(tries)
    tried = [best]
    for one, known in tries:
        tried.append(one)
        if score_of(one.figures, run.recipe, 0) > score_of(best.figures, run.recipe, 0):
            best, axes = one, known
    return tried, best, axes


def _try(
    run: Prepared, within: Inside, grid: Grid, ground: Ground, learned: Table, kept: Table, progress: Progress
) -> Iterator[tuple[Tried, Axes | None]]:
    link, shares = link_of(run), shares_of(run, learned.targets)
    ways = grid.readings(len(within.stages))
    progress.start("fit heads", len(ways) * len(grid.strengths))
    alike: Likeness | None = None
    for depth, pools in ways:
        readout = Readout(stages=within.stages[-depth:], channels=within.channels[-depth:], pools=pools)
        chosen = columns(within, readout, kept.features.shape[1])
        there = picked(kept.features, chosen).astype(np.float32)
        alike = likeness(ground, chosen, alike)
        axes = None if link == "identity" else axes_of(ground, chosen, alike)
        heads = heads_on(
            ground,
            chosen,
            learned.targets,
            link=link,
            outputs=len(run.labels),
            strengths=grid.strengths,
            weights=shares,
            axes=axes,
        )
        for strength, head in zip(grid.strengths, heads, strict=True):
            figures = run.task.score(
                torch.from_numpy(head.logits(there)),
                torch.from_numpy(kept.targets),
                name=run.recipe.loss,
                weights=None,
            )
            progress.advance()
            yield Tried(readout=readout, strength=strength, figures=figures), axes
    progress.finish()


def _without_fifth(run: Prepared, learned: data.Pictures) -> tuple[data.Pictures, data.Pictures]:
    groups = [run.survey.rows[row].group for row in learned.rows.tolist()]
    ranked = sorted(set(groups), key=lambda group: hashlib.sha256(group.encode("utf-8", "surrogatepass")).digest())
    if len(ranked) < 2:  # noqa: PLR2004 - one to learn from, one to choose by
        raise DataError("all pictures to learn from are of one group, so that no head can be chosen: add another group")
    apart = set(ranked[::_FIFTH])
    choosing = np.array([group in apart for group in groups])

    def part(which: NDArray[np.bool_]) -> data.Pictures:
        return dataclasses.replace(
            learned, rows=learned.rows[which], targets=learned.targets[which], ids=learned.ids[which]
        )

    return part(~choosing), part(choosing)


def _changed(run: Prepared, learned: data.Pictures, number: int, store: Cache, progress: Progress) -> Table:
    """Each picture changed once as the domain allows: the same change for the same seed, so that it is found again."""
    domain = run.wanted.domain
    augment = domain.augmentations(role=run.wanted.role, size=int(run.recipe.size))
    seeds: Ids = mix(mix(learned.ids, run.recipe.seed, number), 4)
    parts: list[NDArray[np.float16]] = []
    for start in range(0, len(learned), 512):
        cut = slice(start, start + 512)
        squares = np.stack(
            [
                data.changed(domain, augment, np.array(learned.pixels[row]), int(seed >> np.uint64(33)))
                for row, seed in zip(learned.rows[cut].tolist(), seeds[cut], strict=True)
            ]
        )
        digests = [hashlib.blake2b(np.ascontiguousarray(one).data, digest_size=8).hexdigest() for one in squares]
        parts.append(store.features(squares, np.arange(len(squares)), digests, progress))
    return Table(features=with_facts(np.concatenate(parts), learned), targets=learned.targets, beside=width_of(learned))


def width_of(pictures: data.Pictures) -> int:
    """How many numbers are known beside each picture."""
    return 0 if pictures.facts is None else pictures.facts.shape[1]


def with_facts(features: NDArray[np.float16], pictures: data.Pictures) -> NDArray[np.float16]:
    """Features with the numbers beside the pictures behind them."""
    return features if pictures.facts is None else np.column_stack([features, pictures.facts.astype(np.float16)])


def _with_head(run: Prepared, readout: Readout, head: Head) -> Any:
    whole = run.whole
    whole.network = reading(whole.network, readout, outputs=len(run.labels))
    own = len(head.weights) - sum(column.numbers for column in run.columns)
    with torch.no_grad():
        whole.network.head.weight.copy_(torch.from_numpy(head.weights[:own].T))
        whole.network.head.bias.copy_(torch.from_numpy(head.biases))
    whole.side = side_of(head.weights[own:]) if run.columns else None
    return whole.eval()
