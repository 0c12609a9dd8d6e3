from __future__ import annotations

from datetime import timedelta

from fovea.plugin import Record, Sample, Unreadable
from fovea.store.values import BatchKey, Scanned, Scored, WorkCount


def test_an_unchanged_folder_gives_no_work(farm):
    pictures = [farm.picture(name, unit=name) for name in "abc"]
    farm.work(farm.scan(*pictures))
    batch = farm.store.open_batch(site=farm.site.id, key=farm.key)
    farm.store.record_scan(batch, pictures)
    farm.store.end_scan(batch)
    assert farm.store.plan(batch) == WorkCount()


def test_planning_again_adds_nothing_while_the_work_waits(farm):
    batch = farm.scan(farm.picture("a"), farm.picture("b"))
    assert farm.store.plan(batch) == WorkCount()


def test_only_what_is_new_is_planned(farm):
    farm.work(farm.scan(farm.picture("a")))
    batch = farm.scan(farm.picture("a"), farm.picture("b"))
    assert [sample.source for sample in farm.lease(batch).samples] == ["b"]


def test_a_changed_file_is_scored_anew(farm, words):
    farm.work(farm.scan(farm.picture("a"), farm.picture("b")))
    other = Scanned(sample=farm.picture("a").sample, stat=words.stat(9))
    assert farm.work(farm.scan(other, farm.picture("b"))) == 1


def test_chunks_hold_at_most_what_was_asked_for(farm):
    batch = farm.store.open_batch(site=farm.site.id, key=farm.key)
    farm.store.record_scan(batch, [farm.picture(str(n)) for n in range(7)])
    assert farm.store.plan(batch, chunk=3) == WorkCount(pictures=7, chunks=3)


def test_small_units_share_chunks_unless_order_matters(farm):
    pictures = [farm.picture(name, unit=name) for name in "abcd"]
    assert len(farm.lease(farm.scan(*pictures, chunk=4)).units) == 4
    other = BatchKey(view_digest="v2")
    assert farm.lease(farm.scan(*pictures, chunk=4, key=other, in_order=True)).unit == "a"


def test_chunks_follow_time_then_order_then_name(farm, words):
    def frame(name, at, order=0.0):
        time = None if at is None else words.start + timedelta(seconds=at)
        return Scanned(sample=Sample(source=name, unit="u", time=time, order=order), stat=words.stat(1))

    batch = farm.scan(
        frame("late", 9), frame("b", 1, 2.0), frame("c", 1, 1.0), frame("a", 1, 2.0), frame("never", None), chunk=9
    )
    assert [sample.source for sample in farm.lease(batch).samples] == ["never", "c", "a", "b", "late"]


def test_a_new_bundle_gives_new_results_and_keeps_the_old_ones(farm):
    farm.work(farm.scan(farm.picture("a")))
    newer = BatchKey(bundles={"disease": "b2"}, view_digest="v1", policy_digest="p1", precision="fp32")
    assert farm.work(farm.scan(farm.picture("a"), key=newer)) == 1
    for key in (farm.key, newer):
        (result,) = farm.store.results(site=farm.site.id, key=key)
        assert result.predictions["disease"][0].bundle == key.bundles["disease"]


def test_going_back_to_the_old_bundle_scores_nothing(farm):
    farm.work(farm.scan(farm.picture("a")))
    newer = BatchKey(bundles={"disease": "b2"}, view_digest="v1", policy_digest="p1", precision="fp32")
    farm.work(farm.scan(farm.picture("a"), key=newer))
    assert farm.work(farm.scan(farm.picture("a"))) == 0


def test_another_precision_gives_new_results(farm):
    farm.work(farm.scan(farm.picture("a")))
    eighth = BatchKey(bundles={"disease": "b1"}, view_digest="v1", policy_digest="p1", precision="int8")
    assert farm.work(farm.scan(farm.picture("a"), key=eighth)) == 1


def test_a_new_policy_decides_all_units_and_scores_nothing(farm):
    pictures = [farm.picture(name, unit=name) for name in "abc"]
    farm.work(farm.scan(*pictures))
    stricter = BatchKey(bundles={"disease": "b1"}, view_digest="v1", policy_digest="p2", precision="fp32")
    batch = farm.store.open_batch(site=farm.site.id, key=stricter)
    farm.store.record_scan(batch, pictures)
    farm.store.end_scan(batch)
    assert farm.store.plan(batch) == WorkCount(units=3)
    assert farm.work(batch) == 0
    assert farm.store.counts(batch).units == 3


def test_a_weather_record_decides_every_unit_and_scores_nothing(farm, words):
    pictures = [farm.picture(name, unit=name) for name in "ab"]
    farm.work(farm.scan(*pictures))
    batch = farm.store.open_batch(site=farm.site.id, key=farm.key)
    farm.store.record_scan(batch, pictures, [Record(kind="weather", time=words.start, values={"rain_mm": 1.0})])
    assert farm.store.plan(batch) == WorkCount(units=2)


def test_a_unit_s_own_record_decides_that_unit_only(farm, words):
    pictures = [farm.picture(name, unit=name) for name in "ab"]
    farm.work(farm.scan(*pictures))
    soil = Record(kind="soil", time=words.start, values={"ph": 6.5}, unit="b")
    batch = farm.scan(*pictures, records=[soil])
    assert farm.lease(batch).units == ("b",)


def test_a_quarantined_picture_is_not_planned_again(farm):
    batch = farm.scan(farm.picture("a"))
    lease = farm.lease(batch)
    farm.store.publish(lease, [Scored(sample=lease.samples[0], fault=Unreadable(code="empty", reason="no bytes"))])
    farm.work(batch)
    assert farm.work(farm.scan(farm.picture("a"))) == 0


def test_another_key_supersedes_an_unfinished_batch(farm):
    old = farm.scan(farm.picture("a"))
    lease = farm.lease(old)
    new = farm.scan(farm.picture("a"), key=BatchKey(view_digest="v2"))
    assert farm.store.publish(lease, [Scored(sample=lease.samples[0])]) is False
    assert [batch.state for batch in farm.store.batches(farm.site.id)] == ["superseded", "open"]
    assert farm.store.lease(old, owner="w", seconds=9) is None
    assert len(farm.lease(new).samples) == 1


def test_an_unfinished_batch_of_an_equal_key_is_resumed(farm):
    first = farm.scan(farm.picture("a"))
    again = farm.store.open_batch(site=farm.site.id, key=farm.key)
    assert (again.id, again.scan) == (first.id, first.scan + 1)


def test_a_finished_batch_is_not_resumed(farm):
    batch = farm.scan(farm.picture("a"))
    farm.work(batch)
    farm.store.finish_batch(batch)
    farm.store.finish_batch(batch)
    assert farm.store.open_batch(site=farm.site.id, key=farm.key).id != batch.id
    assert farm.store.batch(batch.id).state == "finished"
    told = farm.store.events.due(listener="l", now=farm.clock.now)
    assert [one.event.kind for one in told] == ["batch.finished"]
