"""A worker process: what it is sent, and what it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fovea.processes import Tell, serve

if TYPE_CHECKING:
    from fovea.batch.work import Policies
    from fovea.serving.score import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """What a worker is to do; ``batch`` is a number, since each process opens the store itself."""

    location: str | Path
    batch: int
    job: Job
    policies: Policies
    owner: str
    seconds: float


def main() -> None:
    """Run one worker; called in a process of its own."""
    serve(_work)


def _work(assignment: Assignment, stop: Callable[[], bool], _: Tell) -> int:
    from fovea.batch.work import Worker
    from fovea.store.store import Store

    with Store.open(assignment.location) as store:
        Worker(
            store=store,
            batch=store.batch(assignment.batch),
            job=assignment.job,
            policies=assignment.policies,
            owner=assignment.owner,
            seconds=assignment.seconds,
        ).run(stop)
    return 0
