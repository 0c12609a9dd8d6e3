from __future__ import annotations

import fovea_lane
import pytest

from fovea.errors import SettingsError
from fovea.live import sources_of


def refused(addresses, environment=None):
    with pytest.raises(SettingsError) as told:
        sources_of(fovea_lane.domain(), addresses, environment or {})
    return told.value.mistakes


def made(address, environment=None):
    (source,) = sources_of(fovea_lane.domain(silent_s=7), {"gate": address}, environment or {})
    return source


def test_a_source_knows_its_scheme_and_what_it_brings():
    source = made("lane://host/1")
    assert (source.name, source.scheme, source.kind, source.silent_s) == ("gate", "lane", "frames", 7)


def test_sources_come_in_order_of_their_names():
    found = sources_of(fovea_lane.domain(), {"yard": "lane://b", "gate": "drop://a"}, {})
    assert [(one.name, one.kind) for one in found] == [("gate", "files"), ("yard", "frames")]


@pytest.mark.parametrize("name", ["Gate", "", "-gate", "ga te", "gate/1", "..", "g" * 64, "tör"])
def test_a_name_is_fit_for_a_folder(name):
    assert refused({name: "lane://x"}) == (
        f"stream.{name}: a stream's name is lower-case letters, digits and hyphens, at most 63",
    )


def test_the_longest_name_is_taken():
    assert sources_of(fovea_lane.domain(), {"g" * 63: "lane://x"}, {})[0].name == "g" * 63


@pytest.mark.parametrize("address", ["rtsp://x", "x", "", "lane", "/lane://x"])
def test_an_address_that_the_domain_does_not_know_is_told_with_those_it_knows(address):
    (mistake,) = refused({"gate": address})
    assert mistake.endswith("knows no address that begins like this (it knows: drop://, lane://, slow://)")


def test_what_is_no_address_is_told():
    assert "this is no address" in refused({"gate": "lane://[half"})[0]


def test_an_address_that_is_no_text_is_told():
    assert refused({"gate": 7}) == ("stream.gate: want an address as text, not int",)


@pytest.mark.parametrize(
    "address",
    ["lane://me:word@host", "lane://me:wo{env:HALF}@host", "lane://host/?user=me&password=word", "lane://h?Token=abc"],
)
def test_a_secret_in_the_open_is_refused(address):
    assert "does not belong here; write {env:NAME}" in refused({"gate": address}, {"HALF": "rd"})[0]


def test_a_user_s_name_alone_is_no_secret():
    assert made("lane://me@host").url({}) == "lane://me@host"


def test_secrets_are_filled_in_where_they_are_used():
    source = made("lane://{env:WHO}:{env:WORD}@host/{env:CAM}?token={env:KEY}", SECRETS)
    assert source.url(SECRETS) == "lane://me:w%40r%2Fd@host/cam 1?token=k=1"
    assert "w@r/d" not in repr(source)


SECRETS = {"WHO": "me", "WORD": "w@r/d", "CAM": "cam 1", "KEY": "k=1"}


def test_a_path_may_hold_an_at():
    assert made("lane://host/a@{env:KEY}", SECRETS).url(SECRETS) == "lane://host/a@k=1"


@pytest.mark.parametrize("environment", [{}, {"WORD": ""}])
def test_a_secret_that_is_not_there_is_named(environment):
    mistakes = refused({"gate": "lane://me:{env:WORD}@host"}, environment)
    assert mistakes == ("stream.gate: the environment variable WORD is not set",)


def test_all_mistakes_are_told_at_once():
    mistakes = refused({"A": "rtsp://me:word@{env:X}/{env:Y}", "b": "lane://ok", "c": 1})
    assert [mistake.split(":")[0] for mistake in mistakes] == ["stream.A"] * 5 + ["stream.c"]


def test_secrets_are_hidden_however_they_are_spelt():
    source = made("lane://me:{env:WORD}@host", SECRETS)
    told = "cannot open lane://me:w%40r%2Fd@host (w@r/d, w%40r/d)"
    assert source.hide(told, SECRETS) == "cannot open lane://me:***@host (***, ***)"


def test_a_secret_that_went_missing_hides_nothing():
    source = made("lane://me:{env:WORD}@host", SECRETS)
    assert source.hide("as it is", {}) == "as it is"
