"""Whether two pictures are one: the copy is laid over the original as well as can be, and compared place by place."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from fovea.engine.audits.candidates import Candidate
from fovea.engine.audits.windows import SIDE, Bytes, Floats, turned

_STEPS, _FEW_STEPS = 30, 12
_BLUR = (5, 3)
_PLACES = 6
_LEAST_PLACES = 8
_LEAST_SHARED = 0.25
_LEAST_TEXTURE = 0.1
_LEAST_IN_PLACE = 0.6
_SMALLEST, _LARGEST = 0.25, 2.0
_MIDDLE, _FINE = (1.0, 4.0), (0.7, 2.0)
_MOVED = 3


def agreement(original: Bytes, copy: Bytes, candidate: Candidate) -> float:
    """How far the fine structure of two grey squares is the same where they overlap: 0 (not at all) to 1.

    They are laid over one another by an affine map (Evangelidis and Psarakis, Parametric image alignment using
    enhanced correlation coefficient maximization, PAMI 2008). Then each of 36 places with any structure is compared
    by the correlation of its band of middle frequencies; the answer is their median, so that neither a shared
    background nor a shared outline is enough.

    Args:
        original: uint8 (SIDE, SIDE).
        copy: uint8 (SIDE, SIDE), as it lies in its file.
        candidate: how the two look alike, where the search begins.
    """
    narrow = np.ascontiguousarray(turned(copy, candidate.turn), np.float32)
    wide = original.astype(np.float32)
    how = _map(wide, narrow, _first_map(candidate), _STEPS, _BLUR)
    if how is None:
        return 0.0
    seen, shared = _laid_under(wide, how)
    return _compared(_band(seen, *_MIDDLE), _band(narrow, *_MIDDLE), shared, 0)


def subject_agreement(one: Bytes, other: Bytes, enough: float) -> float:
    """How far two pictures taken one after the other show one subject: 0 (not at all) to 1.

    As :func:`agreement`, but of finer structure, and each place is looked for within a few pixels of where it should
    be, since a leaf or a person moves. They are laid over one another at half their size, which is as good for that and
    takes a quarter of the time. The search begins with the shift that fits best (Kuglin and Hines, The phase
    correlation image alignment method, 1975), and again with none.

    Args:
        one: uint8 (SIDE, SIDE).
        other: likewise.
        enough: no further search is made for a better answer than this.
    """
    wide, narrow, best = one.astype(np.float32), other.astype(np.float32), 0.0
    wide_half, narrow_half = (
        cv2.resize(square, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for square in (wide, narrow)
    )
    for start in (_shift(wide, narrow), np.zeros(2, np.float32)):
        first = np.column_stack([np.eye(2), start / 2]).astype(np.float32)
        how = _map(
            np.asarray(wide_half, np.float32), np.asarray(narrow_half, np.float32), first, _FEW_STEPS, _BLUR[-1:]
        )
        if how is not None:
            how[:, 2] *= 2
            seen, shared = _laid_under(wide, how)
            best = max(best, _compared(_band(seen, *_FINE), _band(narrow, *_FINE), shared, _MOVED))
        if best >= enough:
            break
    return best


def _shift(wide: Floats, narrow: Floats) -> Floats:
    window = cv2.createHanningWindow((SIDE, SIDE), cv2.CV_32F)
    (across, down), _ = cv2.phaseCorrelate(_band(narrow, *_MIDDLE), _band(wide, *_MIDDLE), window)
    return np.array([across, down], np.float32)


def _first_map(candidate: Candidate) -> Floats:
    """From pixels of the turned copy to pixels of the original: their two windows upon each other."""
    asked, window = (np.vstack([one.map(SIDE), [0, 0, 1]]) for one in (candidate.asked, candidate.window))
    return np.asarray((window @ np.linalg.inv(asked))[:2], np.float32)


def _map(original: Floats, copy: Floats, how: Floats, steps: int, blurs: Sequence[int]) -> Floats | None:
    """The affine map from pixels of the copy to those of the original, from a first one; None where there is none."""
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, steps, 1e-4)
    nothing = np.full(copy.shape, 255, np.uint8)
    try:
        for blur in blurs:
            _, found = cv2.findTransformECC(copy, original, how, cv2.MOTION_AFFINE, stop, nothing, blur)
            how = np.asarray(found, np.float32)
    except cv2.error:  # flat pictures, or no overlap left
        return None
    held = np.isfinite(how).all() and _SMALLEST <= float(np.linalg.det(how[:, :2])) <= _LARGEST
    return how if held else None


def _laid_under(original: Floats, how: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """The original as it lies under the copy, and where both have pixels."""
    kind = cv2.WARP_INVERSE_MAP
    seen = cv2.warpAffine(original, how, (SIDE, SIDE), flags=cv2.INTER_LINEAR | kind, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpAffine(np.ones((SIDE, SIDE), np.uint8), how, (SIDE, SIDE), flags=cv2.INTER_NEAREST | kind)
    return np.asarray(seen, np.float32), _shared(np.asarray(inside, np.uint8))


def _shared(inside: Bytes) -> NDArray[np.bool_]:
    """Where both pictures have pixels of their own, away from the edges."""
    kept = cv2.erode(inside, np.ones((5, 5), np.uint8)) > 0
    kept[:4], kept[-4:], kept[:, :4], kept[:, -4:] = False, False, False, False
    return np.asarray(kept, bool)


def _band(square: Floats, fine: float, coarse: float) -> Floats:
    """Structure between two scales: no light and shade, no noise."""
    return np.asarray(cv2.GaussianBlur(square, (0, 0), fine) - cv2.GaussianBlur(square, (0, 0), coarse), np.float32)


def _compared(one: Floats, other: Floats, shared: NDArray[np.bool_], moved: int) -> float:
    """The median over all places with any structure; each may have moved by so many pixels."""
    if shared.mean() < _LEAST_SHARED:
        return 0.0
    least = _LEAST_TEXTURE * one[shared].std(), _LEAST_TEXTURE * other[shared].std()
    step, found = SIDE // _PLACES, []
    for row, column in product(range(0, SIDE, step), repeat=2):
        place = np.s_[row : row + step, column : column + step]
        here = shared[place]
        if here.mean() < _LEAST_IN_PLACE:
            continue
        a, b = one[place][here], other[place][here]
        if a.std() > least[0] or b.std() > least[1]:
            found.append(_nearby(one, other, row, column, step, moved) if moved else _correlation(a, b))
    return max(float(np.median(found)), 0.0) if len(found) >= _LEAST_PLACES else 0.0


def _nearby(one: Floats, other: Floats, row: int, column: int, step: int, moved: int) -> float:
    """The best correlation of a place of the other with what lies around there in the one."""
    around = one[max(row - moved, 0) : row + step + moved, max(column - moved, 0) : column + step + moved]
    place = other[row : row + step, column : column + step]
    return float(cv2.matchTemplate(around, place, cv2.TM_CCOEFF_NORMED).max())


def _correlation(one: Floats, other: Floats) -> float:
    one, other = one - one.mean(), other - other.mean()
    scale = float(np.sqrt((one * one).sum() * (other * other).sum()))
    return float((one * other).sum()) / scale if scale > 0 else 0.0
