"""How the task ``anomaly`` learns: every normal picture is read once, and what stands for all of them is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from fovea.engine.export import convert
from fovea.engine.learning import bank
from fovea.engine.learning.learned import Learned
from fovea.engine.network import Whole
from fovea.engine.networks.detector import Detector, Places
from fovea.engine.pictures.targets import NORMAL
from fovea.engine.prepared import Prepared
from fovea.engine.recipe import Recipe
from fovea.errors import DataError
from fovea.progress import Progress
from fovea.serving.network import request

_CHUNK = 256


@torch.no_grad()
def fit_anomaly(run: Prepared, *, progress: Progress) -> Learned:
    """Read every normal picture of the part ``train``, and keep what stands for them.

    The run's folder keeps each picture's patches. Run again in it after pictures were added or taken away, only the new
    ones are read, and what comes of it equals a fresh start bit for bit.

    Args:
        run: what is learned from.
        progress: told picture by picture.

    Raises:
        DataError: no normal picture is left to learn from.
    """
    network = run.whole.network.to(memory_format=torch.contiguous_format)
    size, recipe = run.wanted.spec.size, run.recipe
    places = Places(network, size=size, dimensions=recipe.dimensions, seed=recipe.seed).eval()
    pool = _pool(run, Whole(places, run.wanted.spec).eval(), progress)
    detector = Detector(places, normal(pool, recipe))
    return Learned(whole=Whole(detector, run.wanted.spec).eval(), curves=(), recipe=recipe)


def normal(pool: bank.Pool, recipe: Recipe) -> Mapping[str, Tensor]:
    """What a :class:`Detector` compares with, as the recipe's ``normality`` says."""
    if recipe.normality == "memory":
        return {"patches": bank.memory(pool, recipe.memory)}
    means, whitening = bank.normal_places(pool)
    return {"means": means, "whitening": whitening}


def _pool(run: Prepared, eyes: Whole, progress: Progress) -> bank.Pool:
    """The pool of the pictures to learn from: those that the run's folder has, and the others read."""
    wanted = _to_learn(run)
    count = eyes(torch.zeros(1, *run.survey.pixels.shape[1:], dtype=torch.uint8))[0, 0].numel()
    quota = bank.quota_of(len(wanted), count) if run.recipe.normality == "memory" else count
    key, path = _key(run, eyes), run.folder / "pool.safetensors"
    ids = bank.ids_of(list(wanted))
    pool = bank.opened(path, key)
    pools = [bank.narrowed(bank.only(pool, ids), quota)] if pool is not None and pool.quota >= quota else []
    known = {int(one) for old in pools for one in old.ids}
    fresh = {digest: row for digest, row in wanted.items() if int(digest, 16) not in known}
    pools += _read(run, eyes, fresh, quota, key, progress) if fresh else ()
    pool = bank.extended(*pools)
    bank.save(pool, path)
    return pool


def _to_learn(run: Prepared) -> dict[str, int]:
    """Rows of the survey by the digest of their squares; of squares that are all alike, the last."""
    rows = {
        row.digest: number
        for number, (row, part) in enumerate(zip(run.survey.rows, run.parts, strict=True))
        if part == "train" and row.target == NORMAL
    }
    if not rows:
        raise DataError("no normal picture is left to learn from: add some, or keep less for calibration and test")
    return rows


def _read(
    run: Prepared, eyes: Whole, rows: Mapping[str, int], quota: int, key: str, progress: Progress
) -> Iterator[bank.Pool]:
    """One picture at a time: what it is answered then does not depend on those beside it."""
    graph = run.folder / "eyes.xml"
    convert(eyes, size=run.wanted.spec.size, path=graph)
    look = request(graph, threads=int(run.recipe.threads), precision="fp32")
    digests = list(rows)
    progress.start("read normal pictures", len(digests))
    for start in range(0, len(digests), _CHUNK):
        names = digests[start : start + _CHUNK]
        ids, patches = bank.ids_of(names), []
        for name, one in zip(names, ids, strict=True):
            (maps,) = look(run.survey.pixels[rows[name]][np.newaxis])  # (d, g, g)
            picture = torch.from_numpy(maps).flatten(1).T[None]
            patches.append(bank.pooled(one[None], picture, quota=quota, seed=run.recipe.seed, key=key))
            progress.advance()
        yield bank.extended(*patches)
    progress.finish()


def _key(run: Prepared, eyes: Whole) -> str:
    """Digest of all that a picture's patches depend on but the picture and the quota."""
    named = hashlib.blake2b(digest_size=16)
    for name, tensor in eyes.state_dict().items():
        named.update(name.encode())
        named.update(tensor.contiguous().numpy().tobytes())
    spec = run.wanted.spec
    whole = run.recipe.normality == "gaussian"
    named.update(repr((spec.size, spec.mean, spec.std, run.recipe.seed, whole)).encode())
    return named.hexdigest()
