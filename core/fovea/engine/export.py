"""From the trained network to the files of a bundle, and the proof that the served network says the same."""

from __future__ import annotations

import dataclasses
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import nn

from fovea.engine.network import Whole
from fovea.errors import FoveaError
from fovea.serving.answers import answers
from fovea.serving.bundle import Bundle, Precision
from fovea.serving.network import Network, openvino, resolve_precision

_COMPARED = 16
_TIE = 0.02
_FEW_PIXELS = 0.001
_BF16_MARGIN = 0.1
_BF16_DRIFT = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far the served network's answers are from torch's, on the same squares.

    Args:
        logits: largest difference of a logit, torch fp32 against served fp32.
        probabilities: largest difference of a probability, likewise; of a value in deviations for ``regress``.
        bf16: the same, served fp32 against served bf16; None where not compared.
    """

    logits: float
    probabilities: float
    bf16: float | None


def write_files(whole: Whole, *, size: int, folder: Path, graph: nn.Module | None = None) -> dict[str, Path]:
    """Write ``network.xml``, ``network.bin`` and ``weights.safetensors``; returns them by name.

    ``graph`` is exported in the network's place where it answers more than logits.

    The network's weights stay fp32: as fp16 they would halve the file and move probabilities by up to 0.005 (ResNet-18,
    400 apple leaves), where a served network is to be within 0.001 of the trained one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    whole = whole.to("cpu").eval()
    convert(whole if graph is None else graph, size=size, path=folder / "network.xml")
    tensors = {name: tensor.contiguous() for name, tensor in whole.network.state_dict().items()}
    save_file(tensors, folder / "weights.safetensors")
    return {name: folder / name for name in ("network.xml", "network.bin", "weights.safetensors")}


def convert(network: nn.Module, *, size: int, path: Path) -> None:
    """Write a network of uint8 (n, size, size, 3) as an OpenVINO graph, ``path``, with its weights beside it."""
    library = openvino()
    example = (torch.zeros((2, size, size, 3), dtype=torch.uint8),)
    with torch.no_grad():
        program = torch.export.export(network, example, dynamic_shapes=({0: torch.export.Dim("pictures")},))
        model = library.convert_model(program)
    model.reshape({0: [-1, size, size, 3]})
    library.save_model(model, path, compress_to_fp16=False)


def check_agreement(whole: Whole, draft: Bundle, squares: NDArray[np.uint8]) -> tuple[Agreement, Bundle]:
    """Compare torch with the exported network on up to 16 squares, and fp32 with bf16 on all of them.

    Args:
        whole: the trained network.
        draft: a bundle whose ``path`` holds the exported files.
        squares: uint8 (n, size, size, 3), n of at least 1.

    Returns:
        The differences, and the draft with the precisions that were found to agree.

    Raises:
        FoveaError: the two say different labels where neither is in doubt, or values that are apart.
    """
    with torch.no_grad():
        trained = whole.to("cpu").eval()(torch.from_numpy(squares[:_COMPARED])).numpy()
    plain = dataclasses.replace(draft, scale=None, fusion=None)  # values in deviations, of pixels alone
    served = Network(plain, precision="fp32").run(squares)
    few = served[:_COMPARED]
    apart = np.abs(answers(plain, trained) - answers(plain, few))
    changed = _changed(plain, trained, few, _TIE)
    if changed.any() or not np.isfinite(few).all():
        raise FoveaError(
            f"the exported network does not say what the trained one says ({int(changed.sum())} of {len(few)} pictures "
            f"differ, by up to {float(apart.max()):.3f}): this backbone cannot be served; choose another"
        )
    bf16, precisions = _compare_bf16(plain, served, squares)
    agreement = Agreement(logits=float(np.abs(trained - few).max()), probabilities=float(apart.max()), bf16=bf16)
    return agreement, dataclasses.replace(draft, precisions=precisions)


def _compare_bf16(
    draft: Bundle, served: NDArray[np.float32], squares: NDArray[np.uint8]
) -> tuple[float | None, tuple[Precision, ...]]:
    able = dataclasses.replace(draft, precisions=("fp32", "bf16"))
    if draft.kind == "anomaly" or resolve_precision(able, "auto") == "fp32":  # a distance needs all its digits
        return None, ("fp32",)
    quick = Network(able, precision="bf16").run(squares)
    drift = np.abs(answers(draft, served) - answers(draft, quick))
    agrees = not _changed(draft, served, quick, _BF16_MARGIN).any() and float(drift.mean()) <= _BF16_DRIFT
    return float(drift.max()), ("fp32", "bf16") if agrees else ("fp32",)


def _changed(draft: Bundle, one: NDArray[np.float32], other: NDArray[np.float32], margin: float) -> NDArray[np.bool_]:
    """Which pictures get another answer although the first was not in doubt by ``margin``, bool (n,).

    A label of ``multilabel`` changes where its probability crosses a half; a value of ``regress`` where it moves by
    more than ``margin`` deviations; a distance of ``anomaly`` by more than that share of their median;
    areas where more than one pixel of a thousand shows another label.
    """
    if draft.kind == "anomaly":
        return np.asarray(np.abs(one - other)[:, 0] > margin * np.median(one[:, 0]))
    if draft.kind == "regress":
        return np.asarray((np.abs(one - other) > margin).any(axis=1))
    said = answers(draft, one)
    if draft.kind == "multilabel":
        crossed = ((one > 0) != (other > 0)) & (np.abs(2 * said - 1) > margin)
        return np.asarray(crossed.any(axis=1))
    changed = (one.argmax(1) != other.argmax(1)) & (_margins(said) > margin)
    if draft.kind == "segment":
        return np.asarray(changed.mean(axis=(1, 2)) > _FEW_PIXELS)
    return np.asarray(changed)


def _margins(said: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far the most probable label is ahead of the next."""
    two = np.sort(said, axis=1)[:, -2:]
    return np.asarray(two[:, 1] - two[:, 0])


_LIBRARIES = ("fovea", "torch", "torchvision", "openvino", "numpy", "scikit-learn", "timm", "transformers")


def library_versions() -> dict[str, str]:
    """Versions of the libraries that make a bundle, as far as they are installed."""
    from importlib.metadata import PackageNotFoundError, version

    versions: dict[str, str] = {}
    for name in _LIBRARIES:
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    return versions
