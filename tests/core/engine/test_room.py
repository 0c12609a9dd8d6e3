from __future__ import annotations

import ctypes

import numpy as np
import pytest

from fovea.engine.room import memory_kept

LARGE = 64 * 2**20
LARGER = 4 * 2**30
"""More than lies free between what earlier tests left, from where it would be taken without a map of its own."""


class Counts(ctypes.Structure):
    """What glibc's mallinfo2(3) answers."""

    _names = ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")
    _fields_ = [(name, ctypes.c_size_t) for name in _names]


def maps_of_its_own(size):
    """How many maps of their own the kernel is asked for, for a block of so many bytes."""
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallinfo2"):
        pytest.skip("the C library is not glibc 2.33 or later")
    library.mallinfo2.restype = Counts
    before = library.mallinfo2().hblks
    block = np.empty(size, np.uint8)
    return library.mallinfo2().hblks - before, block


def test_a_large_block_comes_from_memory_that_is_kept():
    with memory_kept():
        maps, _ = maps_of_its_own(LARGE)

    assert maps == 0


def test_afterwards_a_large_block_is_mapped_by_itself_again():
    with memory_kept():
        pass

    maps, _ = maps_of_its_own(LARGER)

    assert maps == 1


def test_memory_is_handed_back_after_a_fault_too():
    with pytest.raises(ValueError, match="a fault"), memory_kept():
        raise ValueError("a fault")

    maps, _ = maps_of_its_own(LARGER)

    assert maps == 1
