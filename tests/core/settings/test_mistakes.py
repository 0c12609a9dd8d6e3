from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address
from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from fovea.settings.mistakes import sentences


def _no_hurry(text):
    if text == "now":
        raise ValueError("want some patience")
    return text


def _even(number):
    if number % 2:
        raise PydanticCustomError("odd", "Odd numbers are not served")
    return number


class Mask(BaseModel):
    model_config = ConfigDict(extra="forbid")

    camera: str = "*"
    corners: tuple[tuple[float, float], ...] = Field(min_length=3)


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    size: int | Literal["auto"] = Field(default="auto", ge=32, le=1024)
    sure: float = Field(default=0.5, ge=0, le=1)
    masks: tuple[Mask, ...] = ()
    when: Annotated[str, AfterValidator(_no_hurry)] = "later"
    pairs: Annotated[int, AfterValidator(_even)] = 2
    code: str = Field(default="a-1", pattern="^[a-z]-[0-9]$", description="a letter, a hyphen and a digit")
    word: SecretStr = SecretStr("")
    host: IPv4Address | None = None
    tables: Mapping[str, Mapping[str, int]] = Field(default_factory=dict)
    low: int = 0
    high: int = 9

    @model_validator(mode="after")
    def _in_order(self):
        if self.low > self.high:
            raise ValueError(f"low {self.low} is above high {self.high}")
        return self


def told(**given: Any) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate(given)
    return sentences(Settings, caught.value, prefix="view.")


@pytest.mark.parametrize(
    "given,sentence",
    [
        ({"size": "huge"}, "view.size: want a whole number from 32 to 1024, or 'auto', not 'huge'"),
        ({"size": 12.5}, "view.size: want a whole number from 32 to 1024, or 'auto', not 12.5"),
        ({"size": 8}, "view.size: want a whole number from 32 to 1024, or 'auto', not 8"),
        ({"size": None}, "view.size: want a whole number from 32 to 1024, or 'auto', not null"),
        ({"size": True}, "view.size: want a whole number from 32 to 1024, or 'auto', not true"),
        ({"sure": "yes"}, "view.sure: want a number from 0 to 1, not 'yes'"),
        ({"sure": [1, "é"]}, 'view.sure: want a number from 0 to 1, not [1, "é"]'),
        ({"suer": 1}, "view.suer: there is no such setting; did you mean 'sure'?"),
        ({"when": "now"}, "view.when: want some patience"),
        ({"when": 3}, "view.when: want a text, not 3"),
        ({"pairs": 3}, "view.pairs: odd numbers are not served"),
        ({"code": "7"}, "view.code: want a text of another form (a letter, a hyphen and a digit), not '7'"),
        ({"host": "here"}, "view.host: want a valid IPv4 address, not 'here'"),
        ({"low": 10}, "view: low 10 is above high 9"),
        ({"masks": 1}, "view.masks: want a list, each a table of camera, corners, not 1"),
        ({"masks": [{}]},
         "view.masks, item 1, corners: it is missing; want a list of at least 3, each a list of 2, each a number"),
        ({"masks": [{"corners": [[0, 0]] * 3, "cam": ""}]},
         "view.masks, item 1, cam: there is no such setting; did you mean 'camera'?"),
        ({"masks": [{"corners": [[0, 0], [0, "x"], [0, 0]]}]},
         "view.masks, item 1, corners, item 2, item 2: want a number, not 'x'"),
        ({"tables": {"a": {"b": "c"}}}, "view.tables.a.b: want a whole number, not 'c'"),
        ({"tables": {"a": 1}}, "view.tables.a: want a table, not 1"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence_in_our_words(given, sentence):
    assert told(**given) == [sentence]


def test_every_mistake_has_its_own_sentence():
    assert [one.split(":")[0] for one in told(size="huge", sure=2, suer=1)] == ["view.size", "view.sure", "view.suer"]


def test_a_misspelt_setting_near_to_none_is_answered_with_all_there_are():
    (sentence,) = told(zzz=1)
    assert sentence.startswith("view.zzz: there is no such setting; there is: code, high, host,")


def test_a_list_that_is_too_short_for_want_of_a_wrong_item_is_told_by_the_item_alone():
    (sentence,) = told(masks=[{"corners": [[0, 0], [0, 0], ["x", 0]]}])
    assert sentence.startswith("view.masks, item 1, corners, item 3, item 1:")


def test_a_secret_is_not_repeated():
    assert told(word=["barley"]) == ["view.word: want a valid string"]


def test_a_long_value_is_shortened():
    (sentence,) = told(sure="x" * 500)
    assert len(sentence) < 120
    assert sentence.endswith("xxx...'")


def test_a_setting_is_called_as_it_was_written():
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate({"sure": 2})
    (sentence,) = sentences(Settings, caught.value, names={"sure": "FOVEA_SURE"})
    assert sentence == "FOVEA_SURE: want a number from 0 to 1, not 2"
