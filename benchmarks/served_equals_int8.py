"""Run by a peer's own interpreter: nncf's post-training quantisation of an OpenVINO graph by some squares.

python served_equals_int8.py NETWORK.xml SQUARES.npy OUT.xml plain|transformer
"""

import sys

sys.modules["openvino_telemetry"] = None  # openvino and nncf report to a public service where it can be imported

import nncf  # noqa: E402
import numpy as np  # noqa: E402
import openvino  # noqa: E402


def main(graph: str, squares: str, out: str, kind: str) -> None:
    pictures = np.load(squares)
    model = openvino.Core().read_model(graph)
    small = nncf.quantize(
        model,
        nncf.Dataset([picture[None] for picture in pictures]),
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(pictures),
        model_type=nncf.ModelType.TRANSFORMER if kind == "transformer" else None,
    )
    openvino.save_model(small, out, compress_to_fp16=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
