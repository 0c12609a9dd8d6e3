from __future__ import annotations

import pytest

from fovea.report.scale import Scale, every, nice_below, nice_ticks, value_ticks


@pytest.mark.parametrize(
    "low, high, values",
    [
        (0, 10, (0, 2, 4, 6, 8, 10)),
        (0, 0.7, (0, 0.2, 0.4, 0.6, 0.8)),
        (-3, 7, (-4, -2, 0, 2, 4, 6, 8)),
        (0, 0, (0, 0.2, 0.4, 0.6, 0.8, 1.0)),
        (0, 1234567, (0, 500000, 1000000, 1500000)),
    ],
)
def test_ticks_are_round_and_enclose_the_values(low, high, values):
    assert nice_ticks(low, high).values == pytest.approx(values)


def test_counts_have_no_ticks_between_whole_numbers():
    assert nice_ticks(0, 2, whole=True).values == (0, 1, 2)


def test_a_share_axis_ends_at_one():
    assert value_ticks([0.2, 0.97], from_zero=True, share=True).high == 1.0


def test_bars_start_from_zero():
    assert value_ticks([1000, 1001], from_zero=True, share=False).low == 0


def test_lines_far_from_zero_need_not_show_it():
    assert value_ticks([1000, 1010], from_zero=False, share=False).low == 1000


def test_a_scale_maps_its_ends_to_its_ends():
    scale = Scale(low=10, high=20, start=300, end=0)

    assert (scale.at(10), scale.at(15), scale.at(20)) == (300, 150, 0)


def test_the_round_value_below_is_one_two_or_five():
    assert [nice_below(value) for value in (1, 4.9, 5, 99, 0.3)] == pytest.approx([1, 2, 5, 50, 0.2])


def test_labels_are_thinned_to_what_there_is_room_for():
    assert [every(total, 10) for total in (0, 10, 11, 95)] == [1, 1, 2, 10]
