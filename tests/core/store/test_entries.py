from __future__ import annotations

from datetime import timedelta

from fovea.plugin import Coverage, Record, Result, Sample
from fovea.store.values import Scanned


def record(words, at, kind="weather", unit="", **values) -> Record:
    return Record(kind=kind, time=words.start + timedelta(seconds=at), values=values or {"rain_mm": 1.0}, unit=unit)


def read(farm, unit="field"):
    found = farm.store.entries(site=farm.site.id, unit=unit, key=farm.key)
    return [entry.sample.source if isinstance(entry, Result) else entry.kind for entry in found]


def test_results_and_records_come_merged_in_order_of_time(farm, words):
    pictures = [farm.picture(name, at=at) for name, at in (("b", 20), ("a", 10), ("c", 30))]
    records = [record(words, 5, "first"), record(words, 20, "same"), record(words, 99, "last")]
    farm.work(farm.scan(*pictures, records=records))
    assert read(farm) == ["first", "a", "same", "b", "c", "last"]


def test_results_without_a_time_come_first(farm, words):
    timeless = Scanned(sample=Sample(source="x", unit="field", order=2.0), stat=words.stat(1))
    farm.work(farm.scan(farm.picture("a"), timeless, records=[record(words, -5)]))
    assert read(farm) == ["x", "weather", "a"]


def test_a_record_of_no_unit_belongs_to_every_unit(farm, words):
    farm.work(
        farm.scan(
            farm.picture("a", unit="x"),
            farm.picture("b", unit="y"),
            records=[record(words, 1), record(words, 2, "soil", unit="y")],
        )
    )
    assert (read(farm, "x"), read(farm, "y")) == (["a", "weather"], ["b", "weather", "soil"])


def test_a_unit_may_hold_records_only(farm, words):
    farm.work(farm.scan(records=[record(words, 1, "lab", unit="patient")]))
    assert read(farm, "patient") == ["lab"]
    assert farm.store.units(farm.site.id) == ("patient",)


def test_a_unit_without_anything_of_its_own_has_no_entries(farm, words):
    farm.work(farm.scan(farm.picture("a", unit="x"), records=[record(words, 1)]))
    assert read(farm, "nowhere") == []


def test_a_result_holds_its_sample_its_measures_and_its_predictions(farm, words):
    picture = farm.picture("a", targets={"disease": "rust"}, attributes={"iso": 100})
    farm.work(farm.scan(picture))
    (result,) = farm.store.results(site=farm.site.id, key=farm.key)
    said = result.predictions["disease"][0]
    assert result.sample == picture.sample
    assert result.measures.values == {"blur_px": 1.5}
    assert (said.label, said.probability, said.bundle) == ("rust", 0.75, "b1")


def test_results_come_unit_by_unit_and_more_than_one_window_of_them(farm):
    pictures = [farm.picture(f"{n:03}", unit=f"u{n % 2}", at=n) for n in range(450)]
    farm.work(farm.scan(*pictures, chunk=100))
    found = list(farm.store.results(site=farm.site.id, key=farm.key))
    assert [one.sample.of_unit for one in found] == ["u0"] * 225 + ["u1"] * 225
    assert all(one.best("disease") is not None for one in found)
    assert [one.sample.time for one in found[:225]] == sorted(one.sample.time for one in found[:225])


def test_reading_a_unit_half_way_and_writing_meanwhile_do_not_hinder_each_other(farm):
    farm.work(farm.scan(*[farm.picture(f"{n}", at=n) for n in range(10)], chunk=10))
    entries = farm.store.entries(site=farm.site.id, unit="field", key=farm.key)
    next(entries)
    farm.store.write_audit(action="meanwhile", subject="s", facts={})
    assert len(list(entries)) == 9


def test_a_stream_of_results_that_is_left_early_frees_its_connection(farm):
    farm.work(farm.scan(*[farm.picture(f"{n}", at=n) for n in range(10)], chunk=10))
    for _ in range(30):
        results = farm.store.results(site=farm.site.id, key=farm.key)
        next(results)
        results.close()
    assert farm.store._database.engine.pool.checkedout() == 0


def test_coverage_merges_what_lies_close_together(farm, words):
    pictures = [farm.picture(str(at), at=at) for at in (0, 50, 100, 500, 520)]
    farm.work(farm.scan(*pictures, farm.picture("other", unit="gate", at=7)))
    found = farm.store.coverage(site=farm.site.id, gap_s=60)

    def span(unit, start, end):
        return Coverage(
            unit=unit, start=words.start + timedelta(seconds=start), end=words.start + timedelta(seconds=end)
        )

    assert found == (span("field", 0, 100), span("field", 500, 520), span("gate", 7, 7))


def test_coverage_leaves_out_what_could_not_be_read(farm, words):
    from fovea.plugin import Unreadable
    from fovea.store.values import Scored

    batch = farm.scan(farm.picture("a", at=0), farm.picture("b", at=10))
    lease = farm.lease(batch)
    farm.store.publish(
        lease,
        [words.good(lease.samples[0]), Scored(sample=lease.samples[1], fault=Unreadable(code="empty", reason=""))],
    )
    assert [span.end for span in farm.store.coverage(site=farm.site.id)] == [words.start]
