from __future__ import annotations

import os
import subprocess
import sys

import pytest

from fovea.batch.owner import free_the_dead, is_dead, new_owner
from fovea.errors import Stopped

pytestmark = pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="needs /proc")
NAMES = "from fovea.batch.owner import new_owner as new; print(new('worker'), new('alone'), flush=True); input()"


@pytest.fixture
def other():
    """A process that tells two names of its own, and waits."""
    ends = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen([sys.executable, "-c", NAMES], **ends) as process:
        yield process
        process.kill()


@pytest.fixture
def batch(room):
    """A batch with one piece of work that nobody holds."""
    room.fill(units=1, pictures=3)
    asked = iter([False])
    with pytest.raises(Stopped):
        room.run(stop=lambda: next(asked, True))
    return room.store.batches(room.site.id)[-1]


def names_of(process):
    return process.stdout.readline().split()


def test_a_process_is_alive_until_it_is_killed(other):
    owner, _ = names_of(other)
    before = is_dead(owner)
    other.kill()
    other.wait()

    assert (before, is_dead(owner)) == (False, True)


def test_a_process_that_ended_and_was_not_waited_for_is_dead(other):
    owner, _ = names_of(other)
    other.kill()
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)

    assert is_dead(owner)


def test_a_process_id_given_to_another_process_is_known_by_its_start():
    machine, process, started, rest = new_owner("worker").rsplit(":", 3)

    assert is_dead(f"{machine}:{process}:{int(started) - 1}:{rest}")
    assert not is_dead(f"{machine}:{process}:{started}:{rest}")


@pytest.mark.parametrize("name", ["elsewhere:1:1:999999999:1:worker-1", "some worker", "", "a:b:c:d"])
def test_of_another_machine_s_processes_nothing_is_known(name):
    assert not is_dead(name)


def test_a_system_that_does_not_tell_starts_is_not_guessed_about():
    machine, _, _, rest = new_owner("worker").rsplit(":", 3)

    assert not is_dead(f"{machine}:999999999::{rest}")


@pytest.mark.parametrize("kind, attempt", [(0, 1), (1, 2)], ids=["workers", "alone"])
def test_work_of_a_killed_process_is_free_at_once_and_counts_only_where_it_may_be_the_cause(
    room, batch, other, kind, attempt
):
    owner = names_of(other)[kind]
    room.store.lease(batch, owner=owner, seconds=600)
    other.kill()
    other.wait()

    assert free_the_dead(room.store, batch) == 1
    assert room.store.lease(batch, owner="w", seconds=600).attempt == attempt


def test_work_of_the_living_stays_theirs(room, batch, other):
    room.store.lease(batch, owner=names_of(other)[0], seconds=600)

    assert free_the_dead(room.store, batch) == 0
    assert room.store.counts(batch).leased == 1
