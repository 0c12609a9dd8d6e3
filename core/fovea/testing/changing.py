"""Augmentations: reduced to a seed, and never of another type or size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from fovea.errors import FoveaError
from fovea.plugin import Augment, Image, Pixels, Sample
from fovea.registry.guard import blamed
from fovea.serving.preprocess import preprocess
from fovea.testing.looking import first_look
from fovea.testing.same import same_array
from fovea.testing.subject import Found, Subject, sources_of

SIZES = (64, 224)
"""Sides of the squares that are changed, in pixels."""

SEEDS = range(16)
"""Enough that a mirroring with a chance of one half is hardly ever the same for all of them."""


def check_augmentations(subject: Subject, samples: Sequence[Sample]) -> Found:
    """For each role and size: the same seed gives the same picture, other seeds others, all of one type and size."""
    image = next(_pictures(subject, samples), None)
    if image is None:
        return
    for role, task in subject.domain.info.tasks.items():
        for size in SIZES:
            spec = task.preprocess
            square: Any = preprocess(image, type(spec)(size=size, fit=spec.fit))
            try:
                yield from _of_role(subject, role, square)
            except FoveaError as error:
                yield f"{error} (role {role}, size {size})"


def _pictures(subject: Subject, samples: Sequence[Sample]) -> Iterator[Image]:
    for parts in sources_of(samples):
        try:
            image = first_look(subject, parts[0]).image
        except FoveaError:
            continue  # told by its own step
        if image is not None:
            yield image


def _of_role(subject: Subject, role: str, square: Pixels) -> Found:
    size = square.shape[0]
    where = f"role {role}, size {size}"
    one, other = (subject.domain.augmentations(role=role, size=size) for _ in range(2))
    answers = []
    for seed in SEEDS:
        with blamed(subject.domain.info, "augmentations"):
            first, again = _changed(one, square, seed), _changed(other, square, seed)
        if getattr(first, "shape", None) != square.shape or first.dtype != square.dtype:
            yield f"answered another type or size than {square.dtype} {square.shape} ({where})"
            return
        if not same_array(first, again):
            yield f"the same seed gave two pictures ({where}); draw all that is random from the seed"
            return
        answers.append(first)
    alike = sum(same_array(answers[0], answer) for answer in answers)
    if alike == len(answers) and not same_array(answers[0], square):
        yield f"every seed gave the same changed picture ({where}); draw what changes from the seed"


def _changed(augment: Augment, square: Pixels, seed: int) -> Any:
    return augment(square.copy(), seed=seed)[0]
