"""Random numbers that are a function of (seed, epoch, sample): no state to keep, the same in every process."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.uint64]


def identify(names: Iterable[tuple[str, ...]]) -> Ids:
    """A number for each name (source, part, region), the same wherever and whenever it is asked for."""
    digests = [hashlib.blake2b("\0".join(name).encode("utf-8", "surrogatepass"), digest_size=8) for name in names]
    return np.array([int.from_bytes(digest.digest(), "little") for digest in digests], np.uint64)


def mix(ids: Ids, *salts: int) -> Ids:
    """Well-mixed 64-bit numbers of ids and salts: SplitMix64's finaliser (Steele, Lea, Flood, OOPSLA 2014)."""
    mixed = ids.astype(np.uint64, copy=True)
    for salt in salts:
        mixed += np.uint64(0x9E3779B97F4A7C15 * (salt + 1) % 2**64)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return mixed


def seed_of(*salts: int) -> int:
    """One seed in [0, 2**31) of these numbers."""
    return int(mix(np.zeros(1, np.uint64), *salts)[0] >> np.uint64(33))
