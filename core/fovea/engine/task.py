"""What a task file offers: every task of the engine is a module of this one shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from torch import Tensor, nn

from fovea.errors import UsageError


class Task(Protocol):
    """A task: targets in, head, loss, figures."""

    def read_labels(self, targets: Sequence[Any]) -> tuple[str, ...]:
        """The labels in the order of the outputs; DataError where nothing can be learned."""

    def encode(self, targets: Sequence[Any], labels: Sequence[str]) -> Any:
        """Targets as an array that :meth:`loss` takes."""

    def head(self, features: int, outputs: int, dropout: float) -> nn.Module:
        """The new end of the network: (n, features) to (n, outputs)."""

    def loss(self, logits: Tensor, targets: Tensor, *, weights: Tensor | None, smoothing: float) -> Tensor:
        """What the training makes small: one number."""

    def score(self, logits: Tensor, targets: Tensor) -> Mapping[str, float]:
        """Figures on validation pictures: ``loss``, and others where more is better."""


def task_of(kind: str) -> Task:
    """The task of a kind.

    Raises:
        UsageError: the engine does not train that kind.
    """
    if kind != "classify":
        raise UsageError(f"the engine cannot train a task of kind '{kind}' (it can: classify)")
    from fovea.engine import classify

    return classify
