"""How the task ``anomaly`` learns: every normal picture is read once, and what stands for all of them is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor, nn

from fovea.engine.export import convert
from fovea.engine.learning import bank
from fovea.engine.learning.learned import Learned
from fovea.engine.learning.side import side_of
from fovea.engine.network import Whole
from fovea.engine.networks.detector import Detector, Places
from fovea.engine.networks.heads import fit_heads
from fovea.engine.pictures.facts import table_of
from fovea.engine.pictures.targets import NORMAL
from fovea.engine.prepared import Prepared
from fovea.engine.recipe import Recipe
from fovea.errors import DataError
from fovea.progress import Progress
from fovea.serving.network import request

_CHUNK = 256
_FIFTH = 5
_LEAST_USUAL = 8
_PULL = 0.1
"""Of a ridge on few pictures: an attribute that hardly changes the distance is held back to nothing."""


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
    whole = Whole(Detector(places, normal(pool, recipe)), run.wanted.spec).eval()
    whole.side = _usual(run, whole)
    return Learned(whole=whole, curves=(), recipe=recipe)


def _usual(run: Prepared, whole: Whole) -> nn.Linear | None:
    """How far off normal pictures usually are by what is known beside them: of the logarithm of their distance.

    Counted on the groups that were set apart for it: pictures that were read are too near to what was made of them.

    Raises:
        DataError: too few of them were set apart.
    """
    if not run.columns:
        return None
    apart = _apart(run)
    kept = [row for row in _normal(run).values() if run.survey.rows[row].group in apart]
    if len(kept) < _LEAST_USUAL:
        raise DataError(
            f"a fifth of the normal pictures to learn from is {len(kept)}, too few to tell what attributes change (at "
            f"least {_LEAST_USUAL}): add normal pictures of more groups, or leave out attributes"
        )
    distances = [float(whole(torch.from_numpy(run.survey.pixels[row][np.newaxis].copy()))[0, 0]) for row in kept]
    far = np.log(np.maximum(distances, 1e-9)).astype(np.float32)
    facts = table_of(run.columns, [run.survey.rows[row] for row in kept])
    (head,) = fit_heads(facts, far[:, None], link="identity", outputs=1, strengths=(_PULL,))
    return side_of(head.weights)


def _apart(run: Prepared) -> frozenset[str]:
    """Every fifth group of the normal pictures to learn from, where attributes are learned from too; else none."""
    groups = {run.survey.rows[row].group for row in _normal(run).values()} if run.columns else set()
    ranked = sorted(groups, key=lambda one: hashlib.sha256(one.encode("utf-8", "surrogatepass")).digest())
    return frozenset(ranked[::_FIFTH])


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


def _normal(run: Prepared) -> dict[str, int]:
    """Normal pictures of the part ``train``: rows of the survey by digests of squares; of alike ones the last."""
    return {
        row.digest: number
        for number, (row, part) in enumerate(zip(run.survey.rows, run.parts, strict=True))
        if part == "train" and row.target == NORMAL
    }


def _to_learn(run: Prepared) -> dict[str, int]:
    """Those that are read."""
    apart = _apart(run)
    rows = {digest: row for digest, row in _normal(run).items() if run.survey.rows[row].group not in apart}
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
