"""Shape b: two studies that arrive interleaved and unordered, a stream that is killed twice, two readers, an export."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import fovea_studies
import numpy as np
import pytest
from fovea_studies import LABELS, SIDE, Sender, serving
from toy_networks import write_bundle

from fovea.errors import UsageError
from fovea.plugin import Result
from fovea.progress import silent
from fovea.registry import Registry
from fovea.workbench.bench import Workbench
from fovea.workbench.config import Config

HERE = Path(__file__).parent
pytestmark = pytest.mark.slow
SLICES = 60

SEEN = {
    "s1": {"bleeding": 20, "fracture": 0, "nodule": 0},
    "s2": {"bleeding": 0, "fracture": 0, "nodule": 5},
}
"""Slices that show each label; of s2, a few more show half a fracture."""


def draw(folder):
    """One colour a label: red for bleeding, green for fracture, blue for nodule."""
    folder.mkdir()
    for study, seen in SEEN.items():
        for number in range(SLICES):
            colour = [230 if number < seen[label] else 20 for label in LABELS]
            if study == "s2" and 20 <= number < 30:
                colour[1] = 125
            head = json.dumps({"study": study, "number": number}).encode()
            pixels = np.full((SIDE, SIDE, 3), colour, np.uint8).tobytes()
            (folder / f"{crc32(head):08x}-{study}-{number}.slice").write_bytes(head + b"\n" + pixels)


@dataclass
class Clinic:
    root: Path
    home: Path

    def bench(self):
        return Workbench(Config(home=self.home, workers=1), registry=Registry.of(fovea_studies))

    def prepare(self, address):
        self.root.mkdir()
        with self.bench() as bench:
            for number, label in enumerate(LABELS):
                off, on = [60.0, 60.0, 60.0], [60.0, 60.0, 60.0]
                off[number], on[number] = 20.0, 230.0
                bundle = write_bundle(
                    bench.config.models,
                    domain="studies",
                    role=label,
                    labels=("absent", "present"),
                    rule=(tuple(off), tuple(on)),
                    softness=60,
                )
                if number == 0:
                    bench.add_site(root=self.root, name="clinic", domain="studies", settings=[f"stream.ct={address}"])
                bench.use("clinic", bundle.name)

    def watch(self):
        path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
        return subprocess.Popen(
            [sys.executable, "-m", "watch_site", "fovea_studies", str(self.home), "clinic"],
            env={**os.environ, "PYTHONPATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )


def killed_after(clinic, sender, count):
    """Watch until so many are acknowledged, then kill -9 the whole group, one file in hand or not."""
    sender.limit = count
    watch = clinic.watch()
    for _ in range(2400):
        if len(sender.acknowledged) >= count:
            break
        assert watch.poll() is None, watch.communicate()[1]
        time.sleep(0.02)
    with suppress(ProcessLookupError):
        os.killpg(watch.pid, signal.SIGKILL)
    watch.communicate()


@pytest.fixture(scope="module")
def clinic(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clinic")
    draw(folder / "sent")
    made = Clinic(folder / "site", folder / "home")
    sender = Sender(folder / "sent", check=lambda name: (made.root / "inbox" / "ct" / name).is_file())
    with serving(sender) as address:
        made.prepare(address)
        killed_after(made, sender, 37)
        sender.acknowledged.remove(again := sender.acknowledged[-1])
        sender.waiting.insert(0, again)  # as if the kill had come before the answer
        killed_after(made, sender, 81)
        sender.limit = 10**6
        watch = made.watch()
        told, errors = watch.communicate(timeout=120)
        assert watch.returncode == 0, errors
    assert sender.unsafe == []
    assert len(sender.acknowledged) == 2 * SLICES
    made.statuses = json.loads(told)
    return made


def decisions(clinic):
    with clinic.bench() as bench:
        made = bench.store.decisions(bench.site("clinic").id)
    return {(unit, one.key): one for unit, of_unit in made.items() for one in of_unit}


def results(clinic):
    with clinic.bench() as bench:
        site = bench.site("clinic")
        return list(bench.store.results(site=site.id, key=bench.store.batches(site.id)[-1].key))


def test_every_slice_is_there_once_and_none_was_acknowledged_before_it_was_safe(clinic):
    assert len(list((clinic.root / "inbox" / "ct").iterdir())) == 2 * SLICES
    assert len(results(clinic)) == 2 * SLICES


def test_what_came_again_is_told_as_that(clinic):
    (status,) = clinic.statuses
    assert (status["state"], status["faulty"]) == ("over", 0)


def test_each_study_is_measured_in_the_order_of_its_slices(clinic):
    for study in SEEN:
        of_study = [one for one in results(clinic) if one.sample.unit == study]
        assert [one.sample.order for one in of_study] == list(range(SLICES))
        assert [one.measures.values["nth"] for one in of_study] == list(range(1, SLICES + 1))
        assert {one.measures.values["in_order"] for one in of_study} == {1.0}


def test_three_labels_are_decided_and_one_abstains(clinic):
    made = {place: (one.label, one.review) for place, one in decisions(clinic).items()}
    assert made == {
        ("s1", "bleeding"): ("bleeding", False),
        ("s1", "fracture"): ("nothing seen", False),
        ("s1", "nodule"): ("nothing seen", False),
        ("s2", "bleeding"): ("nothing seen", False),
        ("s2", "fracture"): ("unsure", True),
        ("s2", "nodule"): ("nodule", False),
    }


def test_all_three_roles_spoke_on_every_slice(clinic):
    assert all(isinstance(one, Result) and sorted(one.predictions) == sorted(LABELS) for one in results(clinic))


def test_a_study_was_decided_once_it_was_whole(clinic):
    """Neither half a study nor the other one's slices ever made a decision."""
    with clinic.bench() as bench:
        for unit, key in decisions(clinic):
            history = bench.store.decision_history(site=bench.site("clinic").id, unit=unit, key=key)
            assert history[-1].decision.figures["slices"] == SLICES


def test_the_second_reader_is_not_the_first(clinic):
    with clinic.bench() as bench:
        case = next(one for one in bench.cases(site="clinic") if one.decision.key == "bleeding")
        bench.move(case.number, verb="read", actor="ada", role="reader", verdict="true")
        with pytest.raises(UsageError, match="ada"):
            bench.move(case.number, verb="sign", actor="ada", role="reader")
        with pytest.raises(UsageError):
            bench.move(case.number, verb="sign", actor="tom", role="porter")
        assert bench.move(case.number, verb="sign", actor="ben", role="reader").state == "signed"
        assert bench.verify_audit() is None


def test_the_letter_stands_its_own_check_and_a_spoilt_one_does_not(clinic):
    with clinic.bench() as bench:
        letter = bench.export("clinic", "letter")
    assert letter.faults == ()
    told = json.loads(letter.path.read_text())
    assert len(told) == 6
    letter.path.write_text(json.dumps(told[:-1]))
    assert fovea_studies.check_letter(letter.path) == ["study s2 lacks a label"]


def test_a_batch_after_it_finds_nothing_to_do(clinic):
    before = results(clinic)
    with clinic.bench() as bench:
        done = bench.batch("clinic", workers=0, progress=silent(), stop=lambda: False)
    assert (done.scored, done.known, done.units) == (0, 2 * SLICES, 0)
    assert results(clinic) == before


def test_a_file_whose_stream_died_right_after_it_was_taken_is_looked_at(tmp_path):
    draw(tmp_path / "sent")
    made = Clinic(tmp_path / "site", tmp_path / "home")
    sender = Sender(tmp_path / "sent")
    sender.waiting = [name for name in sender.waiting if "-s1-" in name][:1]
    sender.limit = 10**6
    with serving(sender) as address:
        made.prepare(f"{address}/dies")
        watch = made.watch()
        told, errors = watch.communicate(timeout=120)
    assert watch.returncode == 0, errors
    assert json.loads(told)[0]["state"] == "over"
    assert len(results(made)) == 1
