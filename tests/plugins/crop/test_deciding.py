from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from fovea.plugin import Fitted, Record, Tick
from fovea_crop.deciding import decide
from fovea_crop.judging import Tally, Top, means, said, wilson
from fovea_crop.settings import CropPolicy

DAY = datetime(2026, 5, 1, 10, tzinfo=UTC)


@pytest.fixture
def conclude(decided):
    """Decisions by key from entries and settings of the policy."""

    def run(entries, **policy):
        return decided(list(decide(entries=iter(entries), policy=CropPolicy(**policy), fitted=Fitted())))

    return run


def visits(result, **shares):
    """Twenty pictures a visit; ``d1=0.2`` makes a fifth of the first day's pictures diseased."""
    return [
        result(
            f"north/{day}-{number}.jpg",
            "rust" if number < round(share * 20) else "healthy",
            time=DAY + timedelta(days=int(day[1:])),
        )
        for day, share in shares.items()
        for number in range(20)
    ]


def test_a_field_with_half_its_pictures_diseased_is_an_alarm(conclude, farm):
    north = conclude(entry for entry in farm if entry.sample.unit == "north")["field"]

    assert (north.label, north.level, north.state) == ("rust", "alarm", "open")
    assert (north.figures["pictures"], north.figures["sure"], north.figures["diseased"]) == (10, 10, 5)
    assert north.figures["share"] == 0.5
    assert "5 of 10 sure pictures (50 %, 95 % interval 24 to 76 %)" in north.reason
    assert [seen.source for seen in north.evidence] == ["north/4.jpg", "north/3.jpg", "north/2.jpg"]
    assert round(north.place.latitude, 4) == 46.0045


def test_uncertain_and_blurred_pictures_count_in_no_share(conclude, farm):
    south = conclude(entry for entry in farm if entry.sample.unit == "south")["field"]

    assert (south.label, south.level, south.figures["share"]) == ("healthy", "normal", 0.0)
    assert (south.figures["uncertain"], south.figures["blurred"]) == (1, 1)


def test_few_pictures_raise_no_warning(conclude, result):
    field = conclude([result("a", "rust"), result("b", "healthy")])["field"]

    assert field.level == "notice"
    assert "fewer than 5 sure pictures raise no warning" in field.reason


def test_nothing_is_decided_where_no_model_has_spoken(conclude, result):
    assert not conclude([result("a", None), result("b", None)])


def test_records_and_silence_change_nothing(conclude, result):
    pictures = visits(result, d1=0.2)
    weather = Record(kind="weather", time=DAY, values={"rain_mm": 3.0})

    assert conclude([weather, *pictures, Tick(time=DAY)]) == conclude(pictures)


def test_a_background_is_no_disease(conclude, result):
    field = conclude([result(f"{n}", "not_a_leaf") for n in range(9)] + [result("a", "Apple___healthy")])["field"]

    assert (field.label, field.figures["no_plant"], field.figures["sure"]) == ("healthy", 9, 1)


def test_a_field_is_what_its_latest_visit_shows(conclude, result):
    outbreak, over = conclude(visits(result, d1=0.0, d8=0.5)), conclude(visits(result, d1=0.5, d8=0.0))

    assert (outbreak["field"].level, outbreak["field"].figures["share"]) == ("alarm", 0.25)
    assert (over["field"].label, over["field"].level, over["field"].state) == ("healthy", "normal", "closed")
    assert outbreak["field"].reason.startswith("on 2026-05-09: 10 of 20 sure pictures")
    assert "over all 2 visits: 10 of 40 sure pictures" in outbreak["field"].reason


def test_a_visit_of_few_pictures_does_not_speak_for_the_field(conclude, result):
    few = result("late.jpg", "healthy", time=DAY + timedelta(days=20))

    assert conclude([*visits(result, d1=0.5), few])["field"].level == "alarm"


def test_each_visit_has_a_decision_of_its_own(conclude, result):
    found = conclude(visits(result, d1=0.0, d8=0.5))

    assert [key for key in found if key.startswith("visit:")] == ["visit:2026-05-02", "visit:2026-05-09"]
    assert [found[f"visit:2026-05-0{n}"].level for n in (2, 9)] == ["normal", "notice"]
    assert not found["visit:2026-05-09"].is_finding


def test_a_disease_that_rises_between_visits_is_a_finding(conclude, result):
    rise = conclude(visits(result, d1=0.05, d8=0.20))["rise:rust"]

    assert (rise.level, rise.state) == ("warning", "open")
    assert rise.reason == "rust rose from 5 % of 20 sure pictures on 2026-05-02 to 20 % of 20 on 2026-05-09"


def test_a_rise_closes_under_its_own_key_once_it_is_over(conclude, result):
    rise = conclude(visits(result, d1=0.05, d8=0.40, d15=0.40))["rise:rust"]

    assert (rise.level, rise.state, rise.figures["after"]) == ("notice", "closed", 0.40)


def test_a_steady_share_is_no_rise(conclude, result):
    assert "rise:rust" not in conclude(visits(result, d1=0.20, d8=0.25))


def test_a_plant_seen_ill_twice_is_named(conclude, farm):
    found = conclude(entry for entry in farm if entry.sample.unit == "north")

    assert {key for key in found if key.startswith("plant:")} == {"plant:north/p0", "plant:north/p1"}
    assert found["plant:north/p0"].reason == "2 of 2 sure pictures of this plant show rust"


def test_the_least_sure_pictures_are_put_up_for_review(conclude, result):
    unsure = [result(f"{n}.jpg", "rust", 0.3 + n / 100) for n in range(9)]

    found = conclude(unsure, look_at=2)

    looks = {key: decision.review for key, decision in found.items() if key.startswith("look:")}
    assert looks == {"look:0.jpg": True, "look:1.jpg": True}


def test_keys_of_names_that_are_not_utf8_can_be_written(conclude, result):
    found = conclude([result("caf\udce9.jpg", "rust", 0.3)])

    assert found["look:caf\\xe9.jpg"].evidence[0].source == "caf\udce9.jpg"


def test_a_replay_gives_the_same_decisions(conclude, farm):
    assert conclude(farm) == conclude(farm)


def test_pictures_of_one_moment_may_come_in_any_order(conclude, farm):
    shuffled = list(farm)
    Random(7).shuffle(shuffled)
    shuffled.sort(key=lambda entry: entry.sample.unit)

    first, second = conclude(farm), conclude(shuffled)

    assert first.keys() == second.keys()
    assert [d.evidence for d in first.values()] == [second[key].evidence for key in first]


def test_every_figure_is_a_finite_number(conclude, farm, result):
    decisions = [*conclude(farm).values(), *conclude([result("a", "rust", 0.1)]).values()]

    assert all(math.isfinite(number) for decision in decisions for number in decision.figures.values())


def test_the_interval_is_wilsons():
    # the reference is scipy 1.16, binomtest with the method wilson
    assert wilson(12, 40) == pytest.approx((0.1807, 0.4543), abs=1e-4)
    assert wilson(0, 10)[0] == 0.0
    assert wilson(10, 10)[1] == 1.0


def test_a_label_is_healthy_only_as_a_word():
    assert means("Tomato___healthy", ("healthy",))
    assert means("HEALTHY", ("healthy",))
    assert not means("unhealthy", ("healthy",))
    assert not means("healthy_but_wet", ("healthy",))


def test_a_policy_changes_what_a_result_is_worth_and_not_the_result(result):
    one = result("a", "rust", 0.7)

    assert said(one, CropPolicy(sure=0.6)).standing == "diseased"
    assert said(one, CropPolicy(sure=0.8)).standing == "uncertain"


def test_the_top_keeps_the_highest_and_of_equal_scores_the_lower_key():
    top = Top(2)
    for score, key in ((0.5, "c"), (0.9, "d"), (0.5, "a"), (0.5, "b")):
        top.add(score, key, key)

    assert list(top) == ["d", "a"]


def test_an_empty_tally_has_no_share():
    assert Tally().share is None
    assert Tally().label == "uncertain"
