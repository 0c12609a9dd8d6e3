from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fovea.errors import BundleRefused, PluginError
from fovea.plugin import Measures, Preprocess, Region, Sample, TaskSpec, per_picture
from fovea.serving.bundle import FILES, open_bundle, write_bundle
from fovea.serving.score import Scorer

sys.path.append(str(Path(__file__).parents[1] / "batch"))

import fovea_toy


@pytest.fixture
def room(tmp_path):
    with fovea_toy.Room.at(tmp_path) as made:
        yield made


def samples(*names):
    return [Sample(source=f"{name}.toy", unit=name.partition("/")[0]) for name in names]


def two_regions(image, sample, view, fitted):
    left = Region(name="leaf-1", left=0, top=0, right=0.5, bottom=1)
    return Measures(regions=(left, Region(name="sky-1", left=0.5, top=0, right=1, bottom=1)))


def nowhere(image, sample, view, fitted):
    return Measures(regions=())


def with_role(domain, **changes):
    spec = replace(domain.info.tasks["light"], **changes)
    return replace(domain, info=replace(domain.info, tasks={"light": spec}))


def test_a_picture_gets_measures_and_a_calibrated_prediction(room):
    room.put("u/a", "level 250")

    (outcome,) = Scorer(room.job).score(samples("u/a"))

    prediction = outcome.result.best("light")
    assert outcome.result.measures.values == {"level": 250}
    assert prediction.label == "bright"
    assert prediction.probability == prediction.scores["bright"] > 0.9
    assert sum(prediction.scores.values()) == pytest.approx(1)
    assert prediction.bundle == open_bundle(room.job.bundles["light"]).digest


def test_each_sample_is_answered_once_and_in_order(room):
    for name, text in {"u/a": "level 1", "u/b": "bad", "u/c": "level 2", "v/d": "level 3"}.items():
        room.put(name, text)

    outcomes = Scorer(room.job).score(samples("u/a", "u/b", "u/c", "v/d", "v/gone"))

    told = [one.fault.code if hasattr(one.fault, "code") else one.fault or "ok" for one in outcomes]
    assert told[:4] == ["ok", "bad", "ok", "ok"]
    assert isinstance(told[4], PluginError)
    assert [one.sample.source for one in outcomes] == ["u/a.toy", "u/b.toy", "u/c.toy", "v/d.toy", "v/gone.toy"]


def test_a_score_does_not_depend_on_the_other_pictures(room):
    for number in range(40):
        room.put(f"u/{number}", f"level {number * 6}")
    scorer, all_of_them = Scorer(room.job), samples(*(f"u/{number}" for number in range(40)))

    together = scorer.score(all_of_them)
    alone = [scorer.score([one])[0] for one in reversed(all_of_them)][::-1]

    assert [one.result for one in together] == [one.result for one in alone]


def test_a_fault_of_measure_costs_one_picture_and_leaves_no_trace(room):
    for name in ("u/a", "u/b", "u/c", "u/d"):
        room.put(name, "level 9")
    job = room.having(domain=fovea_toy.in_order(), view=fovea_toy.View(trip_on="b.toy")).job

    first, bad, *rest = Scorer(job).score(samples("u/a", "u/b", "u/c", "u/d"))

    assert str(bad.fault) == "plugin 'toy' failed in measure: raised ValueError: tripped"
    assert [one.result.measures.values["count"] for one in (first, *rest)] == [1, 2, 3]


def test_a_unit_scored_piece_by_piece_equals_one_scored_at_once(room):
    names = [f"u/{number}" for number in range(7)]
    for number, name in enumerate(names):
        room.put(name, f"level {number}")
    scorer = Scorer(room.having(domain=fovea_toy.in_order()).job)
    course, taken_over = scorer.course("u"), scorer.course("u")

    pieces = course.score(samples(*names[:3])) + course.score(samples(*names[3:5]))
    taken_over.replay(samples(*names[:5]))
    pieces += taken_over.score(samples(*names[5:]))

    assert pieces == scorer.score(samples(*names))


def test_a_role_runs_on_its_regions_only(room):
    room.put("u/a", "level 9")
    domain = with_role(fovea_toy.domain(measure=per_picture(two_regions)), on="leaf")

    (outcome,) = Scorer(room.having(domain=domain).job).score(samples("u/a"))

    assert [one.region for one in outcome.result.predictions["light"]] == ["leaf-1"]


def test_no_regions_mean_no_prediction(room):
    room.put("u/a", "level 9")

    (outcome,) = Scorer(room.having(domain=fovea_toy.domain(measure=per_picture(nowhere))).job).score(samples("u/a"))

    assert outcome.result.predictions == {}


def test_bundles_of_two_sizes_each_get_their_own_side(room):
    asked = []

    def load(root, samples, view, side):
        asked.append(side)
        yield from fovea_toy.load_images(root, samples, view, side)

    room.put("u/a", "level 250")
    domain = fovea_toy.domain(load_images=load)
    tasks = {"light": TaskSpec(kind="classify"), "again": TaskSpec(kind="classify")}
    small = open_bundle(room.job.bundles["light"])
    scaled = replace(small, name="again", role="again", preprocess=Preprocess(size=8, decode="scaled"))
    files = {name: small.path / name for name in FILES}
    again = write_bundle(scaled, models=room.folder / "models", files=files, card="")
    job = replace(
        room.job,
        domain=replace(domain, info=replace(domain.info, tasks=tasks)),
        bundles={"light": small.path, "again": again.path},
    )

    (outcome,) = Scorer(job).score(samples("u/a"))

    assert asked == [None, 16]
    assert sorted(outcome.result.predictions) == ["again", "light"]
    assert outcome.result.measures.values == {"level": 250}


def test_without_bundles_pictures_are_measured_at_full_size(room):
    room.put("u/a", "level 3")
    scorer = Scorer(replace(room.job, bundles={}))

    (outcome,) = scorer.score(samples("u/a"))

    assert scorer.side is None
    assert (outcome.result.measures.values, outcome.result.predictions) == ({"level": 3}, {})


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"name": "wheat"}, "was trained for the domain 'toy', not for 'wheat'"),
        ({"tasks": {"shade": TaskSpec(kind="classify")}}, r"has no role 'light' \(there is: shade\)"),
        ({"tasks": {"light": TaskSpec(kind="regress")}}, "its task is classify and the role 'light' is regress"),
    ],
)
def test_a_bundle_made_for_something_else_is_refused(room, changes, sentence):
    domain = replace(room.job.domain, info=replace(room.job.domain.info, **changes))

    with pytest.raises(BundleRefused, match=sentence):
        Scorer(replace(room.job, domain=domain))


def test_a_float_picture_is_scored_as_its_bytes_are(room):
    def as_floats(image, sample, view):
        return replace(image, pixels=image.pixels.astype(np.float32) / np.float32(255))

    room.put("u/a", "level 140")
    floats = room.having(domain=fovea_toy.domain(prepare=as_floats)).job

    (as_float,), (as_bytes,) = (Scorer(job).score(samples("u/a")) for job in (floats, room.job))

    assert as_float.result.predictions == as_bytes.result.predictions


def test_a_job_pickles(room):
    again = pickle.loads(pickle.dumps(room.job))

    assert again.view == room.job.view
    assert again.bundles == room.job.bundles


def test_scoring_needs_neither_torch_nor_albumentations(room):
    room.put("u/a", "level 9")
    code = (
        "import sys; sys.path[:] = sys.argv[2:]; from pathlib import Path; import fovea_toy\n"
        "from fovea.plugin import Sample\n"
        "room = fovea_toy.Room.at(Path(sys.argv[1])); from fovea.serving.score import Scorer\n"
        "(one,) = Scorer(room.job).score([Sample(source='u/a.toy')]); assert one.result.predictions\n"
        "print(sorted({'torch', 'albumentations', 'torchvision', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(room.folder), *sys.path], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
