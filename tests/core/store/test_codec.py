from __future__ import annotations

import json
import math
import random
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from fovea.errors import StoreError
from fovea.plugin import (
    Areas,
    Box,
    Decision,
    Evidence,
    Mask,
    Measures,
    Place,
    Prediction,
    Record,
    Region,
    Sample,
)
from fovea.store import codec

ZONES = [
    UTC,
    ZoneInfo("Europe/Berlin"),
    ZoneInfo("Asia/Kolkata"),
    timezone(timedelta(hours=-3, minutes=-30)),
    timezone(timedelta(hours=1, minutes=2, seconds=3)),
    timezone(timedelta(microseconds=-1)),
]
TARGETS = [
    "rust",
    "",
    frozenset({"a", "b"}),
    frozenset(),
    0.5,
    7,
    (1.0, 2.5),
    (),
    Mask(source="m.png", classes={"3": "leaf"}),
    (Box(label="car", left=0.1, top=0.2, right=0.3, bottom=0.4), Box(label="dog", left=0, top=0, right=1, bottom=1)),
]
WORDS = [
    "",
    "plain",
    "Grüße",
    "日本",
    "\udcff\udc80 raw",
    "a\x00b",
    "'; DROP TABLE sites; --",
    "\U0001f33e",
    "line\nbreak",
]


def through(sample: Sample) -> Sample:
    return codec.load_sample(sample.source, sample.part, codec.dump_facts(sample), codec.dump_answers(sample))


def a_time(draw: random.Random) -> datetime | None:
    moment = datetime(1990, 1, 1, tzinfo=UTC) + timedelta(microseconds=draw.randrange(1 << 51))
    return draw.choice([None, moment.astimezone(draw.choice(ZONES))])


def a_place(draw: random.Random) -> Place | None:
    where = Place(
        latitude=draw.uniform(-90, 90), longitude=draw.uniform(-180, 180), altitude=draw.choice([None, 0.0, 31.5])
    )
    return draw.choice([None, where])


def a_sample(draw: random.Random) -> Sample:
    return Sample(
        source=draw.choice(WORDS) + ".jpg",
        part=draw.choice(WORDS),
        targets={draw.choice(WORDS): draw.choice(TARGETS) for _ in range(3)},
        group=draw.choice(WORDS),
        unit=draw.choice(WORDS),
        time=a_time(draw),
        order=draw.choice([0.0, -1.5, 1e300]),
        place=a_place(draw),
        attributes={draw.choice(WORDS): draw.choice([1.5, 3, "text", ""]) for _ in range(3)},
    )


def a_decision(draw: random.Random) -> Decision:
    return Decision(
        key=draw.choice(WORDS),
        subject=draw.choice(WORDS),
        label=draw.choice(WORDS),
        level=draw.choice(["normal", "notice", "warning", "alarm"]),
        state=draw.choice(["open", "closed"]),
        start=a_time(draw),
        end=a_time(draw),
        place=a_place(draw),
        reason=draw.choice(WORDS),
        review=draw.choice([True, False]),
        evidence=tuple(Evidence(source=draw.choice(WORDS), part=draw.choice(WORDS)) for _ in range(draw.randrange(3))),
        figures={draw.choice(WORDS): draw.random()},
    )


@pytest.mark.parametrize("seed", range(60))
def test_a_sample_comes_back_as_it_was(seed):
    sample = a_sample(random.Random(seed))
    assert through(sample) == sample


@pytest.mark.parametrize("seed", range(40))
def test_a_decision_comes_back_as_it_was(seed):
    decision = a_decision(random.Random(seed))
    assert codec.load_decision(codec.dump_decision(decision)) == decision


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_a_target_keeps_its_type(target):
    back = through(Sample(source="a", targets={"t": target})).targets["t"]
    assert back == target
    assert type(back) is type(target)


@pytest.mark.parametrize("zone", ZONES, ids=str)
def test_a_time_keeps_its_zone_and_its_microsecond(zone):
    moment = datetime(2026, 7, 1, 23, 59, 59, 999999, tzinfo=zone)
    back = codec.moment(codec.micros(moment), codec.zone_name(moment))
    assert (back, back.utcoffset(), back.dst()) == (moment, moment.utcoffset(), moment.dst())


def test_the_hour_that_comes_twice_is_kept_apart():
    twice = [datetime(2026, 10, 25, 2, 30, fold=fold, tzinfo=ZoneInfo("Europe/Berlin")) for fold in (0, 1)]
    assert [codec.moment(codec.micros(one), "Europe/Berlin").fold for one in twice] == [0, 1]


def test_a_record_comes_back_as_it_was():
    record = Record(
        kind="weather",
        time=datetime(2026, 1, 1, 5, tzinfo=ZONES[3]),
        values={"rain_mm": 1.5, "sky": "grey"},
        unit="\udcff",
        key="k",
        source="w.csv",
        place=Place(latitude=1, longitude=2),
    )
    assert codec.load_record(record.kind, record.unit, record.key, codec.dump_record(record)) == record


@pytest.mark.parametrize("regions", [None, (), (Region(name="leaf", left=0, top=0, right=0.5, bottom=1),)], ids=str)
def test_measures_tell_no_regions_from_none(regions):
    measures = Measures(values={"blur_px": 2.0}, regions=regions)
    assert codec.load_measures(codec.dump_measures(measures)) == measures


def test_a_prediction_comes_back_as_it_was():
    said = Prediction(
        role="disease", label="\udc80x", probability=0.25, scores={"a": 0.0, "b": 1.0}, region="r", bundle="d"
    )
    assert codec.load_prediction("disease", "r", "d", codec.dump_prediction(said)) == said


def test_equal_values_have_equal_text():
    left, right = (Measures(values=dict(order)) for order in ([("a", 1.0), ("b", 2.0)], [("b", 2.0), ("a", 1.0)]))
    assert codec.dump_measures(left) == codec.dump_measures(right)


def test_numbers_of_numpy_become_plain_numbers():
    numpy = pytest.importorskip("numpy")
    text = codec.dump_measures(Measures(values={"a": numpy.float32(0.5)}))
    assert json.loads(text) == {"values": {"a": 0.5}}


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_refused_with_a_sentence(number):
    with pytest.raises(StoreError, match=r"set of measures cannot be stored.*finite"):
        codec.dump_measures(Measures(values={"blur_px": number}))


def test_a_value_json_does_not_know_is_refused_with_a_sentence():
    with pytest.raises(StoreError, match=r"sample 'a\\udcff\.jpg' cannot be stored: a object is no JSON value"):
        codec.dump_facts(Sample(source="a\udcff.jpg", attributes={"odd": object()}))


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(StoreError, match="has no zone"):
        codec.micros(datetime(2026, 1, 1))  # noqa: DTZ001 - what the test is about


def test_a_zone_nobody_knows_is_told():
    with pytest.raises(StoreError, match="time zone 'Moon/Tycho' is not known"):
        codec.moment(0, "Moon/Tycho")


def test_the_areas_of_a_prediction_come_back():
    areas = Areas(labels=("background", "rüst"), width=4, height=2, runs="0:3 1:4 -:1", left=0.25, right=0.75)
    prediction = Prediction(role="lesions", label="rüst", probability=0.9, scores={"rüst": 0.5}, areas=areas)
    text = codec.dump_prediction(prediction)
    assert codec.load_prediction("lesions", "", "", text) == prediction


def test_a_prediction_without_areas_is_stored_as_before():
    assert "areas" not in codec.dump_prediction(Prediction(role="disease", label="rust", probability=0.5))


@pytest.mark.parametrize("possible", [None, (), ("scab", "rust")])
def test_what_a_prediction_says_of_itself_comes_back(possible):
    said = Prediction(role="disease", label="rust", possible=possible, alarm=True, review=True, unknown=True)
    assert codec.load_prediction("disease", "", "", codec.dump_prediction(said)) == said


def test_a_prediction_that_says_nothing_of_itself_is_stored_as_before():
    text = codec.dump_prediction(Prediction(role="disease", label="rust", probability=0.5))
    assert text == '{"label":"rust","probability":0.5}'
