from __future__ import annotations

import inspect
import pickle

import pytest

from fovea import errors
from fovea.errors import (
    BundleRefused,
    DataError,
    FoveaError,
    Locked,
    PluginError,
    SettingsError,
    Stopped,
    StoreError,
    UnknownName,
    UsageError,
    WeightsMissing,
)

EXAMPLES = [
    (PluginError("wheat", "decide", "want a text"), 1, "plugin 'wheat' failed in decide: want a text"),
    (SettingsError("view settings", ["a: no", "b: neither"]), 2, "view settings: a: no; b: neither"),
    (UsageError("there is nothing to do"), 2, "there is nothing to do"),
    (
        UnknownName("site", "nort", ["north", "south"]),
        2,
        "there is no site 'nort'; did you mean 'north'? (there is: north, south)",
    ),
    (UnknownName("site", "x", []), 2, "there is no site 'x' (there is: none yet)"),
    (DataError("no pictures found"), 1, "no pictures found"),
    (
        WeightsMissing("resnet18", "r.pth", "cache"),
        1,
        (
            "the ImageNet weights of resnet18 could not be downloaded: put the file r.pth into cache, "
            "or train with --recipe backbone=starter, --weights none or --weights PATH"
        ),
    ),
    (BundleRefused("a.fovea", "a byte differs"), 5, "bundle a.fovea was refused: a byte differs"),
    (Locked("another process holds the database"), 6, "another process holds the database"),
    (StoreError("the database is newer than this program"), 1, "the database is newer than this program"),
    (Stopped("stopped"), 130, "stopped"),
]


@pytest.mark.parametrize("error,code,sentence", EXAMPLES, ids=lambda value: type(value).__name__)
def test_an_error_builds_its_sentence_and_sets_its_exit_code(error, code, sentence):
    assert (str(error), error.exit_code) == (sentence, code)


@pytest.mark.parametrize("error", [error for error, _, _ in EXAMPLES], ids=lambda error: type(error).__name__)
def test_an_error_comes_back_from_pickle_with_its_facts(error):
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


def test_every_error_has_an_example_here():
    classes = {value for _, value in inspect.getmembers(errors, inspect.isclass) if issubclass(value, FoveaError)}
    assert classes - {FoveaError} == {type(error) for error, _, _ in EXAMPLES}
