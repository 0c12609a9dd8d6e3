"""A bundle's network at work: OpenVINO on the CPU, without torch.

Normalisation is part of the graph, so that what goes in is the uint8 square of :func:`fovea.serving.preprocess`.
One thread a network is the default: several processes of one thread each give more pictures a second than one
process of several threads, and one picture's answer then does not depend on the pictures beside it.
"""

from __future__ import annotations

import math
import sys
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, cast

from fovea.errors import BundleRefused, UsageError
from fovea.serving.bundle import Bundle, Precision
from fovea.serving.fusion import fused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import ModuleType

    import numpy as np
    from numpy.typing import NDArray

    from fovea.plugin import Pixels
    from fovea.serving.fusion import Attributes


class Network:
    """A compiled network; not for two threads at once, and made anew in each process.

    Args:
        bundle: an opened bundle.
        threads: CPU threads it may use.
        precision: ``fp32``, ``bf16``, or ``auto``: see :func:`resolve_precision`.

    Raises:
        BundleRefused: the graph cannot be read or does not fit the bundle's labels and size.
        UsageError: the precision is not to be had.
    """

    __slots__ = ("_outputs", "_request", "bundle", "gauged", "precision")

    def __init__(
        self, bundle: Bundle, *, threads: int = 1, precision: Literal["auto", "fp32", "bf16"] = "auto"
    ) -> None:
        self.bundle = bundle
        self.precision = resolve_precision(bundle, precision)
        core = runtime()
        try:
            model = core.read_model(bundle.network)
        except RuntimeError as error:
            raise BundleRefused(str(bundle.path), "OpenVINO cannot read its network.xml; train it again") from error
        self.gauged = _check_shapes(bundle, model)
        self._outputs = tuple(side.get_length() for side in list(model.outputs[0].partial_shape)[1:])
        self._request = core.compile_model(model, "CPU", _settings(threads, self.precision)).create_infer_request()

    def run(self, batch: NDArray[np.uint8], beside: Sequence[Attributes] | None = None) -> NDArray[np.float32]:
        """Logits of a batch.

        Args:
            batch: uint8 (n, size, size, 3), RGB, C-contiguous; n of 0 is allowed.
            beside: attributes of each picture; a bundle with a ``fusion`` needs them, any other looks at pixels alone.

        Returns:
            float32 (n, number of labels), for ``anomaly`` (n, 1 + places), for ``segment`` (n, number of labels, size,
            size); owned by the caller.

        Raises:
            ValueError: another type or shape, or not as many attributes as pictures.
            DataError: an attribute is not what the bundle learned from.
        """
        return self.look(batch, beside)[0]

    def look(
        self, batch: NDArray[np.uint8], beside: Sequence[Attributes] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """What :meth:`run` answers, and how strange each picture is to the network, (n,): None unless ``gauged``."""
        import numpy as np

        size = self.bundle.preprocess.size
        if batch.dtype != np.uint8 or batch.ndim != 4 or batch.shape[1:] != (size, size, 3):  # noqa: PLR2004 - n, h, w, c
            msg = (
                f"the network of {self.bundle.name} takes uint8 (n, {size}, {size}, 3), not {batch.dtype} {batch.shape}"
            )
            raise ValueError(msg)
        if not len(batch):
            return np.empty((0, *self._outputs), np.float32), np.empty(0, np.float32) if self.gauged else None
        answer = self._request.infer([np.ascontiguousarray(batch)])
        strange = np.array(answer[1], np.float32)[:, 0] if self.gauged else None
        outputs = np.array(answer[0], np.float32)  # copies: the request's own memory is used again
        if self.bundle.fusion is None:
            return outputs, strange
        if beside is None or len(beside) != len(batch):
            told = "none" if beside is None else str(len(beside))
            msg = f"{self.bundle.name} reads attributes beside its pictures: {len(batch)} pictures came with {told}"
            raise ValueError(msg)
        return fused(self.bundle.fusion, self.bundle.kind, outputs, beside), strange


def request(graph: Path, *, threads: int, precision: Precision) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """A graph that takes uint8 pictures and answers one array, compiled: not for two threads at once."""
    import numpy as np

    library = runtime()
    one = library.compile_model(library.read_model(graph), "CPU", _settings(threads, precision)).create_infer_request()

    def run(batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.array(one.infer([np.ascontiguousarray(batch)])[0], np.float32)

    return run


def probabilities(bundle: Bundle, logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Calibrated probabilities: ``softmax(logits / temperature)``, float32 (n, number of labels, ...), rows sum to 1.

    Temperature scaling: Guo et al., On Calibration of Modern Neural Networks, ICML 2017.
    """
    import numpy as np

    scaled = logits.astype(np.float64) / bundle.temperature
    raised = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return cast("NDArray[np.float32]", (raised / raised.sum(axis=1, keepdims=True)).astype(np.float32))


def as_input(square: Pixels) -> NDArray[np.uint8]:
    """A preprocessed square as the network takes it: float32 in [0, 1] is rounded to 256 levels, uint8 stays."""
    import numpy as np

    if square.dtype == np.uint8:
        return cast("NDArray[np.uint8]", square)
    return np.asarray(np.clip(np.rint(square * np.float32(255)), 0, 255), np.uint8)


def resolve_precision(bundle: Bundle, wanted: Literal["auto", "fp32", "bf16"]) -> Precision:
    """What a wanted precision comes to here.

    ``auto`` is bf16 where this CPU computes it natively and the bundle's own check found the answers to agree,
    fp32 otherwise. Write the answer down with what it produced: the two differ in the last digits.

    Raises:
        UsageError: the precision has no such name, or the bundle was not found to agree in it.
    """
    if wanted not in ("auto", "fp32", "bf16"):
        raise UsageError(f"there is no precision '{wanted}': choose auto, fp32 or bf16")
    if wanted == "fp32" or (wanted == "auto" and "bf16" not in bundle.precisions):
        return "fp32"
    if "bf16" not in bundle.precisions:
        raise UsageError(f"the bundle {bundle.name} was not found to answer alike in bf16: use fp32")
    native = "BF16" in runtime().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "bf16" if native or wanted == "bf16" else "fp32"


@cache
def runtime() -> Any:
    """OpenVINO's runtime, one for the life of the process.

    Its CPU plugin gives the thread that loads it a stack for signals, and frees that stack when the last runtime goes:
    the next Ctrl-C would be delivered into freed memory, and end the program with a segmentation fault.
    """
    return openvino().Core()


def openvino() -> ModuleType:
    """OpenVINO without its telemetry.

    ``import openvino`` by itself reports to a public analytics service and writes an identifier into the user's
    home folder. It falls back to its own stub where ``openvino_telemetry`` cannot be imported, so that is refused.
    """
    if "openvino" not in sys.modules:
        sys.modules.setdefault("openvino_telemetry", cast("ModuleType", None))
    import openvino as library

    return cast("ModuleType", library)


def _settings(threads: int, precision: Precision) -> dict[str, Any]:
    return {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": {"fp32": "f32", "bf16": "bf16"}[precision],
        "ENABLE_CPU_PINNING": False,  # share-nothing processes would all be pinned to the same first core
    }


def _check_shapes(bundle: Bundle, model: Any) -> bool:
    """Refuse a graph that is not this bundle's; whether it tells how strange a picture is, beside its logits."""
    size, labels = bundle.preprocess.size, len(bundle.labels)
    seen = [str(port.partial_shape) for port in (*model.inputs, *model.outputs)]
    gauged = seen[2:] == ["[?,1]"]
    needed = bundle.certainty is not None and bundle.certainty.familiar is not None
    seen = seen[:2] if gauged else seen
    answer = seen[-1] if bundle.kind == "anomaly" and _is_map(model.outputs[0]) else f"[?,{labels}]"
    if bundle.kind == "segment":
        answer = f"[?,{labels},{size},{size}]"
    if seen != [f"[?,{size},{size},3]", answer] or (needed and not gauged):
        fault = f"its network maps {seen}, which does not fit size {size} and {labels} labels; train it again"
        raise BundleRefused(str(bundle.path), fault)
    return gauged


def _is_map(port: Any) -> bool:
    """Whether a picture is answered one number, and one for each place of a square grid."""
    sides = list(port.partial_shape)
    if len(sides) != 2 or sides[1].is_dynamic:  # noqa: PLR2004 - pictures, numbers
        return False
    places = int(sides[1].get_length()) - 1
    return places > 0 and math.isqrt(places) ** 2 == places
