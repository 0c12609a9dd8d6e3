from __future__ import annotations

import pytest

from fovea.engine.cards.explained import explained
from fovea.plugin import Preprocess
from fovea.serving.bundle import Bundle


def told(figures):
    bundle = Bundle(
        name="b", domain="wheat", role="disease", kind="classify", labels=("rust", "well"), preprocess=Preprocess(),
        preprocess_id="", figures=figures,
    )  # fmt: skip
    return "\n".join(explained(bundle))


@pytest.mark.parametrize(
    "shown,ending",
    [
        (18, "A map that is shown says which places an answer hangs on, not that it is right."),
        (4, "Its answers mostly hang on no single place: maps that are shown may be the lucky ones."),
        (0, "Its answers hang on no single place, so that maps of them are hidden."),
    ],
)
def test_a_card_says_how_many_maps_proved_better_than_none(shown, ending):
    card = told({"explained": {"pictures": 24, "maps": 24, "shown": shown}})
    assert f"{shown} of 24 maps of its answers were better" in card
    assert card.endswith(ending)


@pytest.mark.parametrize("figures", [{}, {"explained": None}])
def test_nothing_is_said_where_no_map_was_made(figures):
    assert told(figures) == ""


def test_a_training_puts_maps_of_its_answers_to_the_test(finished):
    _, made = finished
    told = made.bundle.figures["explained"]
    assert told["pictures"] == told["maps"] == 2
    assert "## Where its answers come from" in made.bundle.card
