from __future__ import annotations

import threading

import pytest

from fovea.errors import StoreError, UnknownName
from fovea.plugin import READ_AND_SIGN, Measures, Prediction, Unreadable
from fovea.store.store import Store
from fovea.store.values import Scored

FAULT = Unreadable(code="crash", reason="the decoder died")


def test_work_is_leased_once(farm):
    batch = farm.scan(farm.picture("a"))
    farm.lease(batch)
    assert farm.store.lease(batch, owner="other", seconds=60) is None


def test_an_expired_lease_is_taken_over_with_a_higher_fence(farm, clock):
    batch = farm.scan(farm.picture("a"))
    first = farm.lease(batch, "slow", 10)
    clock.pass_(11)
    second = farm.lease(batch, "quick")
    assert (second.id, second.attempt) == (first.id, 2)
    assert second.fence > first.fence


def test_holders_are_the_owners_of_leases_in_hand(farm, words):
    batch = farm.scan(*[farm.picture(f"{n}", at=n) for n in range(4)], chunk=1)
    assert farm.store.holders(batch) == ()
    done = farm.lease(batch, "done")
    for owner in ("w2", "w1", "w1"):
        farm.lease(batch, owner)
    farm.store.publish(done, [words.good(done.samples[0])])

    assert farm.store.holders(batch) == ("w1", "w2")


def test_a_renewed_lease_is_not_taken_over(farm, clock):
    batch = farm.scan(farm.picture("a"))
    lease = farm.lease(batch, "w", 10)
    clock.pass_(9)
    assert farm.store.renew(lease, seconds=10)
    clock.pass_(9)
    assert farm.store.lease(batch, owner="other", seconds=10) is None


def test_a_lost_lease_cannot_be_renewed_given_up_or_handed_back(farm, clock):
    batch = farm.scan(farm.picture("a"))
    lost = farm.lease(batch, "w", 10)
    clock.pass_(11)
    farm.lease(batch, "other")
    assert not farm.store.renew(lost, seconds=10)
    assert not farm.store.give_up(lost, FAULT)
    assert not farm.store.hand_back(lost)


def test_a_lease_with_another_s_fence_publishes_nothing(farm, clock, words):
    batch = farm.scan(farm.picture("a"))
    lost = farm.lease(batch, "w", 10)
    clock.pass_(11)
    held = farm.lease(batch, "w", 10)  # the same owner: only the fence tells them apart
    before = farm.store.audit_head()
    assert farm.store.publish(lost, [words.good(lost.samples[0])]) is False
    assert farm.store.audit_head() == before
    assert list(farm.store.results(site=farm.site.id, key=farm.key)) == []
    assert farm.store.publish(held, [words.good(held.samples[0])]) is True


def test_publishing_twice_writes_once(farm, words):
    batch = farm.scan(farm.picture("a"))
    lease = farm.lease(batch)
    assert farm.store.publish(lease, [words.good(lease.samples[0])]) is True
    assert farm.store.publish(lease, [words.good(lease.samples[0])]) is False


def test_in_order_chunks_are_leased_one_after_the_other(farm, words):
    batch = farm.scan(*[farm.picture(f"{n}", at=n) for n in range(4)], chunk=2, in_order=True)
    first = farm.lease(batch, "w1")
    assert farm.store.lease(batch, owner="w2", seconds=60) is None
    farm.store.publish(first, [words.good(sample) for sample in first.samples])
    assert [sample.source for sample in farm.lease(batch, "w2").samples] == ["2", "3"]


def test_in_order_units_do_not_wait_for_each_other(farm):
    batch = farm.scan(*[farm.picture(f"{u}{n}", unit=u, at=n) for u in "xy" for n in range(4)], in_order=True)
    assert {farm.lease(batch, "w1").unit, farm.lease(batch, "w2").unit} == {"x", "y"}


def test_deciding_comes_before_scoring(farm, words):
    batch = farm.scan(farm.picture("a", unit="a"), farm.picture("b", unit="b"), chunk=1)
    lease = farm.lease(batch)
    farm.store.publish(lease, [words.good(lease.samples[0])])
    assert (farm.lease(batch).kind, farm.lease(batch).kind) == ("decide", "score")


def test_a_unit_is_decided_only_when_its_last_chunk_is_done(farm, words):
    batch = farm.scan(*[farm.picture(f"{n}", at=n) for n in range(3)], chunk=1)
    leases = [farm.lease(batch, f"w{n}") for n in range(3)]
    for lease in leases[:2]:
        farm.store.publish(lease, [words.good(lease.samples[0])])
    assert farm.store.lease(batch, owner="w", seconds=9) is None
    farm.store.publish(leases[2], [words.good(leases[2].samples[0])])
    assert farm.lease(batch).kind == "decide"


def test_work_given_up_is_tried_again(farm):
    batch = farm.scan(farm.picture("a"))
    assert farm.store.give_up(farm.lease(batch), FAULT)
    assert farm.lease(batch).attempt == 2


def give_up_thrice(farm, batch):
    for _ in range(3):
        farm.store.give_up(farm.lease(batch), FAULT)


def test_a_chunk_given_up_three_times_is_cut_into_singles_in_order(farm):
    batch = farm.scan(*[farm.picture(f"{n}", at=n) for n in range(4)], chunk=2, in_order=True)
    give_up_thrice(farm, batch)
    single = farm.lease(batch)
    assert [sample.source for sample in single.samples] == ["0"]
    assert farm.store.lease(batch, owner="other", seconds=9) is None


def test_a_single_given_up_three_times_is_quarantined_and_the_rest_is_done(farm):
    batch = farm.scan(farm.picture("a"), farm.picture("poison"))

    while (lease := farm.store.lease(batch, owner="w", seconds=60)) is not None:
        if lease.kind == "decide":
            farm.store.publish_decisions(lease, {}, workflow=READ_AND_SIGN)
        elif any(sample.source == "poison" for sample in lease.samples):
            farm.store.give_up(lease, FAULT)
        else:
            farm.store.publish(lease, [Scored(sample=sample) for sample in lease.samples])
    (row,) = farm.store.quarantined(farm.site.id)
    assert (row.source, row.code, row.reason) == ("poison", "crash", "the decoder died")
    assert [result.sample.source for result in farm.store.results(site=farm.site.id, key=farm.key)] == ["a"]
    counts = farm.store.counts(batch)
    assert (counts.todo, counts.leased, counts.pictures, counts.quarantined) == (0, 0, 2, 1)


def test_a_lease_that_runs_out_three_times_is_convicted_without_anyone_giving_it_up(farm, clock):
    batch = farm.scan(farm.picture("poison"))
    for _ in range(3):
        farm.lease(batch, "w", 10)
        clock.pass_(11)
    assert farm.lease(batch).kind == "decide"
    assert [row.code for row in farm.store.quarantined(farm.site.id)] == ["crash"]


def test_handed_back_work_does_not_count_as_tried(farm):
    batch = farm.scan(farm.picture("a"))
    for _ in range(5):
        assert farm.store.hand_back(farm.lease(batch))
    assert farm.lease(batch).attempt == 1


def test_a_dead_worker_s_leases_are_freed_at_once(farm):
    batch = farm.scan(farm.picture("a"), farm.picture("b"), chunk=1)
    farm.lease(batch, "dead"), farm.lease(batch, "alive")
    assert farm.store.abandon(batch, owner="dead") == 1
    assert farm.lease(batch, "next").attempt == 2


def test_a_worker_stopped_from_outside_is_not_blamed(farm):
    batch = farm.scan(farm.picture("a"))
    for _ in range(5):
        farm.lease(batch, "dead")
        farm.store.abandon(batch, owner="dead", blame=False)
    assert farm.lease(batch).attempt == 1


def test_every_sample_wants_exactly_one_answer(farm, words):
    batch = farm.scan(farm.picture("a"), farm.picture("b"))
    lease = farm.lease(batch)
    with pytest.raises(StoreError, match="has 2 samples and was given 1 answers"):
        farm.store.publish(lease, [words.good(lease.samples[0])])
    assert farm.store.publish(lease, [words.good(sample) for sample in lease.samples])


def test_a_prediction_for_a_role_without_a_bundle_is_refused(farm):
    lease = farm.lease(farm.scan(farm.picture("a")))
    with pytest.raises(StoreError, match="role 'severity', which has no bundle"):
        farm.store.publish(lease, [Scored(sample=lease.samples[0], predictions=(Prediction(role="severity"),))])


def test_a_number_that_is_not_finite_stops_the_whole_chunk(farm, words):
    batch = farm.scan(farm.picture("a"), farm.picture("b"))
    lease = farm.lease(batch)
    bad = Scored(sample=lease.samples[1], measures=Measures(values={"blur_px": float("nan")}))
    with pytest.raises(StoreError, match="finite"):
        farm.store.publish(lease, [words.good(lease.samples[0]), bad])
    assert list(farm.store.results(site=farm.site.id, key=farm.key)) == []


def test_counts_tell_how_far_a_batch_is(farm):
    batch = farm.scan(*[farm.picture(str(n)) for n in range(5)])
    farm.lease(batch)
    counts = farm.store.counts(batch)
    assert (counts.todo, counts.leased, counts.done, counts.waiting, counts.pictures) == (2, 1, 0, 5, 0)
    farm.clock.pass_(61)
    farm.work(batch)
    counts = farm.store.counts(batch)
    assert (counts.todo, counts.leased, counts.done, counts.waiting) == (0, 0, 4, 0)
    assert (counts.pictures, counts.units, counts.decisions) == (5, 1, 1)


def test_an_unknown_batch_names_those_there_are(farm):
    batch = farm.scan()
    with pytest.raises(UnknownName, match=f"there is: {batch.id}"):
        farm.store.batch(99)


def test_of_many_connections_each_work_goes_to_exactly_one(farm, words):
    """Eight connections of their own lease, publish and decide at once; nothing is lost and nothing comes twice."""
    batch = farm.scan(*[farm.picture(f"{n:02}", unit=f"u{n % 5}") for n in range(48)], chunk=2)
    taken, faults, start = [], [], threading.Barrier(8)

    def worker(name: str) -> None:
        try:
            with Store.open(farm.path) as store:
                start.wait(timeout=30)
                while (lease := store.lease(batch, owner=name, seconds=600)) is not None:
                    taken.append((lease.id, lease.fence, tuple(sample.source for sample in lease.samples)))
                    if lease.kind == "score":
                        assert store.publish(lease, [words.good(sample) for sample in lease.samples])
                    else:
                        assert store.publish_decisions(lease, {}, workflow=READ_AND_SIGN)
        except Exception as error:  # noqa: BLE001 - a thread's failure must reach the test
            faults.append(error)

    threads = [threading.Thread(target=worker, args=(f"w{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    farm.work(batch)
    assert faults == []
    assert len({number for number, _, _ in taken}) == len(taken)
    assert sorted(name for _, _, names in taken for name in names) == [f"{n:02}" for n in range(48)]
    assert farm.store.counts(batch).pictures == 48
    assert farm.store.verify_audit() is None
