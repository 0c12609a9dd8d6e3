from __future__ import annotations

from datetime import timedelta

from fovea.plugin import Record, Sample
from fovea.store.values import ScanCount, Scanned


def weather(words, hour: int = 0, rain: float = 1.0, unit: str = "") -> Record:
    return Record(kind="weather", time=words.start + timedelta(hours=hour), values={"rain_mm": rain}, unit=unit)


def record(farm, *items, records=(), **more) -> ScanCount:
    batch = farm.store.open_batch(site=farm.site.id, key=farm.key)
    return farm.store.record_scan(batch, items, records, **more)


def current(farm) -> list[str]:
    batch = farm.store.open_batch(site=farm.site.id, key=farm.key)
    farm.store.plan(batch)
    farm.work(batch)
    return [result.sample.source for result in farm.store.results(site=farm.site.id, key=farm.key)]


def test_a_first_scan_finds_everything_new(farm):
    assert record(farm, farm.picture("a"), farm.picture("b")) == ScanCount(new=2)


def test_a_second_scan_knows_everything(farm):
    record(farm, farm.picture("a"), farm.picture("b"))
    assert record(farm, farm.picture("a"), farm.picture("b")) == ScanCount(known=2)


def test_a_file_whose_stat_differs_is_changed(farm, words):
    record(farm, farm.picture("a"))
    other = Scanned(sample=farm.picture("a").sample, stat=words.stat(2))
    assert record(farm, other) == ScanCount(changed=1)
    assert record(farm, other) == ScanCount(known=1)


def test_a_sample_whose_facts_differ_is_changed(farm):
    record(farm, farm.picture("a", attributes={"iso": 100}))
    assert record(farm, farm.picture("a", attributes={"iso": 200})) == ScanCount(changed=1)


def test_a_new_label_is_written_down_and_asks_for_no_new_result(farm):
    batch = farm.scan(farm.picture("a"))
    farm.work(batch)
    assert farm.work(farm.scan(farm.picture("a", targets={"disease": "rust"}, group="g"))) == 0
    (result,) = farm.store.results(site=farm.site.id, key=farm.key)
    assert (result.sample.targets, result.sample.group) == ({"disease": "rust"}, "g")


def test_parts_of_one_source_are_samples_of_their_own(farm, words):
    parts = [Scanned(sample=Sample(source="film", part=str(n)), stat=words.stat(1)) for n in range(3)]
    assert record(farm, *parts) == ScanCount(new=3)


def test_what_a_finished_scan_did_not_meet_is_gone(farm):
    farm.work(farm.scan(farm.picture("a"), farm.picture("b")))
    batch = farm.store.open_batch(site=farm.site.id, key=farm.key)
    farm.store.record_scan(batch, [farm.picture("b")])
    assert farm.store.end_scan(batch) == 1
    assert current(farm) == ["b"]


def test_a_scan_that_did_not_end_makes_nothing_gone(farm):
    farm.work(farm.scan(farm.picture("a"), farm.picture("b")))
    record(farm, farm.picture("b"))
    assert current(farm) == ["a", "b"]


def test_a_resumed_scan_forgets_what_the_broken_one_met(farm):
    record(farm, farm.picture("gone"), farm.picture("b"))
    batch = farm.store.open_batch(site=farm.site.id, key=farm.key)
    farm.store.record_scan(batch, [farm.picture("b")])
    assert farm.store.end_scan(batch) == 1


def test_an_older_scan_hides_nothing_from_a_newer_one(farm, words):
    farm.work(farm.scan(farm.picture("a"), records=[weather(words)]))
    older, newer = (farm.store.open_batch(site=farm.site.id, key=farm.key) for _ in range(2))
    for batch in (newer, older):
        farm.store.record_scan(batch, [farm.picture("a"), farm.picture("new")], [weather(words), weather(words, 1)])

    assert farm.store.end_scan(newer) == 0

    assert current(farm) == ["a", "new"]
    assert len(list(farm.store.records(site=farm.site.id))) == 2


def test_an_older_scan_that_reads_other_values_hides_no_record_from_a_newer_one(farm, words):
    older, newer = (farm.store.open_batch(site=farm.site.id, key=farm.key) for _ in range(2))
    farm.store.record_scan(newer, [], [weather(words, rain=1.0)])
    farm.store.record_scan(older, [], [weather(words, rain=2.0)])

    farm.store.end_scan(newer)

    assert len(list(farm.store.records(site=farm.site.id))) == 1


def test_a_file_that_comes_back_needs_no_new_result(farm):
    farm.work(farm.scan(farm.picture("a"), farm.picture("b")))
    farm.work(farm.scan(farm.picture("b")))
    assert farm.work(farm.scan(farm.picture("a"), farm.picture("b"))) == 0
    assert current(farm) == ["a", "b"]


def test_a_stream_s_samples_stay_when_a_folder_is_scanned(farm, words):
    frame = Scanned(sample=Sample(source="gate", part="7", time=words.start))
    record(farm, frame, records=[weather(words)], stream=True)
    farm.work(farm.scan(farm.picture("a")))
    assert farm.store.units(farm.site.id) == ("field", "gate")
    assert len(list(farm.store.records(site=farm.site.id))) == 1


def test_a_record_that_comes_again_replaces_its_elder(farm, words):
    assert record(farm, records=[weather(words)]).records == 1
    assert record(farm, records=[weather(words)]).records == 0
    assert record(farm, records=[weather(words, rain=2.0)]).records == 1
    assert [one.values for one in farm.store.records(site=farm.site.id)] == [{"rain_mm": 2.0}]


def test_a_record_that_is_not_met_again_is_gone(farm, words):
    farm.scan(records=[weather(words, 0), weather(words, 1)])
    farm.scan(records=[weather(words, 1)])
    assert [one.time.hour for one in farm.store.records(site=farm.site.id)] == [words.start.hour + 1]


def test_two_sites_may_hold_the_same_files(farm, tmp_path):
    other = farm.store.add_site(name="other", title="", domain="crop", root=tmp_path)
    record(farm, farm.picture("a"))
    batch = farm.store.open_batch(site=other.id, key=farm.key)
    assert farm.store.record_scan(batch, [farm.picture("a")]) == ScanCount(new=1)
    assert farm.store.end_scan(batch) == 0
    assert current(farm) == ["a"]


def test_names_of_any_bytes_are_kept(farm):
    names = ["\udcff.jpg", "a\nb", "日本.jpg", "'--"]
    record(farm, *[farm.picture(name, unit="") for name in names])
    assert sorted(current(farm)) == sorted(names)


def test_more_samples_than_one_statement_can_name(farm):
    pictures = [farm.picture(f"{n:04}", unit=f"u{n % 7}") for n in range(1234)]
    assert record(farm, *pictures) == ScanCount(new=1234)
    assert record(farm, *pictures) == ScanCount(known=1234)


def test_pruning_forgets_old_versions_and_keeps_current_ones(farm, clock, words):
    farm.work(farm.scan(farm.picture("a"), farm.picture("b")))
    farm.work(farm.scan(farm.picture("b")))
    clock.pass_(100)
    assert farm.store.prune(site=farm.site.id, before=clock.now) == 1
    assert farm.work(farm.scan(farm.picture("a"), farm.picture("b"))) == 1
