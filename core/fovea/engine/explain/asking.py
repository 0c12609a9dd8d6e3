"""A model that can be asked why, and what it is asked about a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from fovea.engine.explain.attention import ATTENTIONS, attends, attention_maps
from fovea.engine.explain.maps import CAMS, Asked, cams
from fovea.engine.explain.rivals import unlearned
from fovea.engine.network import Whole, rebuild
from fovea.engine.networks.depths import inside
from fovea.errors import UnknownName, UsageError
from fovea.serving.answers import answers, labels_said
from fovea.serving.bundle import Bundle
from fovea.serving.certainty import chosen
from fovea.serving.fusion import Attributes, fused
from fovea.serving.network import Network

METHODS = ("auto", *CAMS, *ATTENTIONS)
"""``auto``: ``attribution`` for a transformer whose attention can be read, ``hirescam`` otherwise."""
EXPLAINED = ("classify", "multilabel", "regress")
"""Kinds of task whose answers are no maps themselves."""
_DEPTHS = 4

Squares = NDArray[np.uint8]
Run: TypeAlias = Callable[[Squares, Sequence[Attributes]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model that can be asked why.

    Args:
        bundle: how its outputs are read.
        whole: the same network in torch, for gradients.
        drawn: the same with weights as they were before any learning.
        run: squares, and the attributes of each, to logits (n, outputs), as served.
        method: one of :data:`METHODS` but ``auto``.
        stages: the depths of which the most faithful map is taken; unused by attention.
    """

    bundle: Bundle
    whole: Whole
    drawn: Whole
    run: Run
    method: str
    stages: tuple[str, ...]

    def say(self, squares: Squares, beside: Sequence[Attributes]) -> NDArray[np.float64]:
        """What it says of squares with these attributes, (n, outputs): probabilities, or values."""
        return answers(self.bundle, self.run(np.ascontiguousarray(squares), beside)).astype(np.float64)

    def deviation(self, output: int) -> float:
        """The unit that what it says is counted in: 1 for probabilities."""
        scale = self.bundle.scale
        return 1.0 if scale is None else scale.deviations[output]

    def maps(self, whole: Whole, asked: Asked) -> dict[str, NDArray[np.float32]]:
        """Maps (n, size, size) by how they were made, by this network or by another of its shape."""
        if self.method in ATTENTIONS:
            return {self.method: attention_maps(whole, asked, method=self.method)}
        found = cams(whole, asked, method=self.method, stages=self.stages)
        return {f"{self.method} at {stage}": maps for stage, maps in found.items()}


def model_of(bundle: Bundle, method: str = "auto") -> Model:
    """A written bundle's model.

    Raises:
        UsageError: its answers are maps already.
        UnknownName: there is no such method, or none such for its network.
        BundleRefused: its weights are not those of the network that it names.
    """
    check_kind(bundle)
    network = Network(bundle, precision="fp32")
    return make_model(bundle, rebuild(bundle), network.run, method)


def make_model(bundle: Bundle, whole: Whole, run: Run | None = None, method: str = "auto") -> Model:
    """A model of a network in torch; without ``run`` the same network gives the answers too.

    Raises:
        UsageError, UnknownName: see :func:`model_of`.
    """
    check_kind(bundle)
    whole = whole.eval()
    looking = attends(whole.network)
    there = METHODS if looking else tuple(one for one in METHODS if one not in ATTENTIONS)
    if method not in there:
        raise UnknownName("way to explain this network", method, there)
    if method == "auto":
        method = "attribution" if looking else "hirescam"
    stages = () if method in ATTENTIONS else inside(whole.network, bundle.preprocess.size).stages[-_DEPTHS:]
    return Model(
        bundle=bundle,
        whole=whole,
        drawn=unlearned(whole),
        run=run or _in_torch(bundle, whole),
        method=method,
        stages=stages,
    )


def check_kind(bundle: Bundle) -> None:
    """Refuse a model whose answers are maps already, with a UsageError."""
    if bundle.kind not in EXPLAINED:
        raise UsageError(
            f"the model {bundle.name} needs no explanation: a task of kind {bundle.kind} answers with a map of its own"
        )


def outputs_asked(model: Model, said: NDArray[np.float64], labels: Sequence[Sequence[str]] | None) -> list[list[int]]:
    """Which outputs are to be explained, a list a picture.

    Args:
        model: whose labels they are.
        said: what it says, (n, outputs).
        labels: those wanted, a sequence a picture; None: what the model says (the best label, each label that has
            reached its operating point, every value).

    Raises:
        UnknownName: the model knows no such label.
        UsageError: not one sequence a picture.
    """
    bundle = model.bundle
    if labels is None:
        if bundle.kind == "classify":
            return [[best] for best in chosen(bundle, said).tolist()]
        if bundle.kind == "regress":
            return [list(range(len(bundle.labels)))] * len(said)
        labels = [labels_said(bundle, row.tolist()) for row in said]
    if len(labels) != len(said):
        raise UsageError(f"labels are wanted for {len(labels)} pictures and there are {len(said)}: give one list each")
    strange = next((one for row in labels for one in row if one not in bundle.labels), None)
    if strange is not None:
        raise UnknownName(f"label of the model {bundle.name}", strange, bundle.labels)
    return [[bundle.labels.index(one) for one in row] for row in labels]


def _in_torch(bundle: Bundle, whole: Whole) -> Run:
    @torch.no_grad()
    def run(squares: Squares, beside: Sequence[Attributes]) -> NDArray[np.float32]:
        logits = np.asarray(whole(torch.from_numpy(np.ascontiguousarray(squares))).float().numpy(), np.float32)
        return logits if bundle.fusion is None else fused(bundle.fusion, bundle.kind, logits, beside)

    return run
