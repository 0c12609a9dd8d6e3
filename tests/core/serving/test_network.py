from __future__ import annotations

import gc
import subprocess
import sys

import numpy as np
import pytest

from fovea.errors import BundleRefused, UsageError
from fovea.plugin import Preprocess
from fovea.serving.bundle import Bundle
from fovea.serving.network import Network, as_input, openvino, probabilities, resolve_precision, runtime
from fovea.serving.preprocess import PREPROCESS_ID

SIZE = 8
MATRIX = np.array([[1.0, -1.0], [0.5, 0.0], [0.0, 2.0]], np.float32)


def mean_colours(folder):
    """A network written by hand: logits are the mean colour, in [0, 1], times a matrix."""
    library = openvino()
    ops = library.opset13
    squares = ops.parameter([-1, SIZE, SIZE, 3], np.uint8, name="squares")
    colours = ops.reduce_mean(ops.convert(squares, np.float32), np.array([1, 2]))
    logits = ops.matmul(ops.divide(colours, np.float32(255)), MATRIX, transpose_a=False, transpose_b=False)
    library.save_model(library.Model([logits], [squares]), folder / "network.xml", compress_to_fp16=False)


def bundle_in(folder, **changes):
    facts = {
        "name": "colours",
        "domain": "crop",
        "role": "disease",
        "kind": "classify",
        "labels": ("red", "blue"),
        "preprocess": Preprocess(size=SIZE),
        "preprocess_id": PREPROCESS_ID,
        "path": folder,
    }
    return Bundle(**{**facts, **changes})


@pytest.fixture
def bundle(tmp_path):
    mean_colours(tmp_path)
    return bundle_in(tmp_path)


@pytest.fixture
def squares():
    return np.random.default_rng(0).integers(0, 256, (21, SIZE, SIZE, 3), dtype=np.uint8)


def test_logits_are_what_the_graph_says(bundle, squares):
    logits = Network(bundle).run(squares)
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, squares.mean(axis=(1, 2)) / 255 @ MATRIX, atol=1e-5)


def test_one_pictures_answer_does_not_depend_on_its_neighbours(bundle, squares):
    network = Network(bundle)
    alone = np.concatenate([network.run(squares[i : i + 1]) for i in range(len(squares))])
    np.testing.assert_array_equal(network.run(squares), alone)


def test_answers_stay_when_the_network_runs_again(bundle, squares):
    network = Network(bundle)
    first = network.run(squares)
    kept = first.copy()
    network.run(255 - squares)
    np.testing.assert_array_equal(first, kept)


def test_no_pictures_give_no_answers(bundle, squares):
    assert Network(bundle).run(squares[:0]).shape == (0, 2)


@pytest.mark.parametrize("shape", [(1, SIZE, SIZE + 1, 3), (1, SIZE, SIZE), (1, 3, SIZE, SIZE)])
def test_pictures_of_another_shape_are_refused(bundle, shape):
    with pytest.raises(ValueError, match="takes uint8"):
        Network(bundle).run(np.zeros(shape, np.uint8))


def test_pictures_of_another_type_are_refused(bundle):
    with pytest.raises(ValueError, match="not float32"):
        Network(bundle).run(np.zeros((1, SIZE, SIZE, 3), np.float32))


def test_a_network_with_other_outputs_than_labels_is_refused(tmp_path):
    mean_colours(tmp_path)
    with pytest.raises(BundleRefused, match="does not fit size 8 and 3 labels"):
        Network(bundle_in(tmp_path, labels=("red", "green", "blue")))


def test_a_graph_that_is_none_is_refused(tmp_path):
    (tmp_path / "network.xml").write_text("<net/>")
    (tmp_path / "network.bin").write_bytes(b"")
    with pytest.raises(BundleRefused, match="cannot read its network"):
        Network(bundle_in(tmp_path))


def test_probabilities_add_up_to_one_and_soften_with_temperature(tmp_path):
    logits = np.array([[4.0, 0.0], [-900.0, 900.0]], np.float32)
    sharp = probabilities(bundle_in(tmp_path), logits)
    soft = probabilities(bundle_in(tmp_path, temperature=4.0), logits)
    np.testing.assert_allclose(sharp.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(sharp[0, 0], 1 / (1 + np.exp(-4)), rtol=1e-6)
    np.testing.assert_allclose(soft[0, 0], 1 / (1 + np.exp(-1)), rtol=1e-6)


def test_auto_is_fp32_where_bf16_was_not_found_to_agree(tmp_path):
    assert resolve_precision(bundle_in(tmp_path, precisions=("fp32",)), "auto") == "fp32"
    with pytest.raises(UsageError, match="use fp32"):
        resolve_precision(bundle_in(tmp_path, precisions=("fp32",)), "bf16")


def test_a_precision_that_there_is_not_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no precision 'int4'"):
        resolve_precision(bundle_in(tmp_path), "int4")


def test_floats_become_the_nearest_of_256_levels():
    given = np.array([0.0, 0.5, 1.0, 1.5 / 255], np.float32)
    assert as_input(given).tolist() == [0, 128, 255, 2]
    bytes_already = np.array([7], np.uint8)
    assert as_input(bytes_already) is bytes_already


@pytest.mark.slow
def test_openvino_is_loaded_without_telemetry_and_without_torch(tmp_path):
    code = (
        "import sys; from fovea.serving.network import openvino; openvino();"
        "print('torch' in sys.modules, sys.modules['openvino_telemetry'])"
    )
    home = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", code], env=home, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "None"]
    assert list(tmp_path.iterdir()) == []


def test_the_runtime_is_never_let_go(tmp_path):
    mean_colours(tmp_path)
    first = runtime()
    Network(bundle_in(tmp_path), precision="fp32")
    gc.collect()
    assert runtime() is first  # a signal would find the stack that went with it
