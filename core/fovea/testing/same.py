"""Whether two answers are the same."""

from __future__ import annotations

from typing import Any

from fovea.plugin import Fitted, Image


def same_array(one: Any, other: Any) -> bool:
    """True where both are None, or arrays of the same type, shape and values."""
    import numpy as np

    if one is None or other is None:
        return one is other
    return bool(one.dtype == other.dtype and np.array_equal(one, other))


def same_image(one: Image | None, other: Image | None) -> bool:
    """True where two pictures agree in pixels, validity, scale and spacing."""
    if one is None or other is None:
        return one is other
    return (
        same_array(one.pixels, other.pixels)
        and same_array(one.valid, other.valid)
        and (one.scale, one.spacing_mm) == (other.scale, other.spacing_mm)
    )


def copy_of(image: Image) -> Image:
    """A picture whose arrays are its own."""
    from dataclasses import replace

    return replace(image, pixels=image.pixels.copy(), valid=None if image.valid is None else image.valid.copy())


def same_fitted(one: Fitted, other: Fitted) -> bool:
    """True where two sets of fitted numbers agree to the last bit."""
    return dict(one.values) == dict(other.values) and _bits(one) == _bits(other)


def _bits(fitted: Fitted) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    return {name: (array.dtype.str, array.shape, array.tobytes()) for name, array in fitted.arrays.items()}
