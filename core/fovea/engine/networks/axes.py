"""Principal axes of features: on them many features cost no more than there are pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]

_FLAT = 1e-6
"""Share of the greatest extent below which an axis is rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """Features (n, features) along axes of which at most n have any extent.

    Args:
        turned: the features along them, (n, r).
        extent: sum of squares along each, (r,).
        back: (r, outputs) along the axes to (features, outputs).
        own: eigenvectors of the products of each two rows, (n, r); None where the axes were not found by those.
    """

    turned: Floats
    extent: Floats
    back: Callable[[Floats], Floats]
    own: Floats | None = None


def turned(scaled: Floats, products: Floats | None = None) -> Axes:
    """The axes of features (n, features); ``products`` of each two rows, where they are known."""
    is_wide = scaled.shape[1] > len(scaled)
    if not is_wide:
        extent, axes = _decomposed(scaled.T @ scaled)
        return Axes(turned=scaled @ axes, extent=extent, back=lambda found: axes @ found)
    extent, axes = _decomposed(scaled @ scaled.T if products is None else products)
    root = np.sqrt(extent)
    return Axes(
        turned=axes * root,
        extent=extent,
        back=lambda found: crossed(_f32(axes @ (found / root[:, None])), scaled).T,
        own=axes,
    )


def continued(axes: Axes, scaled: Floats, more: Floats) -> Axes | None:
    """Axes for further rows too: those there are, and beside them those of what these cannot tell of the new rows.

    A decomposition costs the cube of the number of rows; this one is of the new rows alone. The rows as told are exact,
    but the axes are no longer the principal ones of all rows: ``extent`` is the sum of squares along each, no more.

    Args:
        axes: of the rows before.
        scaled: those rows, (n, features).
        more: the new ones, (m, features).

    Returns:
        Axes of all rows, the new ones last; None where the axes were not found by products of rows.
    """
    if axes.own is None or more.shape[1] <= len(scaled) + len(more):
        return None
    own, root = axes.own, np.sqrt(axes.extent)
    along = (more @ scaled.T) @ (own / root)
    extent, beside = _decomposed(_f32(more @ more.T - along @ along.T), least=_FLAT * float(axes.extent[-1]))
    reach = np.sqrt(extent)
    count = len(axes.extent)

    def back(found: Floats) -> Floats:
        new = _f32(beside @ (found[count:] / reach[:, None]))
        old = _f32(own @ ((found[:count] - along.T @ new) / root[:, None]))
        return np.asarray(crossed(old, scaled) + crossed(new, more)).T

    upper = np.column_stack([axes.turned, np.zeros((len(scaled), len(extent)), np.float32)])
    lower = np.column_stack([along, beside * reach])
    sums = np.concatenate([axes.extent + np.einsum("mr,mr->r", along, along), extent])
    return Axes(turned=np.concatenate([upper, lower]), extent=sums, back=back)


def crossed(few: Floats, many: Floats) -> Floats:
    """``few.T @ many``, written so that ``many`` is read row by row: twice as quick."""
    return np.ascontiguousarray(few.T) @ many


def _f32(values: NDArray[Any]) -> Floats:
    return np.asarray(values, np.float32)


def _decomposed(products: Floats, least: float = 0.0) -> tuple[Floats, Floats]:
    """Eigenvalues from small to large and their vectors, without those that are rounding."""
    from scipy.linalg import eigh  # numpy's takes twice as long

    extent, axes = eigh(products, driver="evd", check_finite=False)
    kept = extent > max(_FLAT * extent[-1], least)
    return extent[kept], np.ascontiguousarray(axes[:, kept])
