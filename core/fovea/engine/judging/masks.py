"""Figures of a ``segment`` bundle: how well its areas lie on those of the masks, and how far their shares are off.

Of each picture only a *tally* is kept, a row of sums from which every figure of every resampling follows: maps of many
pictures would fill the memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fovea.engine.judging.curves import BINS, Floats
from fovea.engine.judging.resampling import Judgement, intervals, resamplings
from fovea.plugin import BACKGROUND, UNTOLD
from fovea.serving.answers import answers
from fovea.serving.bundle import Bundle

if TYPE_CHECKING:
    from fovea.engine.pictures.data import Pictures
    from fovea.serving.fusion import Attributes
    from fovea.serving.network import Network

_PIXELS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class OfMask:
    """How the areas of one label were told; None where no picture shows it.

    Args:
        label: its name.
        iou: pixels that are told right of all that show it or are said to, in [0, 1].
        dice: the same, what is right counted twice; the F1 of its pixels.
        precision: share of the pixels said to show it that do.
        recall: share of the pixels that show it that are said to.
        share: mean share of a picture that shows it, in [0, 1].
        share_mae: mean absolute error of that share over the pictures.
        support: pictures that show it.
    """

    label: str
    iou: float | None
    dice: float | None
    precision: float | None
    recall: float | None
    share: float | None
    share_mae: float
    support: int


def width(labels: int) -> int:
    """How many numbers a tally has."""
    return labels * labels + 2 * BINS


def tally(bundle: Bundle, logits: NDArray[np.float32], masks: NDArray[np.uint8]) -> Floats:
    """What is kept of pictures, (n, :func:`width`): pixels by (true, said) label, then hits less confidence by bin.

    Args:
        bundle: calibrated.
        logits: (n, labels, size, size).
        masks: places among the bundle's labels, (n, size, size); 255 is not counted.
    """
    labels = len(bundle.labels)
    told = np.empty((len(masks), width(labels)), np.float64)
    for row, (one, mask) in enumerate(zip(logits, masks, strict=True)):
        known = mask != UNTOLD
        truth, said = mask[known].astype(np.intp), one.argmax(axis=0)[known]
        told[row, : labels * labels] = np.bincount(truth * labels + said, minlength=labels * labels)
        told[row, labels * labels :] = np.concatenate(
            [_bins(which, one, known, truth == said) for which in (bundle, replace(bundle, temperature=1.0))]
        )
    return told


def _bins(bundle: Bundle, logits: NDArray[np.float32], known: NDArray[np.bool_], right: NDArray[np.bool_]) -> Floats:
    sure = answers(bundle, logits[None])[0].max(axis=0)[known].astype(np.float64)
    place = np.minimum((sure * BINS).astype(np.intp), BINS - 1)
    return np.asarray(np.bincount(place, weights=right - sure, minlength=BINS), np.float64)


def tables_of(bundle: Bundle, tallies: Floats) -> Floats:
    """The pixels by (true, said) label in some tallies, (n, labels, labels)."""
    labels = len(bundle.labels)
    return tallies[:, : labels * labels].reshape(-1, labels, labels)


def some_pixels(
    network: Network, pictures: Pictures, beside: Sequence[Attributes]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Logits (m, labels) and labels (m,) of up to 2000 pixels of each picture, spread evenly; for a temperature.

    ``beside`` has the attributes of each square.
    """
    masks = pictures.answers(slice(None))
    logits, labels = [np.empty((0, len(network.bundle.labels)), np.float32)], [np.empty(0, np.int64)]
    for row, mask in zip(pictures.rows, masks, strict=True):
        known = np.flatnonzero(mask.ravel() != UNTOLD)
        chosen = known[np.linspace(0, len(known) - 1, min(_PIXELS, len(known))).astype(np.intp)]
        (answer,) = network.run(pictures.pixels[row : row + 1], [beside[row]])
        logits.append(answer.reshape(len(answer), -1).T[chosen])
        labels.append(mask.ravel()[chosen].astype(np.int64))
    return np.concatenate(logits), np.concatenate(labels)


def judge_masks(bundle: Bundle, tallies: Floats, group: NDArray[np.intp], groups: int, seed: int) -> Judgement:
    """Count every figure.

    Args:
        bundle: for its labels.
        tallies: see :func:`tally`, (n, ...).
        group: number of each picture's group, (n,).
        groups: how many there are.
        seed: of the resamplings.
    """
    sums = _Sums.of(bundle, tallies)
    value = sums.figures(np.ones((1, len(tallies))))
    drawn = [sums.figures(times[:, group]) for times in resamplings(groups, seed, len(tallies) + tallies.shape[1])]
    spread = {name: np.concatenate([draw[name] for draw in drawn]) for name in drawn[0]}
    return Judgement(
        figures=intervals({name: float(figure[0]) for name, figure in value.items()}, spread),
        baselines=_baselines(sums),
        classes=_by_label(bundle, sums),
    )


@dataclass(frozen=True, slots=True)
class _Sums:
    """What figures follow from.

    Args:
        tables: pixels by (true, said), (n, labels, labels).
        off: absolute error of each label's share, (n, labels).
        bins: of the calibrated probabilities, (n, BINS).
        bins_before: likewise before calibration.
        counted: labels whose shares are judged: all but the background, (labels,).
    """

    tables: Floats
    off: Floats
    bins: Floats
    bins_before: Floats
    counted: NDArray[np.bool_]

    @classmethod
    def of(cls, bundle: Bundle, tallies: Floats) -> _Sums:
        labels, tables = len(bundle.labels), tables_of(bundle, tallies)
        pixels = np.maximum(tables.sum(axis=(1, 2)), 1)[:, None]
        off = np.abs(tables.sum(axis=1) - tables.sum(axis=2)) / pixels
        bins, bins_before = np.split(tallies[:, labels * labels :], 2, axis=1)
        return cls(tables, off, bins, bins_before, np.array([label != BACKGROUND for label in bundle.labels]))

    def figures(self, often: Floats) -> dict[str, Floats]:
        """Every figure where picture p is counted ``often[:, p]`` times: (draws,) each."""
        table = np.tensordot(often, self.tables, 1)
        both, true, said = np.einsum("dll->dl", table), table.sum(axis=2), table.sum(axis=1)
        there, total = true > 0, np.maximum(true.sum(axis=1), 1)
        shown = np.maximum(there.sum(axis=1), 1)
        off = often @ self.off[:, self.counted].mean(axis=1) / often.sum(axis=1)
        return {
            "miou": np.where(there, both / np.maximum(true + said - both, 1), 0).sum(axis=1) / shown,
            "mean_dice": np.where(there, 2 * both / np.maximum(true + said, 1), 0).sum(axis=1) / shown,
            "pixel_accuracy": both.sum(axis=1) / total,
            "share_mae": off,
            "ece": np.abs(often @ self.bins).sum(axis=1) / total,
            "ece_before": np.abs(often @ self.bins_before).sum(axis=1) / total,
        }


def _baselines(sums: _Sums) -> Mapping[str, float]:
    """Saying everywhere the label that covers most."""
    true = sums.tables.sum(axis=(0, 2))
    most, total = int(true.argmax()), max(true.sum(), 1)
    pixels = np.maximum(sums.tables.sum(axis=(1, 2)), 1)[:, None]
    said = np.arange(len(true)) == most
    off = np.abs(said - sums.tables.sum(axis=2) / pixels)
    return {
        "majority_miou": float(true[most] / total / max((true > 0).sum(), 1)),
        "majority_pixel_accuracy": float(true[most] / total),
        "majority_share_mae": float(off[:, sums.counted].mean()),
    }


def _by_label(bundle: Bundle, sums: _Sums) -> tuple[OfMask, ...]:
    table = sums.tables.sum(axis=0)
    both, true, said = np.diag(table), table.sum(axis=1), table.sum(axis=0)
    in_picture = sums.tables.sum(axis=2)
    shares = in_picture / np.maximum(in_picture.sum(axis=1), 1)[:, None]
    told: list[OfMask] = []
    for place, label in enumerate(bundle.labels):
        some = true[place] > 0
        told.append(
            OfMask(
                label=label,
                iou=float(both[place] / (true[place] + said[place] - both[place])) if some else None,
                dice=float(2 * both[place] / (true[place] + said[place])) if some else None,
                precision=float(both[place] / max(said[place], 1)) if some else None,
                recall=float(both[place] / true[place]) if some else None,
                share=float(shares[:, place].mean()) if some else None,
                share_mae=float(sums.off[:, place].mean()),
                support=int((in_picture[:, place] > 0).sum()),
            )
        )
    return tuple(told)
