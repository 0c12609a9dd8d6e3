from __future__ import annotations

import os
import sqlite3
import time
from dataclasses import replace

import fovea_toy
import pytest
from fovea_toy import Policy, View, domain, in_order

from fovea.batch.key import key_of
from fovea.batch.work import Policies
from fovea.errors import BundleRefused, DataError, Locked, PluginError, Stopped, StoreError
from fovea.plugin import PolicySettings
from fovea.registry import guard
from fovea.serving.score import Scorer, open_bundles


class Listener:
    """A progress that remembers."""

    def __init__(self):
        self.told = []

    def start(self, title, total):
        self.told.append((title, total))

    def advance(self, count=1):
        self.told.append(count)

    def show(self, **figures):
        self.figures = figures

    def finish(self):
        self.told.append("done")


def rows(room, table):
    with sqlite3.connect(room.folder / "toy.db") as database:
        return database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def after(count):
    """A stop that answers true from the ``count``-th time on."""
    asked = iter(range(count))
    return lambda: next(asked, None) is None


def test_every_picture_is_answered_and_every_unit_decided(room):
    room.fill(units=3, pictures=20)

    summary = room.run()

    assert (summary.pictures, summary.scored, summary.known, summary.new_quarantined) == (60, 57, 0, 3)
    assert summary.quarantined == {"bad": 3}
    assert (summary.units, summary.decisions, summary.findings) == (3, 3, 0)
    assert len(room.results()) == 57
    assert summary.faults == ()


def test_a_second_run_has_nothing_to_do(room):
    room.fill(units=3, pictures=20)
    room.run()
    before = room.tables()

    summary = room.run()

    assert (summary.scored, summary.known, summary.units, summary.decisions) == (0, 60, 0, 0)
    assert room.tables() == before


def test_only_what_is_new_or_changed_is_scored(room):
    room.fill(units=2, pictures=10)
    room.run()
    room.put("u0/new", "level 200")
    room.put("u1/00011", "level 0255")
    room.put("u1/00012", "bad now")

    summary = room.run()

    assert (summary.scored, summary.known, summary.new_quarantined) == (2, 18, 1)


def test_odd_names_are_names_like_others(room):
    for name in (
        "with space",
        "quo'te\"s",
        "new\nline",
        "snow-\u2603",
        os.fsdecode(b"not-utf8-\xff\xfe"),
        "-rf",
        "100%",
    ):
        room.put(f"odd unit \n/{name}", "level 7")

    summary = room.run(workers=1)

    assert (summary.scored, summary.new_quarantined, summary.units) == (7, 0, 1)
    assert room.run().known == 7


def test_a_unit_of_unreadable_pictures_is_still_decided(room):
    room.put("u/1", "bad")

    summary = room.run()

    assert (summary.scored, summary.units) == (0, 1)


def test_a_file_that_is_gone_leaves_the_decision(room):
    room.fill(units=1, pictures=4)
    room.run()
    (room.job.root / "u0" / "00002.toy").unlink()

    room.run()

    (decision,) = room.store.decisions(room.site.id)["u0"]
    assert decision.figures["pictures"] == 3


def test_one_more_record_decides_anew_without_a_prediction(room):
    room.fill(units=2, pictures=5)
    (room.job.root / "rain.csv").write_text("1\n2\n")
    room.run()
    predictions = rows(room, "predictions")
    (room.job.root / "rain.csv").write_text("1\n2\n9\n")

    summary = room.run()

    labels = {unit: made[0].label for unit, made in room.store.decisions(room.site.id).items()}
    assert (summary.scored, summary.units, summary.findings) == (0, 2, 2)
    assert labels == {"u0": "wet", "u1": "wet"}
    assert rows(room, "predictions") == predictions


def test_another_policy_decides_anew_and_another_view_scores_anew(room):
    room.fill(units=2, pictures=5)
    (room.job.root / "rain.csv").write_text("3")
    room.run()

    by_policy = room.having(policy=Policy(wet_mm=2)).run()
    by_view = room.having(view=View(trip_on="nothing")).run()

    assert (by_policy.scored, by_policy.findings) == (0, 2)
    assert (by_view.scored, by_view.findings) == (10, 0)


def test_the_progress_hears_of_every_picture(room):
    room.fill(units=2, pictures=20)
    listener = Listener()

    room.run(progress=listener)

    titles = [one for one in listener.told if isinstance(one, tuple)]
    assert titles == [("scan", None), ("score", 40)]
    assert sum(one for one in listener.told if isinstance(one, int)) == 80
    assert listener.figures["quarantined"] == 2


def test_worker_processes_leave_the_same_tables(room):
    room.fill(units=4, pictures=20)
    room.run()
    with room.twin("other") as other:
        other.fill(units=4, pictures=20)
        summary = other.run(workers=2)

        assert summary.scored == 76
        assert other.tables() == room.tables()


@pytest.mark.parametrize("workers", [0, 2])
def test_a_stopped_batch_goes_on_where_it_stopped(room, workers):
    room.fill(units=4, pictures=40)
    slow = room.having(view=View(delay_s=0.005))

    with pytest.raises(Stopped, match="run the same command again"):
        slow.run(workers=workers, stop=after(4 if workers == 0 else 12))
    summary = slow.run()

    assert rows(room, "measures") == 151
    assert summary.known + summary.scored + summary.new_quarantined == 160
    assert workers or summary.known == 48


def test_a_stop_during_the_scan_changes_nothing(room):
    room.fill(units=1, pictures=3)

    with pytest.raises(Stopped, match="while the folder was read"):
        room.run(stop=lambda: True)

    assert room.store.batches(room.site.id)[-1].state == "open"


def test_a_fault_in_decide_is_told_and_stops_no_other_unit(room):
    room.fill(units=3, pictures=4)

    summary = room.having(policy=Policy(trip_on="u1/")).run()

    assert sorted(room.store.decisions(room.site.id)) == ["u0", "u2"]
    assert summary.faults == ("plugin 'toy' failed in decide: raised ValueError: tripped",)


def test_a_fault_in_measure_is_told_and_costs_those_pictures(room):
    room.fill(units=3, pictures=4)

    summary = room.having(view=View(trip_on="u1/")).run()

    assert (summary.scored, summary.new_quarantined) == (8, 4)
    assert summary.faults == ("plugin 'toy' failed in measure: raised ValueError: tripped (4 times)",)


def test_a_fault_in_read_samples_ends_the_batch_with_a_sentence(room):
    def reads_badly(root, view):
        raise OSError("the card is full")

    broken = guard(replace(fovea_toy.domain(), read_samples=reads_badly))

    with pytest.raises(PluginError, match="'toy' failed in read_samples: raised OSError: the card is full"):
        room.having(domain=broken).run()


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_without_pictures_says_so(room, there):
    if there:
        (room.job.root / "notes.txt").write_text("nothing here")
        sentence = r"finds no picture in .*pictures, which holds 1 files: .*fovea plugins show toy"
    else:
        room.job.root.rmdir()
        sentence = "pictures is not there"

    with pytest.raises(DataError, match=sentence):
        room.run()


def test_a_folder_that_became_empty_is_not_taken_for_a_deletion(room):
    room.fill(units=1, pictures=3)
    room.run()
    for path in (room.job.root / "u0").iterdir():
        path.unlink()

    with pytest.raises(DataError, match="no file at all"):
        room.run()

    assert len(room.results()) == 3


def test_a_domain_that_no_other_process_can_be_sent_is_named(room):
    room.fill(units=1, pictures=3)
    local = domain(prepare=lambda image, sample, view: image)

    with pytest.raises(PluginError, match="'toy' failed in loading: it cannot be sent to a worker process"):
        room.having(domain=local).run(workers=1)


def test_a_batch_that_another_one_supersedes_says_so(room):
    room.fill(units=1, pictures=40)
    asked = iter(range(4))

    def take_over():
        if next(asked, None) == 3:
            room.having(policy=Policy(wet_mm=1)).run()
        return False

    with pytest.raises(Locked, match="took this site over"):
        room.run(stop=take_over)


def test_units_with_a_policy_of_their_own(room):
    room.fill(units=2, pictures=3)
    (room.job.root / "rain.csv").write_text("3")

    room.having(policy=Policies(site=Policy(), units={"u1": Policy(wet_mm=1)})).run()

    labels = {unit: made[0].label for unit, made in room.store.decisions(room.site.id).items()}
    assert labels == {"u0": "dry", "u1": "wet"}


def test_units_with_a_view_of_their_own(room):
    room.fill(units=2, pictures=3)
    job = replace(room.job, unit_views={"u1": View(trip_on="u")})

    summary = replace(room, job=job).run()

    assert {row.source[:2] for row in room.store.quarantined(room.site.id)} == {"u1"}
    assert summary.scored == 3


def test_an_in_order_measure_sees_each_unit_from_its_start(room):
    room.fill(units=2, pictures=40)

    room.having(domain=in_order()).run()

    counts = [one.measures.values["count"] for one in room.results() if one.sample.unit == "u1"]
    assert counts == [float(number) for number in range(1, len(counts) + 1)]


def test_an_in_order_measure_taken_over_equals_the_undisturbed_one(room):
    room.fill(units=2, pictures=60)
    room.having(domain=in_order()).run()
    with room.twin("other") as other:
        other.fill(units=2, pictures=60)
        for _ in range(3):
            with pytest.raises(Stopped):
                other.having(domain=in_order()).run(stop=after(3))
        other.having(domain=in_order()).run(workers=2)

        assert other.tables() == room.tables()


def test_a_lease_is_kept_alive_however_long_a_picture_takes(room):
    room.fill(units=2, pictures=1)
    tally = room.folder / "tally"

    room.having(view=View(delay_s=1.0, tally=str(tally))).run(workers=2, lease_seconds=0.3)

    assert sorted(tally.read_text().split()) == ["u0/00000.toy", "u1/00001.toy"]


def test_what_exhausts_memory_is_tried_again_and_then_set_aside(room, monkeypatch, caplog):
    room.fill(units=1, pictures=6)
    score = Scorer.score

    def short_of_memory(scorer, samples):
        if any(sample.source == "u0/00003.toy" for sample in samples):
            raise MemoryError
        return score(scorer, samples)

    monkeypatch.setattr(Scorer, "score", short_of_memory)
    summary = room.run()

    assert (summary.scored, summary.quarantined) == (5, {"crash": 1})
    assert [row.source for row in room.store.quarantined(room.site.id)] == ["u0/00003.toy"]
    assert "MemoryError" in caplog.text


def test_a_refused_bundle_ends_the_batch_before_anything_is_scanned(room):
    room.fill(units=1, pictures=2)
    (room.job.bundles["light"] / "network.bin").write_bytes(b"flipped")

    with pytest.raises(BundleRefused, match=r"network\.bin does not match its sum"):
        room.run()

    assert room.store.batches(room.site.id) == ()


def test_an_error_that_every_worker_would_meet_is_raised_and_its_work_given_back(room, monkeypatch):
    room.fill(units=1, pictures=2)

    def full(store, lease, outcomes):
        raise StoreError("the disk is full")

    monkeypatch.setattr(type(room.store), "publish", full)
    with pytest.raises(StoreError, match="the disk is full"):
        room.run()

    counts = room.store.counts(room.store.batches(room.site.id)[-1])
    assert (counts.todo, counts.leased) == (1, 0)


def test_a_job_without_settings_of_its_own_has_an_empty_fitted_digest(room):
    key = key_of(room.job, Policies(site=PolicySettings()), open_bundles(room.job))

    assert key.fitted_digest == ""
    assert key.precision == "light:fp32"


def test_a_unit_whose_files_still_come_in_is_left_for_a_later_batch(room):
    room.put("old/1", "level 10")
    room.put("new/1", "level 20")
    room.put("new/2", "level 30")
    an_hour_ago = time.time() - 3600
    os.utime(room.job.root / "old" / "1.toy", (an_hour_ago, an_hour_ago))
    os.utime(room.job.root / "new" / "1.toy", (an_hour_ago, an_hour_ago))
    first = room.run(fresh_s=600)
    assert (first.scored, first.held, first.known) == (1, 2, 0)
    assert list(room.store.decisions(room.site.id)) == ["old"]
    second = room.run()
    assert (second.scored, second.held, second.known) == (2, 0, 1)


def levels(room):
    return [(r.sample.source, dict(r.measures.values)) for r in room.results()]


def as_seen_in_one_go(room, fresh):
    """The same pictures in a room that never saw anything else."""
    for path in sorted(room.job.root.rglob("*.toy")):
        fresh.put(str(path.relative_to(room.job.root).with_suffix("")), path.read_text())
    fresh.having(domain=in_order()).run()
    return levels(fresh)


def test_a_picture_that_comes_late_changes_what_measure_sees_after_it(room):
    for number in (1, 2, 4, 5):
        room.put(f"u/{number:05}", f"level {10 * number}")
    ordered = room.having(domain=in_order())
    ordered.run()
    room.put("u/00003", "level 200")
    assert ordered.run().scored == 3
    with room.twin("fresh") as fresh:
        assert levels(room) == as_seen_in_one_go(room, fresh)
    assert ordered.run().scored == 0


def test_a_picture_that_goes_or_changes_changes_what_measure_sees_after_it(room):
    for number in range(1, 6):
        room.put(f"u/{number:05}", f"level {10 * number}")
        room.put(f"v/{number:05}", f"level {10 * number}")
    ordered = room.having(domain=in_order())
    ordered.run()
    (room.job.root / "u" / "00002.toy").unlink()
    room.put("v/00004", "level 7")
    assert ordered.run().scored == 3 + 2
    with room.twin("fresh") as fresh:
        assert levels(room) == as_seen_in_one_go(room, fresh)
    assert ordered.run().scored == 0
