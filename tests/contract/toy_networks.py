"""Bundles made without training: a network that names the label whose colour is nearest to the mean of a picture.

For any domain, role and labels, of kind ``classify``. The same arguments give the same bytes, and so the same digest.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeAlias

from fovea.plugin import Preprocess
from fovea.serving.bundle import FILES, Bundle
from fovea.serving.bundle import write_bundle as write_files
from fovea.serving.preprocess import PREPROCESS_ID

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Colour: TypeAlias = tuple[float, float, float]
"""Red, green and blue in 0..255."""


def grey(level: float) -> Colour:
    """The colour of a picture that is ``level`` bright, 0..255."""
    return level, level, level


def write_bundle(
    models: Path,
    *,
    domain: str,
    role: str,
    labels: Sequence[str],
    rule: Sequence[Colour],
    size: int = 8,
    name: str = "",
    softness: float = 32.0,
) -> Bundle:
    """Write ``models/NAME.fovea`` and open it.

    Args:
        models: folder of the bundles, made where absent.
        domain: name of the domain it is for.
        role: the role it serves.
        labels: in the order of the network's outputs.
        rule: one colour a label; the nearest to the mean of the picture (or region) is the answer.
        size: side of the network's square, in pixels.
        name: of the bundle; empty takes the role's.
        softness: levels of colour over which one label gives way to the next; smaller is surer.

    Raises:
        ValueError: there is not one colour a label.
        BundleRefused: the labels are not all different.
    """
    slope, offset = _rule(labels, rule, softness)
    preprocess = Preprocess(size=size, fit="squash", decode="full")
    made = Bundle(
        name=name or role,
        domain=domain,
        role=role,
        kind="classify",
        labels=tuple(labels),
        preprocess=preprocess,
        preprocess_id=PREPROCESS_ID,
    )
    with TemporaryDirectory() as made_in:
        files = {one: Path(made_in) / one for one in FILES if one not in {"bundle.json", "card.md"}}
        for path in files.values():
            path.touch()
        _save(slope, offset, size, files)
        return write_files(made, models=models, files=files, card=f"# {made.name}\n\nMade without training.\n")


def _rule(
    labels: Sequence[str], rule: Sequence[Colour], softness: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The negative squared distance to each colour, less the part that all share: linear in the mean colour."""
    import numpy as np

    if len(labels) != len(rule) or len(labels) < 2:
        msg = f"{len(labels)} labels and {len(rule)} colours: give at least two labels, and each a colour"
        raise ValueError(msg)
    colours = np.array(rule, np.float64)  # (labels, 3)
    width = 2 * softness**2
    slope = 2 * colours.T / width  # (3, labels)
    offset = -(colours**2).sum(axis=1) / width  # (labels,)
    return slope.astype(np.float32), offset.astype(np.float32)


def _save(slope: NDArray[np.float32], offset: NDArray[np.float32], size: int, files: dict[str, Path]) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    from fovea.serving.network import openvino

    ov: Any = openvino()
    import openvino.opset13 as ops

    pixels = ops.parameter([-1, size, size, 3], np.uint8, name="pixels")
    mean = ops.reduce_mean(ops.convert(pixels, "f32"), ops.constant(np.array([1, 2])), keep_dims=False)
    logits = ops.add(ops.matmul(mean, ops.constant(slope), False, False), ops.constant(offset))
    model = ov.Model([logits], [pixels], "toy")
    for number, node in enumerate(model.get_ordered_ops()):
        node.set_friendly_name(f"node-{number}")  # else numbered through the process, and the digest with it
    model.outputs[0].set_names({"logits"})  # the same
    ov.save_model(model, files["network.xml"], compress_to_fp16=False)
    save_file({"slope": slope, "offset": offset}, files["weights.safetensors"])
