"""What normal pictures look like, piece by piece: patches kept of each, and the memory that is made of all of them.

A pool keeps patches by picture; a memory is a function of the pool alone. So pictures are added and taken away without
looking at the others again, and the memory equals, bit for bit, the one that a fresh start on the same pictures gives.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from fovea.engine.draws import Ids, mix
from fovea.engine.learning.coreset import coreset

CANDIDATES = 65_536
"""Patches that a pool keeps at most before each picture gives fewer of them."""

_SHRINK = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Patches of normal pictures.

    Args:
        ids: of the pictures, uint64 (n,), ascending; a picture that came twice is there once.
        patches: float16 (n, quota, d). All places of a picture in their order where quota is their number, otherwise
            the first of an order that (seed, picture) gives.
        key: what the patches depend on besides the pictures, in words; pools of other keys do not mix.
    """

    ids: Ids
    patches: Tensor
    key: str

    @property
    def quota(self) -> int:
        """Patches a picture."""
        return int(self.patches.shape[1])


def quota_of(pictures: int, places: int, most: int = CANDIDATES) -> int:
    """Patches that each of so many pictures gives: all its places, halved until ``most`` holds them all.

    >>> quota_of(100, 256), quota_of(1000, 256), quota_of(10**6, 256)
    (256, 64, 1)
    """
    quota = places
    while quota > 1 and pictures * quota > most:
        quota = max(1, quota // 2)
    return quota


def pooled(ids: Ids, patches: Tensor, *, quota: int, seed: int, key: str) -> Pool:
    """A pool of some pictures' patches.

    Args:
        ids: of the pictures, uint64 (n,).
        patches: (n, places, d).
        quota: see :func:`quota_of`.
        seed: of the order of the places.
        key: see :class:`Pool`.
    """
    places = patches.shape[1]
    if quota < places:
        order = np.stack([_order(one, places, seed)[:quota] for one in ids]) if len(ids) else np.empty((0, quota))
        patches = patches.gather(
            1, torch.from_numpy(order.astype(np.int64))[..., None].expand(-1, -1, patches.shape[2])
        )
    return _sorted(ids, patches.to(torch.float16), key)


def _order(picture: np.uint64, places: int, seed: int) -> NDArray[np.intp]:
    """An order of a picture's places that no other picture has a say in."""
    return np.argsort(mix(np.arange(places, dtype=np.uint64), seed, int(picture)), kind="stable")


def _sorted(ids: Ids, patches: Tensor, key: str) -> Pool:
    different, first = np.unique(ids, return_index=True)
    return Pool(ids=different, patches=patches[torch.from_numpy(first)].contiguous(), key=key)


def extended(pool: Pool, *more: Pool) -> Pool:
    """The pictures of all pools; each keeps as many patches as the pool that has the fewest a picture.

    Raises:
        ValueError: they are of different keys.
    """
    every = (pool, *more)
    if {one.key for one in every} != {pool.key}:
        msg = f"a pool of {pool.key} takes no patches of another"
        raise ValueError(msg)
    quota = min(one.quota for one in every)
    patches = torch.cat([one.patches[:, :quota] for one in every])
    return _sorted(np.concatenate([one.ids for one in every]), patches, pool.key)


def narrowed(pool: Pool, quota: int) -> Pool:
    """The pool with at most so many patches a picture."""
    return pool if quota >= pool.quota else Pool(ids=pool.ids, patches=pool.patches[:, :quota], key=pool.key)


def only(pool: Pool, ids: Ids) -> Pool:
    """The pool of those of its pictures that are among ``ids``."""
    return without(pool, pool.ids[~np.isin(pool.ids, ids)])


def without(pool: Pool, ids: Collection[int] | Ids) -> Pool:
    """The pool without some pictures: none of their patches is in it, nor in a memory made of it."""
    keep = ~np.isin(pool.ids, np.array([int(one) for one in ids], np.uint64))
    return Pool(ids=pool.ids[keep], patches=pool.patches[torch.from_numpy(keep)], key=pool.key)


def memory(pool: Pool, size: int) -> Tensor:
    """At most ``size`` patches that stand for all of a pool, float32 (m, d): PatchCore (Roth et al., 2022, CVPR)."""
    points = pool.patches.flatten(0, 1).float()
    return points[coreset(points, min(size, len(points)))]


def normal_places(pool: Pool) -> tuple[Tensor, Tensor]:
    """A Gaussian for each place: PaDiM (Defard et al., 2021, ICPR); the pool holds every place.

    Its covariance gets 1 % of its mean variance on the diagonal, where PaDiM adds 0.01: features of another network
    may be of another size.

    Returns:
        Means (places, d), and whitening matrices (places, d, d): the Mahalanobis distance of x is the length of
        ``(x - mean) @ whitening``.
    """
    points = pool.patches.double().transpose(0, 1)  # (places, n, d)
    means = points.mean(dim=1, keepdim=True)
    centred = points - means
    spread = centred.transpose(1, 2) @ centred / max(points.shape[1] - 1, 1)  # (places, d, d)
    variance = spread.diagonal(dim1=1, dim2=2).mean(dim=1).clamp(min=1e-8)
    spread += _SHRINK * variance[:, None, None] * torch.eye(points.shape[2], dtype=torch.float64)
    factor = torch.linalg.cholesky(spread)
    whitening = torch.linalg.solve_triangular(factor, torch.eye(points.shape[2], dtype=torch.float64), upper=False)
    return means.squeeze(1).float(), whitening.transpose(1, 2).float().contiguous()


def save(pool: Pool, path: Path) -> None:
    """Write a pool, whole or not at all."""
    beside = path.with_name(f".{path.name}")
    tensors = {"ids": torch.from_numpy(pool.ids.view(np.int64)), "patches": pool.patches.contiguous()}
    save_file(tensors, beside, metadata={"key": pool.key})
    beside.replace(path)


def opened(path: Path, key: str) -> Pool | None:
    """The pool of a file; None where there is none, where it is damaged or of another key."""
    try:
        with safe_open(path, framework="pt") as file:
            if (file.metadata() or {}).get("key") != key:
                return None
            ids, patches = file.get_tensor("ids").numpy().view(np.uint64), file.get_tensor("patches")
    except (OSError, SafetensorError):
        return None
    return Pool(ids=ids, patches=patches, key=key)


def ids_of(digests: Sequence[str]) -> Ids:
    """Numbers of pictures by the digests of their squares, 16 hexadecimal digits each."""
    return np.array([int(digest, 16) for digest in digests], np.uint64)
