from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fovea.errors import UnknownName, UsageError
from fovea.store.values import Run


def run(name, **facts):
    started = datetime(2026, 5, 1, tzinfo=UTC)
    return Run(name=name, domain="toy", role="light", state="finished", folder=Path("runs"), started=started, **facts)


ONE = run(
    "one",
    recipe={"lr": 0.1, "epochs": 2},
    figures={"figures": {"accuracy": {"value": 0.8, "low": 0.7, "high": 0.9}}, "notes": []},
    curves={"epochs": [{"loss": 1.0, "seconds": 2.0}, {"loss": 0.5, "seconds": 2.0}]},
    fingerprint="aa",
)
OTHER = replace(ONE, name="other", recipe={"lr": 0.2, "epochs": 2, "ema": 0.9}, fingerprint="bb", figures={}, curves={})


@pytest.fixture
def compared(bench):
    bench.store.add_run(ONE)
    bench.store.add_run(OTHER)
    return bench.craft.compare(["one", "other"])


def test_only_the_settings_that_differ_are_told(compared):
    assert compared.recipe == {"lr": (0.1, 0.2), "ema": (None, 0.9)}


def test_figures_and_curves_stand_side_by_side(compared):
    assert compared.figures == {"accuracy": ((0.8, 0.7, 0.9), None)}
    assert compared.curves == {"loss": ((1.0, 0.5), ())}


def test_runs_on_other_pictures_are_told_apart(bench, compared):
    assert compared.same_data is False
    bench.store.add_run(replace(ONE, name="third"))
    assert bench.craft.compare(["one", "third"]).same_data is True
    bench.store.add_run(replace(ONE, name="fourth", fingerprint=""))
    assert bench.craft.compare(["one", "fourth"]).same_data is None


@pytest.mark.parametrize("names", [["one"], ["one", "one"]])
def test_a_run_is_not_compared_with_itself(bench, compared, names):
    with pytest.raises(UsageError, match="at least two different runs"):
        bench.craft.compare(names)


def test_a_run_that_there_is_not_is_told(bench, compared):
    with pytest.raises(UnknownName, match="ones"):
        bench.craft.compare(["one", "ones"])
