"""Every setting of one training, frozen; ``auto`` where a person should not need to know.

What ``auto`` became is written into the run: a resolved recipe holds no ``auto`` and repeats the run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from fovea.errors import UsageError
from fovea.plugin import Kind, Preprocess

Auto = Literal["auto"]
_LEAST_TRAIN = 0.2


class Recipe(BaseModel):
    """Every setting of one training."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    backbone: str = Field(
        default="torchvision:resnet18",
        description="network to learn with, such as torchvision:resnet18; starter needs no download",
    )
    weights: str = Field(
        default="imagenet",
        min_length=1,
        description="first weights: imagenet (starter for the backbone starter), none, or the path of a weights file",
    )
    freeze: Literal["none", "backbone"] = Field(default="none", description="backbone: only the new head learns")
    size: int | Auto = Field(default="auto", ge=32, le=1024, description="side of the network's square in pixels")
    epochs: int | Auto = Field(default="auto", ge=1, le=10_000, description="passes over the training pictures")
    batch_size: int = Field(default=32, ge=2, le=4096, description="pictures a step")
    optimizer: Literal["sgd", "adam", "adamw"] = Field(default="adamw", description="how a gradient becomes a step")
    lr: float | Auto = Field(default="auto", gt=0, le=10, description="highest learning rate")
    momentum: float = Field(default=0.9, ge=0, lt=1, description="of sgd (Nesterov); unused otherwise")
    weight_decay: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="L2 penalty (sgd, adam) or decoupled decay (adamw); never on norms and biases",
    )
    schedule: Literal["cosine", "constant"] = Field(default="cosine", description="learning rate over the run")
    warmup: float = Field(default=0.1, ge=0, le=0.5, description="share of the steps in which the rate rises")
    clip: float = Field(default=1.0, ge=0, description="largest norm of a step's gradient; 0 never clips")
    label_smoothing: float = Field(default=0.05, ge=0, lt=1, description="share of certainty taken from each label")
    class_balance: Literal["none", "weights", "sampler"] = Field(
        default="weights", description="rare classes count more (weights) or come more often (sampler)"
    )
    dropout: float = Field(default=0.2, ge=0, lt=1, description="share of features left out before the head")
    augment: bool = Field(default=True, description="change training pictures as the domain allows")
    patience: int = Field(
        default=12, ge=0, description="epochs without a better validation before stopping; 0 never stops"
    )
    monitor: Literal["loss", "balanced_accuracy", "average_precision", "r2"] = Field(
        default="loss",
        description="validation figure that chooses the epoch: loss, or balanced_accuracy (classify), "
        "average_precision (multilabel), r2 (regress)",
    )
    loss: Literal["auto", "cross_entropy", "bce", "focal", "asymmetric", "mse", "huber"] = Field(
        default="auto",
        description="what is made small: cross_entropy (classify); bce, focal or asymmetric (multilabel); "
        "huber or mse (regress); auto: the first of each",
    )
    operate_at: float | Literal["f1"] = Field(
        default="f1",
        gt=0,
        le=1,
        description="multilabel: a label is said from the probability of the greatest F1, or of at least this recall",
    )
    precision: Literal["auto", "bf16", "fp32"] = Field(default="auto", description="of the training's products")
    channels_last: bool = Field(default=True, description="memory layout that convolutions are faster in")
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="where to train")
    threads: int | Auto = Field(default="auto", ge=1, le=1024, description="CPU threads; auto: the cores that are free")
    seed: int = Field(default=0, ge=0, lt=2**31, description="of the split, the order and every random draw")
    validation: float = Field(default=0.12, ge=0, le=0.5, description="share of pictures that choose the epoch")
    calibration: float = Field(
        default=0.08, ge=0, le=0.5, description="share of pictures that calibrate the probabilities"
    )
    test: float = Field(default=0.2, gt=0, le=0.5, description="share of pictures opened once, for the figures")
    leave_out: tuple[str, ...] = Field(default=(), description="labels whose pictures are not used")

    @field_validator("backbone")
    @classmethod
    def _backbone_says_where_it_is_from(cls, name: str) -> str:
        if not re.fullmatch(r"torchvision:[a-z0-9_]+|starter", name):
            msg = f"want a network such as torchvision:resnet18, not '{name}'; all are listed by: fovea backbones"
            raise ValueError(msg)
        return name

    @model_validator(mode="before")
    @classmethod
    def _own_weights(cls, given: Any) -> Any:
        """The starter begins with weights of its own unless told otherwise."""
        is_starter = isinstance(given, dict) and given.get("backbone") == "starter"
        return {"weights": "starter", **given} if is_starter else given

    @model_validator(mode="after")
    def _weights_that_there_are(self) -> Self:
        if self.backbone == "starter" and self.weights == "imagenet":
            msg = "the backbone starter has no weights imagenet: choose weights starter, none, or a weights file"
            raise ValueError(msg)
        if self.backbone != "starter" and self.weights == "starter":
            msg = "the weights starter belong to the backbone starter: choose that one too"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _enough_to_learn_from(self) -> Self:
        if 1 - self.validation - self.calibration - self.test < _LEAST_TRAIN:
            msg = f"validation, calibration and test leave less than {_LEAST_TRAIN:.0%} of the pictures to learn from"
            raise ValueError(msg)
        return self

    @property
    def fractions(self) -> dict[str, float]:
        """Share of the pictures by part of the split."""
        held = {"validation": self.validation, "calibration": self.calibration, "test": self.test}
        return {"train": 1 - sum(held.values()), **held}


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What a training can be run on.

    Args:
        device: ``cpu`` or ``cuda``.
        native_bf16: whether it computes bf16 products natively.
        free_cores: CPU cores that nothing else is busy on.
    """

    device: str
    native_bf16: bool
    free_cores: int


LOSSES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"classify": ("cross_entropy",), "multilabel": ("bce", "focal", "asymmetric"), "regress": ("huber", "mse")}
)
"""By kind of task, the one that ``auto`` stands for first."""

_MONITORS = MappingProxyType({"classify": "balanced_accuracy", "multilabel": "average_precision", "regress": "r2"})


def resolve(recipe: Recipe, preprocess: Preprocess, machine: Machine, kind: Kind = "classify") -> Recipe:
    """The recipe without ``auto``.

    A backbone that starts from nothing, or from drawn pictures only, needs more passes than one that has seen ImageNet,
    and gains nothing from more than 128 pixels on some hundred pictures. Rates are for batches of 32 and grow with the
    square root of the batch (adam, adamw) or with the batch (sgd: Goyal et al., 2017, arXiv 1706.02677).

    Args:
        recipe: as asked for.
        preprocess: the task's own, for the size.
        machine: that it will run on.
        kind: of the task.

    Raises:
        UsageError: the loss or the monitor is none for this kind of task.
    """
    _refuse_misfit(recipe, kind)
    fresh = recipe.weights in ("none", "starter")
    batches = recipe.batch_size / 32
    rates = {"sgd": 0.05 * batches, "adam": 1e-3 * batches**0.5, "adamw": 1e-3 * batches**0.5}
    chosen = {
        "device": machine.device,
        "threads": machine.free_cores,
        "size": min(preprocess.size, 128) if fresh else preprocess.size,
        "epochs": 25 if fresh else 12,
        "lr": rates[recipe.optimizer] * (1.0 if fresh or recipe.freeze == "backbone" else 0.3),
        "precision": "bf16" if machine.native_bf16 else "fp32",
        "loss": LOSSES[kind][0],
    }
    return recipe.model_copy(update={name: value for name, value in chosen.items() if getattr(recipe, name) == "auto"})


def _refuse_misfit(recipe: Recipe, kind: Kind) -> None:
    if recipe.loss not in ("auto", *LOSSES[kind]):
        raise UsageError(f"loss {recipe.loss} is none for a task of kind {kind}: choose {' or '.join(LOSSES[kind])}")
    if recipe.monitor not in ("loss", _MONITORS[kind]):
        raise UsageError(
            f"monitor {recipe.monitor} is none for a task of kind {kind}: choose loss or {_MONITORS[kind]}"
        )
    if kind == "regress" and recipe.leave_out:
        raise UsageError("leave_out names labels, and a task of kind regress has none: leave it empty")
