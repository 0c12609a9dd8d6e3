"""Whether two pictures are one: the copy is laid over the original as well as can be, and compared place by place."""

from __future__ import annotations

from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from fovea.engine.audits.candidates import Candidate
from fovea.engine.audits.windows import SIDE, Bytes, Floats, turned

_STEPS = 30
_BLUR = (5, 3)
_PLACES = 6
_LEAST_PLACES = 8
_LEAST_SHARED = 0.25
_LEAST_TEXTURE = 0.1
_LEAST_IN_PLACE = 0.6
_SMALLEST, _LARGEST = 0.25, 2.0


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
    wide = original.astype(np.float32)
    narrow = np.ascontiguousarray(turned(copy, candidate.turn), np.float32)
    how = _laid_over(wide, narrow, _first_map(candidate))
    if how is None or not _SMALLEST <= float(np.linalg.det(how[:, :2])) <= _LARGEST:
        return 0.0
    kind = cv2.WARP_INVERSE_MAP
    seen = cv2.warpAffine(wide, how, (SIDE, SIDE), flags=cv2.INTER_LINEAR | kind, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpAffine(np.ones((SIDE, SIDE), np.uint8), how, (SIDE, SIDE), flags=cv2.INTER_NEAREST | kind)
    return _compared(_band(np.asarray(seen, np.float32)), _band(narrow), _shared(np.asarray(inside, np.uint8)))


def _first_map(candidate: Candidate) -> Floats:
    """From pixels of the turned copy to pixels of the original: their two windows upon each other."""
    asked, window = (np.vstack([one.map(SIDE), [0, 0, 1]]) for one in (candidate.asked, candidate.window))
    return np.asarray((window @ np.linalg.inv(asked))[:2], np.float32)


def _laid_over(original: Floats, copy: Floats, how: Floats) -> Floats | None:
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, _STEPS, 1e-4)
    nothing = np.full((SIDE, SIDE), 255, np.uint8)
    try:
        for blur in _BLUR:
            _, found = cv2.findTransformECC(copy, original, how, cv2.MOTION_AFFINE, stop, nothing, blur)
            how = np.asarray(found, np.float32)
    except cv2.error:  # flat pictures, or no overlap left
        return None
    return how if np.isfinite(how).all() else None


def _shared(inside: Bytes) -> NDArray[np.bool_]:
    """Where both pictures have pixels of their own, away from the edges."""
    kept = cv2.erode(inside, np.ones((5, 5), np.uint8)) > 0
    kept[:4], kept[-4:], kept[:, :4], kept[:, -4:] = False, False, False, False
    return np.asarray(kept, bool)


def _band(square: Floats) -> Floats:
    """Middle frequencies: no light and shade, no noise."""
    return np.asarray(cv2.GaussianBlur(square, (0, 0), 1.0) - cv2.GaussianBlur(square, (0, 0), 4.0), np.float32)


def _compared(one: Floats, other: Floats, shared: NDArray[np.bool_]) -> float:
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
            found.append(_correlation(a, b))
    return max(float(np.median(found)), 0.0) if len(found) >= _LEAST_PLACES else 0.0


def _correlation(one: Floats, other: Floats) -> float:
    one, other = one - one.mean(), other - other.mean()
    scale = float(np.sqrt((one * one).sum() * (other * other).sum()))
    return float((one * other).sum()) / scale if scale > 0 else 0.0
