from __future__ import annotations

import pytest

from fovea.errors import PluginError
from fovea.plugin import Unreadable
from fovea.store.values import BatchKey, Scanned, Scored

EMPTY = Unreadable(code="empty", reason="the file has no bytes")


def reject(farm, batch, fault=EMPTY) -> None:
    lease = farm.lease(batch)
    assert farm.store.publish(lease, [Scored(sample=sample, fault=fault) for sample in lease.samples])
    farm.work(batch)


def marks(farm) -> list[tuple[str, str]]:
    return [(row.source, row.code) for row in farm.store.quarantined(farm.site.id)]


def test_an_unreadable_picture_is_listed_with_its_reason(farm):
    reject(farm, farm.scan(farm.picture("a")))
    (row,) = farm.store.quarantined(farm.site.id)
    assert (row.source, row.part, row.code, row.reason, row.plugin) == ("a", "", "empty", EMPTY.reason, "")


def test_an_unreadable_picture_counts_as_done_and_its_unit_is_decided(farm):
    batch = farm.scan(farm.picture("a"))
    reject(farm, batch)
    counts = farm.store.counts(batch)
    assert (counts.todo, counts.pictures, counts.quarantined, counts.units) == (0, 1, 1, 1)


def test_a_plugin_s_fault_names_what_to_mend(farm):
    reject(farm, farm.scan(farm.picture("a")), PluginError("crop", "measure", "gave two answers"))
    (row,) = farm.store.quarantined(farm.site.id)
    assert (row.code, row.plugin, row.function, row.reason) == ("plugin", "crop", "measure", "gave two answers")


def test_a_changed_file_leaves_the_quarantine_by_itself(farm, words):
    reject(farm, farm.scan(farm.picture("a")))
    mended = Scanned(sample=farm.picture("a").sample, stat=words.stat(2))
    batch = farm.scan(mended)
    assert marks(farm) == []
    assert farm.work(batch) == 1


def test_a_vanished_file_leaves_the_quarantine(farm):
    reject(farm, farm.scan(farm.picture("a")))
    farm.scan(farm.picture("b"))
    assert marks(farm) == []


def test_retry_takes_a_picture_up_again(farm):
    reject(farm, farm.scan(farm.picture("a")))
    assert farm.store.retry(site=farm.site.id, actor="ann", role="owner") == 1
    assert marks(farm) == []
    assert farm.work(farm.scan(farm.picture("a"))) == 1
    assert [row.actor for row in farm.store.audit_rows() if row.action == "quarantine.retry"] == ["ann"]


def test_retry_of_one_source_leaves_the_others(farm):
    reject(farm, farm.scan(farm.picture("a"), farm.picture("b")))
    assert farm.store.retry(site=farm.site.id, source="a") == 1
    assert marks(farm) == [("b", "empty")]


def test_another_view_tries_a_picture_again(farm):
    reject(farm, farm.scan(farm.picture("a")))
    larger = BatchKey(bundles={"disease": "b1"}, view_digest="v2")
    assert farm.work(farm.scan(farm.picture("a"), key=larger)) == 1
    assert marks(farm) == []


def test_a_picture_rejected_twice_is_listed_once_with_the_newer_reason(farm):
    reject(farm, farm.scan(farm.picture("a")))
    farm.store.retry(site=farm.site.id)
    reject(farm, farm.scan(farm.picture("a")), Unreadable(code="bomb", reason="too large"))
    assert marks(farm) == [("a", "bomb")]


@pytest.mark.parametrize("reason", ["\udcff raw", "new\nline", ""])
def test_a_reason_may_be_any_text(farm, reason):
    reject(farm, farm.scan(farm.picture("a")), Unreadable(code="x", reason=reason))
    assert farm.store.quarantined(farm.site.id)[0].reason == reason
