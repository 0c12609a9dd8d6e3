"""A program that is killed after it told an event and before it noted so."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import timedelta

import pytest

PROGRAM = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from fovea.delivery import deliver
from fovea.plugin import hookimpl
from fovea.registry import Registry
from fovea.store.store import Store

database, told, now = sys.argv[1:]

@hookimpl
def fovea_on_event(event):
    with Path(told).open("a") as file:
        file.write(event.id + "\\n")
    os.kill(os.getpid(), signal.SIGKILL)

with Store.open(database) as store:
    registry = Registry.of(SimpleNamespace(__name__="bell", fovea_on_event=fovea_on_event))
    deliver(store=store, registry=registry, settings={}, now=lambda: datetime.fromisoformat(now), limit=9)
"""


@pytest.mark.slow
def test_killed_between_telling_and_noting_it_is_told_again_under_the_same_id(post, tmp_path):
    post.announce("e1", "e2", subject="gate")
    told = tmp_path / "told"
    words = [sys.executable, "-c", PROGRAM, str(post.store.location), str(told), post.now.isoformat()]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert told.read_text().split() == ["e1"]

    post.pass_(seconds=59)
    post.deliver()
    assert post.take() == []  # it is still the other's, and holds back its junior
    post.now += timedelta(seconds=1)
    post.deliver()
    assert post.take() == ["e1", "e2"]
