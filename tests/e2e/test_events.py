"""What a batch found reaches the listener's log: installed plugins, the command line, a settings file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

DOMAIN = """
from fovea.plugin import Decision, Domain, DomainInfo, Image, Sample, find_files, hookimpl

def read_samples(root, view):
    for path in find_files(root, frozenset({".txt"})):
        yield Sample(source=path, unit="yard")

def load_images(root, samples, view, side):
    import numpy as np
    for sample in samples:
        yield Image(pixels=np.zeros((4, 4, 3), np.uint8))

def decide(entries, policy, fitted):
    for entry in entries:
        yield Decision(key=entry.sample.source, subject="yard", label="seen", level="alarm")

@hookimpl
def fovea_domains():
    info = DomainInfo(name="yard", title="Yard", intended_use="Tests.", limits="Nothing else.")
    return [Domain(info=info, read_samples=read_samples, load_images=load_images, decide=decide)]
"""


@pytest.fixture
def place(tmp_path):
    """A folder with a domain of its own that is installed, two pictures, and settings for the log."""
    plugins = tmp_path / "plugins"
    about = plugins / "yard_domain-1.0.dist-info"
    about.mkdir(parents=True)
    (plugins / "yard_domain.py").write_text(DOMAIN)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: yard-domain\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[fovea.plugins]\nyard = yard_domain\n")
    (tmp_path / "pictures").mkdir()
    for name in ("a", "b"):
        (tmp_path / "pictures" / f"{name}.txt").touch()
    (tmp_path / "fovea.toml").write_text(f'[notify.notify.log]\npath = "{tmp_path / "logs" / "events.jsonl"}"\n')
    return tmp_path


def fovea(place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(place / "plugins"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "FOVEA_HOME": str(place / "home"), "FOVEA_WORKERS": "0"}
    command = [Path(sys.executable).with_name("fovea"), *words]
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done


def log(place: Path) -> list[tuple[str, str]]:
    lines = map(json.loads, (place / "logs" / "events.jsonl").read_text().splitlines())
    return [(line["kind"], line["subject"]) for line in lines]


@pytest.mark.slow
def test_what_is_found_and_reviewed_reaches_the_log_by_itself(place):
    (place / "logs").mkdir()
    fovea(place, "site", "add", "pictures", "--name", "here", "--domain", "yard")
    fovea(place, "batch", "here")
    found = [("finding.opened", "here/yard/a.txt"), ("finding.opened", "here/yard/b.txt")]
    assert log(place) == [*found, ("batch.finished", "batch 1 of here")]
    fovea(place, "cases", "read", "1", "--verdict", "true")
    assert log(place)[3:] == [("case.read", "here/yard/a.txt")]
    assert json.loads(fovea(place, "events", "list", "--json").stdout) == []


@pytest.mark.slow
def test_a_log_that_cannot_be_written_stops_no_batch_and_what_it_missed_waits(place):
    fovea(place, "site", "add", "pictures", "--name", "here", "--domain", "yard")
    batch = fovea(place, "batch", "here")  # the log's folder is not there
    assert "2 findings in all" in batch.stdout
    assert "listener 'notify' failed: FileNotFoundError" in batch.stderr
    waiting = json.loads(fovea(place, "events", "list", "--json").stdout)
    assert [(one["listener"], one["state"], one["failures"]) for one in waiting] == [("notify", "waiting", 1)] * 3
