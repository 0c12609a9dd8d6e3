from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from fovea.errors import StoreError, UnknownName, UsageError
from fovea.plugin import Fitted
from fovea.store.values import BatchKey, LineUp, Run


def test_a_site_is_found_by_its_name(farm):
    assert farm.store.site("farm") == farm.site
    assert farm.store.sites() == (farm.site,)


def test_a_site_s_name_and_folder_may_be_any_bytes(farm):
    made = farm.store.add_site(name="h\udcfff", title="", domain="crop", root=Path("/data/\udcff\udc80"))
    assert farm.store.site("h\udcfff") == made


def test_half_a_character_is_refused_with_a_sentence(farm):
    with pytest.raises(StoreError, match="holds half a character"):
        farm.store.add_site(name="\ud800", title="", domain="crop", root=Path())


def test_an_unknown_site_names_those_there_are(farm):
    with pytest.raises(UnknownName, match="did you mean 'farm'"):
        farm.store.site("frm")


def test_a_taken_name_is_refused(farm):
    with pytest.raises(UsageError, match="there is a site 'farm' already"):
        farm.store.add_site(name="farm", title="", domain="crop", root=Path())


def test_the_newest_settings_of_each_unit_hold(farm):
    for unit, side in (("", 1), ("gate", 2), ("", 3)):
        farm.store.put_settings(site=farm.site.id, kind="view", unit=unit, data={"side": side})
    assert farm.store.settings(site=farm.site.id, kind="view") == {"": {"side": 3}, "gate": {"side": 2}}
    assert farm.store.settings(site=farm.site.id, kind="policy") == {}


def test_settings_keep_their_history_and_who_set_them(farm):
    for actor, side in (("ann", 1), ("bob", 2)):
        farm.store.put_settings(site=farm.site.id, kind="policy", data={"side": side}, actor=actor)
    history = farm.store.settings_history(site=farm.site.id)
    assert [(one.actor, one.data) for one in history] == [("ann", {"side": 1}), ("bob", {"side": 2})]


def test_settings_put_again_unchanged_add_nothing(farm):
    for _ in range(2):
        farm.store.put_settings(site=farm.site.id, kind="view", data={"a": 1})
    assert len(farm.store.settings_history(site=farm.site.id)) == 1


def test_the_line_up_holds_the_newest_bundle_of_each_role(farm):
    for role, name in (("disease", "old"), ("severity", "sev"), ("disease", "new")):
        farm.store.set_bundle(site=farm.site.id, role=role, name=name, path=Path("/m") / name, digest=name)
    assert farm.store.line_up(farm.site.id) == (
        LineUp(role="disease", name="new", path=Path("/m/new"), digest="new"),
        LineUp(role="severity", name="sev", path=Path("/m/sev"), digest="sev"),
    )


def test_a_run_is_updated_in_place(farm):
    run = Run(
        name="r1",
        domain="crop",
        role="disease",
        state="running",
        folder=Path("/r"),
        started=datetime(2026, 1, 1, tzinfo=UTC),
        recipe={"epochs": 3},
    )
    farm.store.add_run(run)
    done = Run(
        name="r1",
        domain="crop",
        role="disease",
        state="done",
        folder=Path("/r"),
        started=run.started,
        ended=run.started + timedelta(hours=1),
        recipe={"epochs": 3},
        figures={"f1": 0.5},
        curves={"loss": [1, 0.5]},
        environment={"cpu": 2},
        fingerprint="f",
    )
    farm.store.update_run(done)
    assert farm.store.runs() == (farm.store.run("r1"),) == (done,)


def test_unknown_and_taken_runs_are_refused(farm):
    run = Run(name="r1", domain="crop", role="d", state="s", folder=Path(), started=datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(UnknownName):
        farm.store.update_run(run)
    with pytest.raises(UnknownName):
        farm.store.run("r1")
    farm.store.add_run(run)
    with pytest.raises(UsageError, match="there is a run 'r1' already"):
        farm.store.add_run(run)


def test_fitted_numbers_and_arrays_come_back_by_unit(farm):
    arrays = {"file": np.arange(6, dtype=np.float32).reshape(2, 3), "a": np.array(5)}
    digest = farm.store.put_fitted(site=farm.site.id, unit="gate", values=Fitted(values={"t": 0.5}, arrays=arrays))
    back = farm.store.fitted(farm.site.id)["gate"]
    assert (len(digest), back.values) == (16, {"t": 0.5})
    assert {name: (array.dtype, array.tolist()) for name, array in back.arrays.items()} == {
        name: (array.dtype, array.tolist()) for name, array in arrays.items()
    }


def test_equal_fitted_numbers_have_equal_digests(farm):
    first, second, third = (
        farm.store.put_fitted(site=farm.site.id, values=Fitted(arrays={"a": np.array(content)}))
        for content in ([1, 2], [1, 2], [1, 3])
    )
    assert first == second != third


def test_fitted_objects_are_refused(farm):
    with pytest.raises(StoreError, match="holds Python objects"):
        farm.store.put_fitted(site=farm.site.id, values=Fitted(arrays={"a": np.array([object()])}))


def test_every_part_of_a_key_changes_what_it_should():
    base = BatchKey(bundles={"d": "1"}, view_digest="v", fitted_digest="f", policy_digest="p", precision="fp32")
    policy = BatchKey(bundles={"d": "1"}, view_digest="v", fitted_digest="f", policy_digest="q", precision="fp32")
    others = [
        BatchKey(bundles={"d": "2"}, view_digest="v", fitted_digest="f", policy_digest="p", precision="fp32"),
        BatchKey(bundles={"d": "1"}, view_digest="w", fitted_digest="f", policy_digest="p", precision="fp32"),
        BatchKey(bundles={"d": "1"}, view_digest="v", fitted_digest="g", policy_digest="p", precision="fp32"),
        BatchKey(bundles={"d": "1"}, view_digest="v", fitted_digest="f", policy_digest="p", precision="int8"),
    ]
    assert policy.result_key == base.result_key
    assert policy.decision_key != base.decision_key
    assert len({base.result_key, *(other.result_key for other in others)}) == 5
