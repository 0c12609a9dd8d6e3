"""Run by a peer's own interpreter: anomalib's k-centre choice on features in a file, its CPU seconds and its answers.

python coreset_peer.py FEATURES.npy SIZE as-shipped|same-features STARTS ANSWER.json
"""

import json
import sys
import time
import warnings
from importlib.metadata import version

warnings.simplefilter("ignore")

import numpy as np  # noqa: E402
import torch  # noqa: E402
from anomalib.models.components.sampling.k_center_greedy import KCenterGreedy  # noqa: E402


def main(path: str, size: str, way: str, starts: str, answer: str) -> None:
    torch.set_num_threads(1)
    features = torch.from_numpy(np.load(path))
    if way == "same-features":
        features = features[..., None]  # it projects what has two dimensions, and only that
    choices = []
    for seed in range(int(starts)):
        torch.manual_seed(seed)
        began = time.process_time()
        chooser = KCenterGreedy(embedding=features, sampling_ratio=(int(size) + 0.5) / len(features))
        chosen = chooser.select_coreset_idxs()
        choices.append((chosen, time.process_time() - began))
    with open(answer, "w", encoding="ascii") as file:
        json.dump({"choices": choices, "version": version("anomalib")}, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
