from __future__ import annotations

import numpy as np
import pytest

from fovea.plugin import UNTOLD, Areas, paint_areas, trace_areas

LABELS = ("background", "leaf", "rust")


def test_a_grid_comes_back_at_its_own_size():
    places = np.random.default_rng(0).choice(np.array([0, 1, 2, UNTOLD], np.uint8), (7, 11))
    areas = trace_areas(places, LABELS)
    assert (areas.width, areas.height) == (11, 7)
    assert np.array_equal(paint_areas(areas, width=11, height=7), places)


def test_runs_are_short_where_a_label_covers_much():
    assert trace_areas(np.zeros((300, 400), np.uint8), LABELS).runs == "0:120000"


def test_a_larger_picture_is_painted_cell_by_cell():
    areas = Areas(labels=LABELS, width=2, height=1, runs="1:1 2:1")
    assert paint_areas(areas, width=4, height=2).tolist() == [[1, 1, 2, 2], [1, 1, 2, 2]]


def test_what_lies_beside_the_grid_is_not_told():
    areas = Areas(labels=LABELS, width=1, height=1, runs="2:1", left=0.5, top=0.5)
    assert paint_areas(areas, width=2, height=2).tolist() == [[UNTOLD, UNTOLD], [UNTOLD, 2]]


@pytest.mark.parametrize("runs", ["0:3", "0:5", "3:4", "x:4", "0:2 -2:2", "0", "0:-1 0:5", ""])
def test_damaged_runs_are_refused(runs):
    with pytest.raises(ValueError, match="their runs are not 2 x 2 cells of 3 labels"):
        paint_areas(Areas(labels=LABELS, width=2, height=2, runs=runs), width=2, height=2)


@pytest.mark.parametrize(
    "facts, words",
    [
        ({"width": 0}, "0 x 2 cells"),
        ({"width": 1 << 20, "height": 1 << 20}, "want 1 to"),
        ({"left": 0.5, "right": 0.5}, "inside the picture"),
        ({"bottom": 1.5}, "inside the picture"),
        ({"labels": tuple(map(str, range(256)))}, "256 labels"),
    ],
)
def test_areas_that_cannot_be_are_refused(facts, words):
    with pytest.raises(ValueError, match=words):
        Areas(**{"labels": LABELS, "width": 2, "height": 2, "runs": "0:4", **facts})
