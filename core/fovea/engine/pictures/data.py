"""Batches of a training: surveyed squares, changed as the domain allows, prepared ahead of the network by threads.

albumentations and opencv let go of Python's lock in their loops, and a picture is 50 kB: threads need no copies and
no second interpreter, and a plugin's fault arrives as the exception it is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from threading import local
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray

from fovea.engine.draws import Ids, mix
from fovea.errors import FoveaError, PluginError
from fovea.plugin import Augment, Domain


class Batch(NamedTuple):
    """Pictures (n, size, size, 3), their targets (n, ...), and the numbers beside them, (n, k), where there are any."""

    pixels: torch.Tensor
    targets: torch.Tensor
    facts: torch.Tensor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """Pictures of one part of the split.

    Args:
        pixels: uint8 (all pictures, size, size, 3), usually a file mapped into memory.
        rows: which of them, (n,).
        targets: (n, ...), in the order of ``rows``; of ``segment`` the pixels of each label, (n, labels).
        ids: see :func:`fovea.engine.draws.identify`, (n,).
        masks: of ``segment``: uint8 (all pictures, size, size), which the batches hold in the place of targets.
        facts: numbers beside the pictures, (n, k), in the order of ``rows``; None where pixels are all.
    """

    pixels: NDArray[np.uint8]
    rows: NDArray[np.intp]
    targets: NDArray[Any]
    ids: Ids
    masks: NDArray[np.uint8] | None = None
    facts: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def answers(self, places: Any) -> NDArray[Any]:
        """What a batch of these places learns: their targets, or a copy of their masks."""
        return np.array(self.targets[places] if self.masks is None else self.masks[self.rows[places]])

    def batch(self, pixels: NDArray[np.uint8], answers: NDArray[Any], places: Any) -> Batch:
        """A batch of these places."""
        facts = None if self.facts is None else torch.from_numpy(np.ascontiguousarray(self.facts[places]))
        return Batch(torch.from_numpy(pixels), torch.from_numpy(answers), facts)


def order_of(pictures: Pictures, *, seed: int, epoch: int, shares: NDArray[np.float64] | None) -> NDArray[np.intp]:
    """The order of an epoch, (n,) places in ``pictures``.

    Args:
        pictures: what is learned from.
        seed: the recipe's.
        epoch: from 0.
        shares: how often each picture should come, relative to the others; None: each exactly once.
    """
    if shares is None:
        return np.argsort(mix(pictures.ids, seed, epoch), kind="stable")
    draws = mix(np.arange(len(pictures), dtype=np.uint64), seed, epoch, 1) / 2.0**64
    return np.searchsorted(np.cumsum(shares / shares.sum())[:-1], draws, side="right")


def even_cuts(count: int, size: int) -> list[slice]:
    """Cut ``count`` places into batches of at most ``size``, nearly equal, none of one alone where that can be.

    A batch of one has no batch statistics.

    >>> [(cut.start, cut.stop) for cut in even_cuts(33, 32)]
    [(0, 16), (16, 33)]
    """
    number = -(-count // size)
    if count // max(number, 1) < 2:  # noqa: PLR2004 - two is the least with a variance
        number = max(count // 2, 1)
    edges = [round(i * count / number) for i in range(number + 1)]
    return [slice(start, stop) for start, stop in pairwise(edges)]


def training_batches(
    pictures: Pictures,
    *,
    cuts: Sequence[slice],
    order: NDArray[np.intp],
    salts: tuple[int, int],
    augments: Callable[[], Augment] | None,
    domain: Domain,
    threads: int,
) -> Iterator[Batch]:
    """Batches of an epoch in order, prepared ahead.

    Args:
        pictures: what is learned from.
        cuts: the batches wanted, as slices of ``order``.
        order: see :func:`order_of`.
        salts: seed and epoch: with the picture's id they make the seed of its changes.
        augments: makes the domain's changes, once a thread; None changes nothing.
        domain: whose changes they are, for errors.
        threads: how many prepare.

    Raises:
        PluginError: the domain's augmentations raise, or answer another shape or type.
    """
    seeds = mix(mix(pictures.ids[order], *salts), 2) ^ mix(_occurrences(order), 3)
    own = local()

    def make(cut: slice) -> Batch:
        if augments is not None and not hasattr(own, "augment"):
            own.augment = augments()
        chosen = order[cut]
        pixels, answers = pictures.pixels[pictures.rows[chosen]], pictures.answers(chosen)
        if augments is not None:
            for place, seed in enumerate(seeds[cut]):
                draw = int(seed >> np.uint64(33))
                if pictures.masks is None:
                    pixels[place] = changed(domain, own.augment, pixels[place], draw)
                else:
                    pixels[place], answers[place] = moved(domain, own.augment, pixels[place], answers[place], draw)
        return pictures.batch(pixels, answers, chosen)

    with ThreadPoolExecutor(threads, thread_name_prefix="batch") as pool:
        yield from _ahead(pool, make, cuts, depth=threads + 1)


def changed(domain: Domain, augment: Augment, pixels: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """One picture changed at random, checked: uint8 of the same shape.

    Raises:
        PluginError: the change raises, or answers something else.
    """
    return _alike(domain, "picture", pixels, _asked(domain, augment, pixels, seed)[0])


def moved(
    domain: Domain, augment: Augment, pixels: NDArray[np.uint8], mask: NDArray[np.uint8], seed: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """One picture changed at random and its mask moved with it, checked.

    What comes in from outside the picture becomes unlabelled: changes fill with 0, so that the labels are handed on as
    1 and more.

    Raises:
        PluginError: the change raises, answers something else, or makes labels that were not there.
    """
    raised = mask + np.uint8(1)  # 255, unlabelled, becomes 0
    changed_pixels, changed_mask = _asked(domain, augment, pixels, seed, mask=raised)
    answer = _alike(domain, "mask", raised, changed_mask)
    if np.setdiff1d(answer, raised).any():
        fault = "made labels in a mask that were not there, want it moved without mixing (nearest)"
        raise PluginError(domain.info.name, "augmentations", fault)
    return _alike(domain, "picture", pixels, changed_pixels), answer - np.uint8(1)


def _asked(domain: Domain, augment: Augment, pixels: NDArray[np.uint8], seed: int, **more: Any) -> tuple[Any, Any]:
    try:
        answer, mask = augment(pixels, seed=seed, **more)
    except FoveaError:
        raise
    except Exception as error:
        raise PluginError(domain.info.name, "augmentations", f"raised {type(error).__name__}: {error}") from error
    return answer, mask


def _alike(domain: Domain, what: str, given: NDArray[np.uint8], answer: Any) -> NDArray[np.uint8]:
    if not isinstance(answer, np.ndarray) or answer.shape != given.shape or answer.dtype != given.dtype:
        got = f"{answer.dtype} {answer.shape}" if isinstance(answer, np.ndarray) else type(answer).__name__
        fault = f"answered {got} for a {what} of {given.dtype} {given.shape}, want the same type and shape"
        raise PluginError(domain.info.name, "augmentations", fault)
    return cast("NDArray[np.uint8]", answer)


def plain_batches(pictures: Pictures, size: int) -> Iterator[Batch]:
    """The pictures as they are, in order, ``size`` at a time."""
    for start in range(0, len(pictures), size):
        cut = slice(start, start + size)
        yield pictures.batch(pictures.pixels[pictures.rows[cut]], pictures.answers(cut), cut)


def _occurrences(order: NDArray[np.intp]) -> Ids:
    """How often each place has come before in this order: a picture drawn twice is changed in two ways."""
    seen: dict[int, int] = {}
    counts = np.zeros(len(order), np.uint64)
    for index, place in enumerate(order.tolist()):
        counts[index] = seen.get(place, 0)
        seen[place] = int(counts[index]) + 1
    return counts


def _ahead(
    pool: ThreadPoolExecutor, make: Callable[[slice], Batch], cuts: Sequence[slice], depth: int
) -> Iterator[Batch]:
    waiting: deque[Future[Batch]] = deque()
    left = iter(cuts)
    try:
        while True:
            while len(waiting) < depth and (cut := next(left, None)) is not None:
                waiting.append(pool.submit(make, cut))
            if not waiting:
                return
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
