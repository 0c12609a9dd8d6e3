from __future__ import annotations

import pytest
from pydantic import Field

from fovea.errors import SettingsError
from fovea.plugin import ViewSettings
from fovea.settings import digest, parse, resolve, secret, together


class View(ViewSettings):
    sharp: float = Field(0.5, ge=0, le=1)
    holes: tuple[str, ...] = ("a", "b")


def test_later_layers_win_and_silence_keeps_the_default():
    settings = resolve(View, "view", [{"sharp": 0.6, "max_megapixels": 10}, {"sharp": 0.7}])
    assert (settings.sharp, settings.max_megapixels, settings.holes) == (0.7, 10, ("a", "b"))


def test_a_whole_value_replaces_its_elder():
    assert resolve(View, "view", [{"holes": ["x", "y"]}, {"holes": ["z"]}]).holes == ("z",)


def test_every_mistake_is_told_at_once():
    with pytest.raises(SettingsError) as caught:
        resolve(View, "view settings of 'crop'", [{"sharp": 2, "shrap": 1, "max_megabytes": "much"}])
    assert caught.value.where == "view settings of 'crop'"
    assert sorted(mistake.split(":")[0] for mistake in caught.value.mistakes) == ["max_megabytes", "sharp", "shrap"]


def test_a_misspelt_setting_is_answered_with_the_known_ones():
    with pytest.raises(SettingsError, match=r"shrap: there is no such setting; did you mean 'sharp'\?"):
        resolve(View, "view", [{"shrap": 1}])


def test_a_wrong_value_is_repeated():
    with pytest.raises(SettingsError, match="view: sharp: want a number from 0 to 1, not 2"):
        resolve(View, "view", [{"sharp": 2}])


def test_a_setting_is_named_as_the_user_writes_it():
    with pytest.raises(SettingsError, match=r"view: view\.sharp: want"):
        resolve(View, "view", [{"sharp": 2}], prefix="view.")


def _refusing(*mistakes):
    def ask():
        raise SettingsError("here", mistakes)

    return ask


def test_questions_that_find_no_mistake_are_answered():
    assert together(lambda: 1, lambda: "two", lambda: 3.0) == (1, "two", 3.0)


def test_the_mistakes_of_all_questions_are_told_at_once_and_each_once():
    with pytest.raises(SettingsError) as caught:
        together(_refusing("a: no", "b: no"), lambda: 1, _refusing("b: no", "c: no"))
    assert str(caught.value) == "a: no; b: no; c: no"


def test_mistakes_of_one_question_are_told_under_its_own_name():
    with pytest.raises(SettingsError, match="here: a: no"):
        together(lambda: 1, _refusing("a: no"))


def test_equal_settings_have_equal_digests_whatever_their_order():
    assert digest({"a": 1, "b": [2, 3]}) == digest({"b": [2, 3], "a": 1})
    assert digest(View(sharp=0.5)) == digest(View())


def test_different_settings_have_different_digests():
    assert len({digest(View()), digest(View(sharp=0.6)), digest(View(), "x"), digest()}) == 4


def test_a_digest_takes_names_that_are_not_utf8():
    assert len(digest({"unit": b"\xff.jpg".decode("utf-8", "surrogateescape")})) == 16


@pytest.mark.parametrize(
    "text,value",
    [("a=1", 1), ("a=true", True), ('a=["x"]', ["x"]), ("a=north field", "north field"), ("a=", ""), ("a=b=c", "b=c")],
)
def test_values_are_json_where_they_read_as_json(text, value):
    assert parse([text], "settings") == {"a": value}


def test_texts_without_an_equals_sign_are_told_at_once():
    with pytest.raises(SettingsError, match="settings: sharp: want NAME=VALUE; wide: want NAME=VALUE"):
        parse(iter(["sharp", "a=1", "wide"]), "settings")


def test_a_secret_is_looked_up_in_the_environment(monkeypatch):
    monkeypatch.setenv("MAIL_WORD", "barley")
    assert secret("env:MAIL_WORD") == "barley"


def test_a_secret_written_down_is_refused_and_not_repeated():
    with pytest.raises(SettingsError) as caught:
        secret("barley")
    assert "barley" not in str(caught.value)


def test_a_secret_that_is_not_set_is_named(monkeypatch):
    monkeypatch.delenv("MAIL_WORD", raising=False)
    with pytest.raises(SettingsError, match="the environment variable MAIL_WORD is not set"):
        secret("env:MAIL_WORD")
