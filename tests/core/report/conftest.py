"""A crop report as a real season would give it, for the tests of every output."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta, timezone

import pytest

from fovea.plugin import (
    Chart,
    Column,
    Figure,
    Figures,
    Gallery,
    Picture,
    PlaceMap,
    Point,
    Report,
    Series,
    Span,
    Table,
    Text,
    Timeline,
)

SUMMER = timezone(timedelta(hours=2))
FIELDS = {
    "River strip": (49.8731, 8.6512),
    "Long acre": (49.8752, 8.6571),
    "Chapel field, lower terrace": (49.8709, 8.6603),
    "Glasshouse north": (49.8771, 8.6537),
}
DISEASES = ("healthy", "late blight", "early blight", "septoria leaf spot", "powdery mildew")


@pytest.fixture
def crop_report():
    return make_report()


def make_report():
    chance = random.Random(7)
    return Report(
        title="Haverbrook Farm: tomato, weeks 20 to 26",
        summary=(
            "Late blight has established itself on River strip and is at the treatment threshold; treat within two "
            "days while the leaves are dry. Long acre shows first symptoms at its western edge. The other two fields "
            "need nothing this week."
        ),
        blocks=(
            figures(),
            advice(),
            table(),
            stacked(),
            line(),
            risk(),
            gallery(),
            places(chance),
            timeline(),
            quarantined(),
        ),
        facts={
            "Line-up": "disease: tomato-2026-05 (sha256 4be1 90c2), severity: lesion-share",
            "View settings": "9f31c07a52d81e66",
            "Policy settings": "treat from 12 % of plants, confidence 0.80",
            "Pictures": "2 318, of which 3 could not be read",
        },
    )


def figures():
    return Figures(
        figures=(
            Figure(name="Pictures", value=2318, note="4 fields, 43 days"),
            Figure(name="Plants looked at", value=1204),
            Figure(name="Plants with symptoms", value=0.1387, share=True, note="9.1 % a week ago", level="warning"),
            Figure(name="Fields to treat", value=1, note="River strip", level="alarm"),
            Figure(name="Last picture", value=datetime(2026, 6, 26, 18, 42, tzinfo=SUMMER)),
        )
    )


def advice():
    return Text(
        title="What to do",
        level="alarm",
        body=(
            (
                "Treat River strip by 28 June. 17.4 % of its plants carry late blight, above the threshold of 12 %, "
                "and its leaves were wet for more than ten hours on three of the last five nights."
            ),
            "Look at the western edge of Long acre again on 29 June; eight plants there are doubtful.",
        ),
    )


def table():
    columns = (
        Column(name="Field"),
        Column(name="Plants", form="number"),
        Column(name="With symptoms", form="share"),
        Column(name="Main disease"),
        Column(name="Leaf area lost", form="number", unit="cm\u00b2"),
        Column(name="Last seen", form="time"),
    )
    rows = (
        ("River strip", 412, 0.1741, "late blight", 1234.5, datetime(2026, 6, 26, tzinfo=SUMMER)),
        ("Long acre", 388, 0.0928, "early blight", 310.25, datetime(2026, 6, 26, tzinfo=SUMMER)),
        ("Chapel field, lower terrace", 268, 0.0336, "septoria leaf spot", 41.0, datetime(2026, 6, 24, tzinfo=SUMMER)),
        ("Glasshouse north", 136, 0.0, None, 0.0, datetime(2026, 6, 25, tzinfo=SUMMER)),
    )
    return Table(
        title="Fields",
        columns=columns,
        rows=rows,
        levels=("alarm", "warning", "normal", "normal"),
        note="A plant has symptoms where two pictures of it agree, or one with a confidence above 0.95.",
    )


def stacked():
    dates = tuple(f"{field}, {day}" for field in FIELDS for day in ("12 Jun", "19 Jun", "26 Jun"))
    sick = ((0.04, 0.09, 0.174), (0.02, 0.05, 0.093), (0.03, 0.03, 0.034), (0.0, 0.0, 0.0))
    shares = [share for field in sick for share in field]
    split = (0.0, 0.62, 0.22, 0.1, 0.06)
    series = [Series(name=DISEASES[0], values=tuple(1 - share for share in shares))]
    series += [
        Series(name=name, values=tuple(share * part for share in shares))
        for name, part in zip(DISEASES[1:], split[1:], strict=True)
    ]
    return Chart(title="Diseases by field and date", kind="stacked", categories=dates, series=tuple(series), share=True)


def line():
    days = tuple(f"{(datetime(2026, 5, 15, tzinfo=UTC) + timedelta(days=d)):%d %b}" for d in range(0, 43, 3))
    count = len(days)
    rising = tuple(round(0.2 / (1 + math.exp(-(i - 10) / 1.6)), 4) for i in range(count))
    slower = tuple(None if i in (5, 6) else round(0.11 / (1 + math.exp(-(i - 11) / 2)), 4) for i in range(count))
    flat = tuple(round(0.03 + 0.004 * math.sin(i), 4) for i in range(count))
    none = tuple(0.0 for _ in range(count))
    names = tuple(FIELDS)
    values = (rising, slower, flat, none)
    return Chart(
        title="Plants with symptoms over time",
        kind="line",
        categories=days,
        series=tuple(Series(name=n, values=v) for n, v in zip(names, values, strict=True)),
        share=True,
        note="No pictures of Long acre were taken from 30 May to 2 June.",
    )


def risk():
    return Chart(
        title="Hours of leaf wetness by week",
        kind="bar",
        categories=("Week 20", "Week 21", "Week 22", "Week 23", "Week 24", "Week 25", "Week 26"),
        series=(
            Series(name="River strip", values=(12, 18, 9, 31, 44, 52, 61)),
            Series(name="Glasshouse north", values=(2, 1, 0, None, 4, 3, 2)),
        ),
        unit="hours",
    )


def gallery():
    levels = ("alarm", "alarm", "warning", "warning", "warning", "notice", "notice", "normal", "normal", "normal")
    labels = ("late blight",) * 3 + ("early blight",) * 3 + ("septoria leaf spot",) * 2 + ("healthy",) * 2
    pictures = [
        Picture(
            source=f"river-strip/2026-06-26/IMG_{4410 + n}.jpg",
            caption=f"Plant p{100 + n * 13:04d}, row {n + 3}",
            badge=f"{label} {97 - n * 3} %",
            level=level,
        )
        for n, (level, label) in enumerate(zip(levels, labels, strict=True))
    ]
    pictures.append(Picture(source="long-acre/gone.jpg", caption="Plant p0311, row 2", badge="late blight 71 %"))
    pictures.append(Picture(source="long-acre/Bl\udce4tter/IMG_0007.tif", part="3", caption="Scan, page 3"))
    return Gallery(title="Pictures worth looking at", pictures=tuple(pictures), note="The most telling first.")


def places(chance):
    points = []
    for index, (field, (north, east)) in enumerate(FIELDS.items()):
        for n in range(15):
            level = "alarm" if index == 0 and n < 3 else "warning" if index < 2 and n < 6 else "normal"
            level = "notice" if index == 2 and n < 2 else level
            name = f"p{100 * index + n:04d}" if level in ("alarm", "notice") else field
            place = (north + chance.gauss(0, 0.0005), east + chance.gauss(0, 0.0009))
            size = 2.0 if level == "alarm" else 1.0
            points.append(Point(latitude=place[0], longitude=place[1], name=name, level=level, size=size))
    return PlaceMap(title="Where the findings are", points=tuple(points))


def timeline():
    def on(day, hour=8, month=6):
        return datetime(2026, month, day, hour, tzinfo=SUMMER)

    strip, acre, chapel, _ = FIELDS
    spans = (
        Span(lane=strip, start=on(16, month=5), end=on(1), name="healthy"),
        Span(lane=strip, start=on(1), end=on(12), name="first symptoms", level="notice"),
        Span(lane=strip, start=on(12), end=on(20), name="late blight", level="warning"),
        Span(lane=strip, start=on(20), end=on(26, 18), name="above threshold", level="alarm"),
        Span(lane=acre, start=on(19), end=on(26), name="early blight", level="warning"),
        Span(lane=acre, start=on(24), end=on(24), name="doubtful pictures", level="notice"),
        Span(lane=chapel, start=on(3), end=on(9), name="septoria leaf spot", level="notice"),
        Span(lane="Treatments", start=on(22, month=5), end=on(22, month=5), name="copper, all fields"),
        Span(lane="Treatments", start=on(13), end=on(13), name="copper, River strip"),
        Span(lane="Storm", start=on(18, 22), end=on(19, 4), name="storm, 31 mm of rain", level="notice"),
    )
    return Timeline(title="What happened when", spans=spans)


def quarantined():
    return Table(
        title="Pictures that could not be read",
        columns=(Column(name="File"), Column(name="Why")),
        rows=(
            ("long-acre/2026-06-19/IMG_0220.jpg", "The file ends too early."),
            ("long-acre/2026-06-19/IMG_0221.jpg", "The file is empty."),
            ("river-strip/notes.docx", "The format is not one that is read here."),
        ),
    )
