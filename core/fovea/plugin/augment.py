"""Augmentations as plain data, built into albumentations only where training needs them.

``import albumentations`` alone loads torch (572 MB), so a plugin names transforms instead of making them. Names
and arguments are albumentations' own; the spelling is checked when the pipeline is built.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fovea.plugin.values import Pixels


class Augment(Protocol):
    """A random change of a training picture, reduced to a seed so that a run can be repeated.

    The same pixels and seed give the same answer in every process. ``mask`` has the pixels' height and width and
    moves with them. Pixels are uint8 or float32 in [0, 1], and the answer has the same type and size.
    """

    def __call__(
        self, pixels: Pixels, *, seed: int, mask: NDArray[Any] | None = None
    ) -> tuple[Pixels, NDArray[Any] | None]:
        """The changed pixels, and the mask moved with them."""
        ...


Transform: TypeAlias = tuple[str, Mapping[str, object]]


@dataclass(slots=True)
class _Albumentations:
    transforms: tuple[Transform, ...]
    _built: Any = field(default=None, repr=False, compare=False)

    def __call__(
        self, pixels: Pixels, *, seed: int, mask: NDArray[Any] | None = None
    ) -> tuple[Pixels, NDArray[Any] | None]:
        if not self.transforms:
            return pixels, mask
        if self._built is None:
            self._built = self._build()
        self._built.set_random_seed(seed)
        if mask is None:
            return self._built(image=pixels)["image"], None
        done = self._built(image=pixels, mask=mask)
        return done["image"], done["mask"]

    def __getstate__(self) -> tuple[Transform, ...]:
        return self.transforms

    def __setstate__(self, state: tuple[Transform, ...]) -> None:
        self.transforms, self._built = state, None

    def __str__(self) -> str:
        return json.dumps(self.transforms, default=str)

    def _build(self) -> Any:
        import albumentations as library

        unknown = [name for name, _ in self.transforms if not hasattr(library, name)]
        if unknown:
            msg = f"albumentations has no transform named {', '.join(unknown)}"
            raise ValueError(msg)
        return library.Compose([getattr(library, name)(**arguments) for name, arguments in self.transforms])


def albumentations(transforms: Sequence[Transform]) -> Augment:
    """An :class:`Augment` from albumentations' transforms by name, built on first use in each process.

    >>> print(albumentations([("HorizontalFlip", {"p": 0.5})]))
    [["HorizontalFlip", {"p": 0.5}]]

    Raises:
        ValueError: on first use, where albumentations knows no transform of that name.
    """
    return _Albumentations(tuple((name, dict(arguments)) for name, arguments in transforms))
