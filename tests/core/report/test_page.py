from __future__ import annotations

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

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
from fovea.report import to_html

MADE = datetime(2026, 6, 27, 7, 30, tzinfo=UTC)
HOSTILE = '<script>alert("1")</script>&\'\udcff\x1b[31m\u202e'
VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """Collects what a page holds and which elements were left open or closed twice."""

    def __init__(self):
        super().__init__()
        self.open, self.faults, self.tags, self.attributes, self.texts = [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.faults.append(f"{tag} closes itself")

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"{tag} was not the one open")

    def handle_data(self, data):
        self.texts.append(data)

    def values(self, name):
        return [value for _, found, value in self.attributes if found == name]


def page_of(*blocks, thumbnail=lambda _: None, **report):
    return to_html(Report(title="A report", blocks=blocks, **report), thumbnail=thumbnail, made=MADE)


def parsed(html):
    page = Page()
    page.feed(html)
    page.close()
    return page


def drawings(html):
    return [ET.fromstring(svg) for svg in re.findall(r"<svg class=\"drawing.*?</svg>", html, flags=re.DOTALL)]


def hostile_report():
    return Report(
        title=HOSTILE,
        summary=HOSTILE,
        blocks=(
            Text(title=HOSTILE, body=(HOSTILE,), level="alarm"),
            Figures(title=HOSTILE, figures=(Figure(name=HOSTILE, value=HOSTILE, note=HOSTILE),)),
            Table(title=HOSTILE, columns=(Column(name=HOSTILE, unit=HOSTILE),), rows=((HOSTILE,),), note=HOSTILE),
            Chart(
                title=HOSTILE,
                kind="bar",
                categories=(HOSTILE, HOSTILE * 3),
                series=(Series(name=HOSTILE, values=(1, 2)), Series(name=HOSTILE, values=(1, 2))),
                unit=HOSTILE,
            ),
            Gallery(title=HOSTILE, pictures=(Picture(source=HOSTILE, part=HOSTILE, caption=HOSTILE, badge=HOSTILE),)),
            PlaceMap(title=HOSTILE, points=(Point(latitude=1, longitude=1, name=HOSTILE),)),
            Timeline(title=HOSTILE, spans=(Span(lane=HOSTILE, start=MADE, end=MADE, name=HOSTILE),)),
        ),
        facts={HOSTILE: HOSTILE},
    )


def test_every_element_closes_in_its_turn(crop_report):
    page = parsed(to_html(crop_report, thumbnail=lambda _: b"\xff\xd8jpeg", made=MADE))

    assert page.faults == []
    assert page.open == []


def test_the_page_has_landmarks_a_language_and_a_viewport(crop_report):
    page = parsed(to_html(crop_report, thumbnail=lambda _: None, made=MADE, language="de"))

    assert {"header", "nav", "main", "section", "footer", "h1"} <= set(page.tags)
    assert ("html", "lang", "de") in page.attributes
    assert "width=device-width, initial-scale=1" in page.values("content")


def test_no_script_and_no_outside_resource(crop_report):
    html = to_html(crop_report, thumbnail=lambda _: b"\xff\xd8jpeg", made=MADE)
    page = parsed(html)

    assert not {"script", "link", "iframe", "object", "base"} & set(page.tags)
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert all(value.startswith("data:image/jpeg;base64,") for value in page.values("src"))
    assert all(value.startswith("#") for value in page.values("href"))
    assert not re.search(r"https?:|url\(|@import", html)


def test_the_policy_forbids_all_but_styles_and_data_pictures(crop_report):
    policy = parsed(to_html(crop_report, thumbnail=lambda _: None, made=MADE)).values("content")[0]

    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")


def test_hostile_texts_stay_texts():
    page = parsed(to_html(hostile_report(), thumbnail=lambda _: None, made=MADE))

    assert "script" not in page.tags
    assert page.faults == []
    assert page.open == []


def test_bytes_of_a_name_that_is_not_utf8_are_shown_and_can_be_encoded():
    html = page_of(Gallery(title="g", pictures=(Picture(source="Bl\udce4tter/1.jpg"),)))

    html.encode("utf-8")
    assert "Bl\\xe4tter/" in html


def test_control_characters_and_changes_of_direction_do_not_reach_the_page():
    html = to_html(hostile_report(), thumbnail=lambda _: None, made=MADE)

    assert "\x1b" not in html
    assert "\u202e" not in html


def test_ids_are_unique_and_every_reference_leads_somewhere(crop_report):
    page = parsed(to_html(crop_report, thumbnail=lambda _: None, made=MADE))
    ids = page.values("id")

    assert len(ids) == len(set(ids))
    assert {href[1:] for href in page.values("href")} <= set(ids)
    assert {name for value in page.values("aria-labelledby") for name in value.split()} <= set(ids)


def test_the_contents_name_every_titled_block(crop_report):
    page = parsed(to_html(crop_report, thumbnail=lambda _: None, made=MADE))

    assert len(page.values("href")) == sum(bool(block.title) for block in crop_report.blocks)


def test_a_short_report_has_no_contents():
    assert "nav" not in parsed(page_of(Text(title="One", body=("Text.",)))).tags


def test_figures_are_the_values_given():
    figures = (
        Figure(name="Pictures", value=2318),
        Figure(name="Sick", value=0.1387, share=True, level="warning"),
        Figure(name="Nothing", value=None),
    )
    page = parsed(page_of(Figures(figures=figures)))

    assert {"2\u202f318", "13.9\u202f%", "\u2013", "warning"} <= set(page.texts)


def test_a_level_is_said_in_words_beside_its_colour():
    table = Table(title="t", columns=(Column(name="a"),), rows=(("x",), ("y",)), levels=("alarm", "normal"))
    page = parsed(page_of(table))

    assert page.texts.count("alarm") == 1


def test_a_row_shorter_than_the_head_has_empty_cells():
    table = Table(title="t", columns=(Column(name="a"), Column(name="b", form="number")), rows=(("x",),))

    assert "\u2013" in parsed(page_of(table)).texts


def test_numbers_of_one_column_have_the_same_decimals():
    table = Table(title="t", columns=(Column(name="a", form="number"),), rows=((1.5,), (2,), (0.25,)))

    assert {"1.50", "2.00", "0.25"} <= set(parsed(page_of(table)).texts)


def test_a_time_is_written_with_its_zone_for_people_and_machines():
    table = Table(title="t", columns=(Column(name="a", form="time"),), rows=((MADE,),))
    page = parsed(page_of(table))

    assert "2026-06-27 07:30 UTC" in page.texts
    assert MADE.isoformat() in page.values("datetime")


def test_a_thumbnail_becomes_a_data_address_with_its_caption_as_alternative():
    gallery = Gallery(title="g", pictures=(Picture(source="a.jpg", caption="Plant 7"),))
    page = parsed(page_of(gallery, thumbnail=lambda picture: f"\xff{picture.source}".encode("latin-1")))

    assert page.values("src") == ["data:image/jpeg;base64,/2EuanBn"]
    assert page.values("alt") == ["Plant 7"]


def test_a_picture_that_is_gone_is_said_to_be_gone():
    page = parsed(page_of(Gallery(title="g", pictures=(Picture(source="a.jpg"),))))

    assert "img" not in page.tags
    assert "This picture is no longer there." in page.texts


@pytest.mark.parametrize(
    "block, sentence",
    [
        (Table(title="t", columns=(Column(name="a"),), rows=()), "There are no rows."),
        (Chart(title="t", kind="bar", categories=(), series=()), "There are no values to show."),
        (
            Chart(title="t", kind="line", categories=("a",), series=(Series(name="s", values=(None,)),)),
            "There are no values to show.",
        ),
        (Gallery(title="t", pictures=()), "There are no pictures to show."),
        (PlaceMap(title="t", points=()), "No places are known."),
        (Timeline(title="t", spans=()), "Nothing happened in this time."),
    ],
)
def test_an_empty_block_says_so(block, sentence):
    assert sentence in parsed(page_of(block)).texts


def test_every_drawing_is_well_formed_and_says_what_it_shows(crop_report):
    found = drawings(to_html(crop_report, thumbnail=lambda _: None, made=MADE))

    assert len(found) == 2 * 5
    assert all(svg.find("title").text and svg.find("desc").text for svg in found)


def test_hostile_drawings_are_well_formed():
    assert len(drawings(to_html(hostile_report(), thumbnail=lambda _: None, made=MADE))) == 2 * 3


def test_a_page_is_the_same_every_time(crop_report):
    first = to_html(crop_report, thumbnail=lambda _: None, made=MADE)

    assert to_html(crop_report, thumbnail=lambda _: None, made=MADE) == first
