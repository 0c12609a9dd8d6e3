"""What a task file offers: every task of the engine is a module of this one shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from fovea.errors import UsageError
from fovea.serving.readings import Scale


class Task(Protocol):
    """A task: targets in, head, loss, figures."""

    def read_labels(self, targets: Sequence[Any], name: str) -> tuple[str, ...]:
        """The labels in the order of the outputs; DataError where nothing can be learned. ``name``: the target's."""

    def scale_of(self, targets: Sequence[Any], labels: Sequence[str]) -> Scale | None:
        """The unit that the targets learned from are counted in, None where they have none."""

    def encode(self, targets: Sequence[Any], labels: Sequence[str], scale: Scale | None = None) -> Any:
        """Targets as an array that :meth:`loss` takes, one row each."""

    def head(self, features: int, outputs: int, dropout: float) -> nn.Module:
        """The new end of the network: (n, features) to (n, outputs)."""

    def weights(self, targets: NDArray[Any]) -> NDArray[np.float32] | None:
        """What :meth:`loss` takes as ``weights`` for these encoded targets, None where there is none."""

    def shares(self, targets: NDArray[Any]) -> NDArray[np.float64] | None:
        """How often each of these encoded targets should come, relative to the others; None: alike."""

    def loss(self, logits: Tensor, targets: Tensor, *, name: str, weights: Tensor | None, smoothing: float) -> Tensor:
        """What the training makes small: one number. ``name``: the recipe's ``loss``."""

    def score(self, logits: Tensor, targets: Tensor, *, name: str, weights: Tensor | None) -> Mapping[str, float]:
        """Figures on validation pictures: ``loss``, and others where more is better."""


def task_of(kind: str) -> Task:
    """The task of a kind.

    Raises:
        UsageError: the engine does not train that kind.
    """
    from fovea.engine.tasks import anomaly, classify, multilabel, regress, segment

    tasks: Mapping[str, Task] = {
        "classify": classify,
        "multilabel": multilabel,
        "regress": regress,
        "anomaly": anomaly,
        "segment": segment,
    }
    if kind not in tasks:
        raise UsageError(f"the engine cannot train a task of kind '{kind}' (it can: {', '.join(tasks)})")
    return tasks[kind]
