"""What came of learning, whichever mode it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fovea.engine.network import Whole
from fovea.engine.recipe import Recipe
from fovea.serving.readings import Readout


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """A network that has learned.

    Args:
        whole: the network with its best weights.
        curves: figures by name, one mapping an epoch, or one a head of a probe's grid.
        recipe: as it was carried out.
        readout: where the backbone is read, where it was left as it is.
    """

    whole: Whole
    curves: tuple[Mapping[str, float], ...]
    recipe: Recipe
    readout: Readout | None = None
