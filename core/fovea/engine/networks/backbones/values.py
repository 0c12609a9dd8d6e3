"""What is said of a backbone, and what each library that has some offers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn

PREFIX = "torchvision:"
STARTER = "starter"
STARTER_NETWORK = PREFIX + "mobilenet_v3_small"
"""The network that ``starter`` is, with weights of our own."""
UNKNOWN_LICENCE = "that of the file given; not known to this program"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backbone:
    """A backbone that there is.

    Args:
        name: as a recipe names it.
        parameters: how many numbers it holds, with ImageNet's 1000 outputs; None where nobody has counted them.
        file: file name of its first weights: ImageNet's, or our own; empty where none come with it.
        on_disk: whether that file lies here already.
        licence: of the weights, as far as it is known.
    """

    name: str
    parameters: int | None
    file: str
    on_disk: bool
    licence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a network's first weights came from, and their licence as far as it is known."""

    source: str
    licence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefers:
    """What the pictures were like that a backbone's first weights were learned from.

    Args:
        mean: subtracted from RGB values in [0, 1].
        std: what they are divided by then.
        size: side of the square in pixels.
    """

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    size: int


class Library(Protocol):
    """A library of backbones: a module with these functions, each of which takes names without the prefix."""

    def listed(self) -> Iterator[Backbone]:
        """Its backbones; what has to be counted first has None parameters."""

    def make(self, bare: str, size: int) -> nn.Module:
        """The network with an end of 1000 outputs, for pictures of that size. Raises UnknownName, UsageError."""

    def fitting(self, network: nn.Module, bare: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """The tensors of a file under the names that this network has for them."""

    def pretrained(self, network: nn.Module, bare: str) -> tuple[dict[str, Tensor], str, Origin]:
        """The weights that come with it, their file, and their origin. Raises WeightsMissing, UsageError."""

    def prefers(self, bare: str) -> Prefers | None:
        """What those weights were learned from; None where it is not known."""
