from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from sklearn import metrics

from fovea.engine.judging.evaluate import judged, look
from fovea.engine.judging.unknown import Strangers, judge_unknown, strangers, with_unknown
from fovea.engine.learning.strangeness import AXES, fit_gauge
from fovea.engine.pictures.survey import Wanted
from fovea.engine.train import train
from fovea.errors import BundleRefused, DataError, UsageError
from fovea.plugin import Preprocess, Sample
from fovea.progress import silent
from fovea.serving.bundle import Bundle, open_bundle
from fovea.serving.network import Network
from fovea.serving.readings import Certainty, Familiar
from fovea.serving.score import Job, Scorer


def gauge_of(features, others):
    with torch.no_grad():
        return fit_gauge(features.astype(np.float32))(torch.from_numpy(others.astype(np.float32)))[:, 0].numpy()


def test_the_gauge_is_the_mahalanobis_distance_where_its_axes_hold_all_there_is():
    random = np.random.default_rng(0)
    mix = random.normal(0, 1, (6, 6))
    learned, others = random.normal(0, 1, (400, 6)) @ mix + 3, random.normal(0, 2, (20, 6)) @ mix + 3
    centred = others - learned.mean(axis=0)
    inverse = np.linalg.inv(np.cov(learned.T, bias=True))
    expected = np.einsum("nd,de,ne->n", centred, inverse, centred) / 6
    assert gauge_of(learned, others) == pytest.approx(expected, rel=0.05)


def test_it_is_about_one_for_what_it_was_fitted_on_and_large_for_what_breaks_its_pattern():
    random = np.random.default_rng(1)
    pattern = random.normal(0, 1, (10, 300))
    learned = random.normal(0, 1, (200, 10)) @ pattern + random.normal(0, 1, (200, 300))
    alike = random.normal(0, 1, (50, 10)) @ pattern + random.normal(0, 1, (50, 300))
    broken = random.permuted(alike, axis=1)  # the same numbers, in no order that was ever seen
    assert gauge_of(learned, learned).mean() == pytest.approx(1, abs=0.3)
    assert gauge_of(learned, broken).min() > 2 * gauge_of(learned, alike).max()


def test_fewer_pictures_than_axes_and_features_that_never_change_are_borne():
    learned = np.random.default_rng(2).normal(0, 1, (8, AXES))
    learned[:, 0] = 7
    assert np.isfinite(gauge_of(learned, learned + 1)).all()


def test_unknown_pictures_are_counted_as_scikit_learn_counts_them():
    random = np.random.default_rng(3)
    known = Strangers(strange=random.gamma(2, 1, 200).astype(np.float32), groups=tuple(str(i // 4) for i in range(200)))
    others = Strangers(strange=random.gamma(5, 1, 80).astype(np.float32), groups=tuple(map(str, range(80))))
    bundle = Bundle(
        name="b",
        domain="wheat",
        role="d",
        kind="classify",
        labels=("a", "b"),
        preprocess=Preprocess(),
        preprocess_id="x",
        certainty=Certainty(familiar=Familiar(most=4.0, kept=0.95)),
    )
    figures = judge_unknown(bundle, known, others)
    truth = [1] * 200 + [0] * 80
    false, true, _ = metrics.roc_curve(truth, -np.concatenate([known.strange, others.strange]), drop_intermediate=False)
    assert figures["unknown_fpr95"].value == pytest.approx(false[np.argmax(true >= 0.95)])
    assert figures["unknown_auroc"].value == pytest.approx(
        metrics.roc_auc_score([0] * 200 + [1] * 80, np.concatenate([known.strange, others.strange]))
    )
    assert figures["unknown_found"].value == pytest.approx((others.strange > 4).mean())
    assert all(one.low <= one.value <= one.high for one in figures.values())


@pytest.fixture(scope="module")
def done(tmp_path_factory, finished, filling):
    """A whole training with groups enough for every promise: (bench, what it came to)."""
    folder = tmp_path_factory.mktemp("certain")
    root = filling(folder / "site", ("blue", "green", "red"), groups=30, shots=1)
    bench = replace(finished[0], root=root, folder=folder / "run", models=folder / "models")
    wishes = {"positive": "red", "operate_at": 0.5, "review": 0.2, "validation": 0.2, "calibration": 0.3, "test": 0.2}
    return bench, train(**bench.arguments(progress=silent(), epochs=4, **wishes))


def test_a_training_keeps_every_promise_that_was_asked_for(done):
    _, trained = done
    of = trained.bundle.certainty
    assert (of.lacking, of.alarm.labels, of.sets.coverage, of.familiar.kept) == ((), ("red",), 0.9, 0.95)
    asked = {"set_coverage", "set_size", "reviewed", "error_of_rest", "sensitivity", "specificity", "unknown", "aurc"}
    assert asked <= set(trained.evaluation.figures)
    assert "## How sure it is" in trained.bundle.card
    assert open_bundle(trained.bundle.path).certainty == of


def test_the_served_network_tells_as_strange_what_is(done):
    bench, trained = done
    network = Network(trained.bundle)
    assert network.gauged
    size = trained.bundle.preprocess.size
    noise = np.random.default_rng(0).integers(0, 256, (4, size, size, 3), dtype=np.uint8)
    logits, strange = network.look(noise)
    assert (strange > trained.bundle.certainty.familiar.most).all()
    assert (network.run(noise) == logits).all()
    assert network.look(noise[:0])[1].shape == (0,)
    assert bench.root.is_dir()


def test_evaluating_counts_them_too_and_tells_them_from_a_folder_of_something_else(done, tmp_path, filling):
    bench, trained = done
    root = filling(tmp_path / "new", ("blue", "green", "red"), groups=12, shots=1)
    seen = look(domain=bench.domain, root=root, view=bench.view, bundle=trained.bundle, progress=silent())
    evaluation = judged(seen)
    assert "unknown" in evaluation.figures
    wanted = Wanted(
        domain=bench.domain,
        root=noisy(tmp_path / "noise"),
        view=bench.view,
        role="disease",
        spec=trained.bundle.preprocess,
    )
    told = with_unknown(evaluation, seen, strangers(wanted, trained.bundle, silent())).figures
    assert told["unknown_auroc"].value > 0.95
    assert told["unknown_found"].value > 0.9
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no picture"):
        strangers(replace(wanted, root=tmp_path / "empty"), trained.bundle, silent())


def noisy(folder):
    (folder / "unknown").mkdir(parents=True)
    random = np.random.default_rng(5)
    for place in range(12):
        cv2.imwrite(str(folder / "unknown" / f"n{place}-0.png"), random.integers(0, 256, (48, 48, 3), dtype=np.uint8))
    return folder


def test_a_picture_is_scored_with_it_and_without_torch(done, tmp_path):
    bench, trained = done
    noisy(tmp_path)
    job = Job(domain=bench.domain, root=tmp_path, view=bench.view, bundles={"disease": trained.bundle.path})
    (outcome,) = Scorer(job).score([Sample(source="unknown/n0-0.png")])
    (said,) = outcome.result.predictions["disease"]
    assert said.unknown
    assert said.possible is not None
    code = f"""
import json, sys
from pathlib import Path
import numpy as np
from fovea.serving.answers import answers, predict
from fovea.serving.bundle import open_bundle
from fovea.serving.network import Network
bundle = open_bundle(Path({str(trained.bundle.path)!r}))
square = np.zeros((1, {trained.bundle.preprocess.size}, {trained.bundle.preprocess.size}, 3), np.uint8)
logits, strange = Network(bundle).look(square)
said = predict(bundle, answers(bundle, logits)[0], "", float(strange[0]))
print(json.dumps([said.unknown, said.possible is not None, "torch" in sys.modules]))
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(ended.stdout) == [True, True, False]


def test_a_graph_that_does_not_tell_what_its_bundle_judges_by_is_refused(finished):
    _, trained = finished
    assert trained.bundle.certainty.familiar is None
    assert any("unlike those it learned from" in sentence for sentence in trained.bundle.certainty.lacking)
    lying = replace(trained.bundle, certainty=Certainty(familiar=Familiar(most=1.0, kept=0.95)))
    with pytest.raises(BundleRefused, match="does not fit"):
        Network(lying)


def test_a_bundle_that_does_not_tell_it_cannot_be_asked(finished):
    bench, trained = finished
    wanted = Wanted(
        domain=bench.domain, root=bench.root, view=bench.view, role="disease", spec=trained.bundle.preprocess
    )
    with pytest.raises(UsageError, match="train it again"):
        strangers(wanted, trained.bundle, silent())


def test_a_positive_label_that_is_none_ends_a_training_before_it_learns(bench):
    with pytest.raises(UsageError, match="'purple', which is no label here"):
        train(**bench.arguments(progress=silent(), positive="purple"))
