from __future__ import annotations

import pytest
from pydantic import ValidationError

from fovea.engine.recipe import Machine, Recipe, resolve
from fovea.errors import SettingsError, UsageError
from fovea.plugin import Preprocess
from fovea.settings import resolve as settle

CPU = Machine(device="cpu", native_bf16=False, free_cores=2)


def test_every_setting_says_what_it_is():
    assert all(field.description for field in Recipe.model_fields.values())


def test_nothing_is_auto_once_resolved():
    resolved = resolve(Recipe(), Preprocess(), CPU)
    assert "auto" not in resolved.model_dump().values()
    assert resolve(resolved, Preprocess(), Machine(device="cuda", native_bf16=True, free_cores=9)) == resolved


def test_what_was_asked_for_is_kept():
    resolved = resolve(Recipe(size=96, lr=0.5, epochs=3, precision="fp32", threads=1), Preprocess(), CPU)
    assert (resolved.size, resolved.lr, resolved.epochs, resolved.precision, resolved.threads) == (
        96,
        0.5,
        3,
        "fp32",
        1,
    )


def test_a_fresh_network_learns_longer_and_faster_than_one_that_has_seen_imagenet():
    fresh, tuned = (resolve(Recipe(weights=weights), Preprocess(), CPU) for weights in ("none", "imagenet"))
    assert fresh.epochs > tuned.epochs
    assert fresh.lr > tuned.lr
    assert fresh.size <= tuned.size


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"batch_size": 1},
        {"backbone": "resnet18"},
        {"weights": ""},
        {"optimizer": "lion"},
        {"lr": -1},
        {"patients": 3},
        {"validation": 0.5, "calibration": 0.3, "test": 0.2},
    ],
)
def test_a_setting_out_of_range_or_unknown_is_refused(wrong):
    with pytest.raises(ValidationError):
        Recipe(**wrong)


def test_a_list_may_be_written_with_commas():
    assert Recipe.model_validate({"attributes": "age, camera", "strengths": "1,0.1"}).attributes == ("age", "camera")
    assert Recipe.model_validate({"strengths": "0.1,1"}).strengths == (1.0, 0.1)


def test_fractions_add_up_to_one():
    assert sum(Recipe().fractions.values()) == pytest.approx(1)


@pytest.mark.parametrize("name", ["resnet18", "torchvision:", "nowhere:resnet18", "torchvision:../x"])
def test_a_backbone_of_nowhere_is_answered_with_an_example_and_where_all_are(name):
    with pytest.raises(SettingsError) as told:
        settle(Recipe, "", [{"backbone": name}], prefix="recipe.")
    wanted = f"want a network such as torchvision:resnet18, not '{name}'; all are listed by: fovea backbones"
    assert told.value.mistakes == (f"recipe.backbone: {wanted}",)


@pytest.mark.parametrize("name", Recipe.model_fields)
def test_a_wrong_value_of_any_setting_is_one_sentence_without_pydantics_words(name):
    with pytest.raises(SettingsError) as told:
        settle(Recipe, "", [{name: {"a": "table"}}], prefix="recipe.")
    (sentence,) = told.value.mistakes
    assert sentence.startswith(f"recipe.{name}: want ")
    assert sentence.endswith(', not {"a": "table"}')
    assert not {"Input", "valid", "integer", "tuple", "boolean", "string"} & set(sentence.split())


@pytest.mark.parametrize("mode", ["probe", "auto"])
def test_a_mode_that_an_anomaly_task_does_not_have_is_refused(mode):
    assert resolve(Recipe(mode="full"), Preprocess(), CPU, "anomaly").mode == "full"
    with pytest.raises(UsageError, match=f"mode {mode} fits heads, and a task of kind anomaly has none"):
        resolve(Recipe(mode=mode), Preprocess(), CPU, "anomaly")
