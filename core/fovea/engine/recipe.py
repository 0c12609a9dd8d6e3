"""Every setting of one training, frozen; ``auto`` where a person should not need to know.

What ``auto`` became is written into the run: a resolved recipe holds no ``auto`` and repeats the run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from fovea.errors import UsageError
from fovea.plugin import Kind, Preprocess

Auto = Literal["auto"]
_STRONGEST = 1e6
_MINUTES = {"s": 1 / 60, "m": 1.0, "h": 60.0}
_LEAST_TRAIN = 0.2
_LEAST_COUNTED = 16
_FRESH = ("none", "starter")
_ROOM = ((128, 48 * 2**30), (64, 16 * 2**30))
"""Batches for so much free memory of a GPU, in bytes, with room to spare for most networks at 224 pixels; the loop
halves what does not fit."""


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
        description="first weights: imagenet (starter for the backbone starter, own for hf:FOLDER), none, or the path "
        "of a weights file",
    )
    mode: Literal["full", "probe", "auto"] = Field(
        default="full",
        description="full: the whole network learns; probe: the backbone stays as it is and a grid of heads is fitted "
        "on its features; auto: a probe first, then as much of full as the budget allows, and what wins on validation",
    )
    budget: float = Field(default=10.0, gt=0, description="minutes of mode auto, or a time such as 90s, 10m or 2h")
    strengths: tuple[float, ...] = Field(
        default=(1.0, 0.1, 0.01, 1e-3, 1e-4), min_length=1, description="L2 penalties that a probe tries"
    )
    views: int = Field(default=0, ge=0, le=64, description="changed copies of each picture that a probe learns from")
    size: Annotated[int, Field(ge=32, le=1024)] | Auto = Field(
        default="auto", description="side of the network's square in pixels"
    )
    epochs: Annotated[int, Field(ge=1, le=10_000)] | Auto = Field(
        default="auto", description="passes over the training pictures"
    )
    batch_size: Annotated[int, Field(ge=2, le=4096)] | Auto = Field(
        default="auto", description="pictures a batch; auto: 32 on a CPU, 32 to 128 by the free memory of a GPU"
    )
    accumulate: int = Field(default=1, ge=1, le=1024, description="batches a step; their gradients are added up")
    optimizer: Literal["sgd", "adam", "adamw"] = Field(default="adamw", description="how a gradient becomes a step")
    lr: Annotated[float, Field(gt=0, le=10)] | Literal["auto", "find"] = Field(
        default="auto", description="highest learning rate; find: a range test on these pictures chooses it first"
    )
    momentum: float = Field(default=0.9, ge=0, lt=1, description="of sgd (Nesterov); unused otherwise")
    weight_decay: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="L2 penalty (sgd, adam) or decoupled decay (adamw); never on norms and biases",
    )
    l1: float = Field(default=0.0, ge=0, le=1, description="L1 penalty; never on norms and biases")
    schedule: Literal["cosine", "constant", "step", "plateau", "one_cycle"] = Field(
        default="cosine", description="learning rate over the run"
    )
    warmup: float = Field(
        default=0.1, ge=0, le=0.5, description="share of the steps in which the rate rises; one_cycle has its own"
    )
    layer_decay: float = Field(
        default=1.0, gt=0, le=1, description="rate of each depth of the network as a share of the next deeper one's"
    )
    unfreeze: Annotated[int, Field(ge=1)] | Literal["all", "gradual"] = Field(
        default="all",
        description="all: every depth learns from the start; gradual: the head first, then one depth more at a time "
        "until half the run; a number: one depth more after so many epochs",
    )
    batch_stats: Literal["auto", "learn", "frozen"] = Field(
        default="auto",
        description="mean and variance of batch normalisation: learn follows the batches, frozen keeps those of the "
        "first weights; auto: frozen where there are first weights and a batch is too small to count on (under 16)",
    )
    ema: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="share that stays of the running mean of weights, such as 0.99, which is then validated and kept; "
        "0: no mean",
    )
    mixup: float = Field(default=0.0, ge=0, le=10, description="blends pictures in pairs by Beta(x, x); 0 never")
    cutmix: float = Field(
        default=0.0, ge=0, le=10, description="pastes a piece of one picture into another by Beta(x, x); 0 never"
    )
    clip: float = Field(default=1.0, ge=0, description="largest norm of a step's gradient; 0 never clips")
    label_smoothing: float = Field(default=0.05, ge=0, lt=1, description="share of certainty taken from each label")
    class_balance: Literal["none", "weights", "effective", "sampler"] = Field(
        default="weights",
        description="rare classes count more: by their pictures (weights) or by the effective number of them "
        "(effective, classify); or come more often (sampler)",
    )
    worst_group: str = Field(
        default="",
        description="the group of pictures that is learned worst counts most: an attribute, label for the class, or "
        "several joined by +, such as camera+label; empty: all count alike",
    )
    dropout: float = Field(default=0.2, ge=0, lt=1, description="share of features left out before the head")
    augment: bool = Field(default=True, description="change training pictures as the domain allows")
    patience: int = Field(
        default=12, ge=0, description="epochs without a better validation before stopping; 0 never stops"
    )
    monitor: Literal["loss", "balanced_accuracy", "average_precision", "r2", "miou"] = Field(
        default="loss",
        description="validation figure that chooses the epoch: loss, or balanced_accuracy (classify), "
        "average_precision (multilabel), r2 (regress), miou (segment)",
    )
    loss: Literal[
        "auto", "cross_entropy", "bce", "focal", "asymmetric", "mse", "huber", "cross_entropy_dice", "none"
    ] = Field(
        default="auto",
        description="what is made small: cross_entropy or focal (classify); bce, focal or asymmetric (multilabel); "
        "huber or mse (regress); cross_entropy_dice or cross_entropy (segment); none (anomaly); "
        "auto: the first of each",
    )
    operate_at: Annotated[float, Field(gt=0, le=1)] | Literal["f1"] = Field(
        default="f1",
        description="where an alarm (classify, see positive) or a label (multilabel) is said from: the probability of "
        "the greatest F1, or of at least this recall",
    )
    positive: str = Field(
        default="",
        description="classify: labels that raise an alarm, with commas between; empty: the most probable label is said",
    )
    alarms: float | None = Field(
        default=None, gt=0, lt=100, description="false alarms that are allowed in 100 pictures, instead of operate_at"
    )
    coverage: float = Field(
        default=0.9,
        gt=0,
        lt=1,
        description="share of cases in which the true label is among those not ruled out (classify, multilabel), or "
        "the true value inside the interval told (regress)",
    )
    review: float = Field(
        default=0.0, ge=0, lt=1, description="classify: share of the pictures that a person can look at; 0: nobody"
    )
    familiar: float = Field(
        default=0.95,
        ge=0,
        lt=1,
        description="share of pictures like those learned from that must not be called unknown; 0 calls none so",
    )
    precision: Literal["auto", "bf16", "fp32"] = Field(default="auto", description="of the training's products")
    channels_last: bool = Field(default=True, description="memory layout that convolutions are faster in")
    compiled: bool = Field(
        default=False, description="torch.compile for the steps of a training: minutes first, then quicker on a GPU"
    )
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="where to train")
    threads: Annotated[int, Field(ge=1, le=1024)] | Auto = Field(
        default="auto", description="CPU threads; auto: the cores that are free"
    )
    seed: int = Field(default=0, ge=0, lt=2**31, description="of the split, the order and every random draw")
    validation: float = Field(default=0.12, ge=0, le=0.5, description="share of pictures that choose the epoch")
    calibration: float = Field(
        default=0.08, ge=0, le=0.5, description="share of pictures that calibrate the probabilities"
    )
    test: float = Field(default=0.2, gt=0, le=0.5, description="share of pictures opened once, for the figures")
    split: str = Field(
        default="",
        description="path of a table (CSV) that says which picture or group is in which part; what it leaves out is "
        "split as usual",
    )
    normality: Literal["memory", "gaussian"] = Field(
        default="memory",
        description="anomaly: what normal is, a memory of patches (memory), or for a camera that stands still a "
        "Gaussian at each place (gaussian)",
    )
    memory: int = Field(default=4096, ge=16, le=100_000, description="anomaly: patches that the memory holds at most")
    dimensions: int = Field(default=128, ge=2, le=1024, description="anomaly: features of a patch")
    false_alarms: float = Field(
        default=0.05, gt=0, lt=1, description="anomaly: share of normal pictures that may be called anomalies"
    )
    attributes: tuple[str, ...] = Field(
        default=(),
        description="what is known of a picture and learned from beside it, such as age or camera: numbers or "
        "categories, which may be missing",
    )
    leave_out: tuple[str, ...] = Field(default=(), description="labels whose pictures are not used")
    audit: bool = Field(default=True, description="look for pictures that come twice, and for what gives answers away")
    leaks: Literal["tell", "group"] = Field(
        default="tell",
        description="pictures that come twice in different groups: tell warns, group makes the groups one first",
    )
    explained: int = Field(
        default=12, ge=0, le=1000, description="test pictures, at most, on which maps of answers are tried; 0: none"
    )
    tensorboard: bool = Field(default=False, description="write the curves for TensorBoard, into the run's folder")

    @field_validator("backbone")
    @classmethod
    def _backbone_says_where_it_is_from(cls, name: str) -> str:
        if not re.fullmatch(r"torchvision:[a-z0-9_]+|timm:[A-Za-z0-9_.]+|hf:\S.*|starter", name):
            msg = f"want a network such as torchvision:resnet18, not '{name}'; all are listed by: fovea backbones"
            raise ValueError(msg)
        return name

    @model_validator(mode="before")
    @classmethod
    def _own_weights(cls, given: Any) -> Any:
        """The starter, and a folder of transformers, begin with weights of their own unless told otherwise."""
        backbone = str(given.get("backbone")) if isinstance(given, dict) else ""
        if backbone.startswith("hf:"):
            return {"weights": "own" if "/" in backbone else "none", **given}
        return {"weights": "starter", **given} if backbone == "starter" else given

    @field_validator("attributes", "leave_out", "strengths", mode="before")
    @classmethod
    def _lists_have_commas(cls, given: Any) -> Any:
        return tuple(part.strip() for part in given.split(",") if part.strip()) if isinstance(given, str) else given

    @field_validator("budget", mode="before")
    @classmethod
    def _budget_is_a_time(cls, given: Any) -> Any:
        found = re.fullmatch(r"([0-9.]+) ?([smh])", given.strip()) if isinstance(given, str) else None
        return f"{float(found[1]) * _MINUTES[found[2]]}" if found else given

    @field_validator("strengths")
    @classmethod
    def _strengths_hold_back(cls, strengths: tuple[float, ...]) -> tuple[float, ...]:
        if not all(0 < one <= _STRONGEST for one in strengths):
            msg = f"want numbers above 0 and at most {_STRONGEST:g}"
            raise ValueError(msg)
        return tuple(sorted(strengths, reverse=True))

    @model_validator(mode="after")
    def _weights_that_there_are(self) -> Self:
        if self.backbone == "starter" and self.weights == "imagenet":
            msg = "the backbone starter has no weights imagenet: choose weights starter, none, or a weights file"
            raise ValueError(msg)
        if self.backbone != "starter" and self.weights == "starter":
            msg = "the weights starter belong to the backbone starter: choose that one too"
            raise ValueError(msg)
        if self.weights == ("imagenet" if self.backbone.startswith("hf:") else "own"):
            msg = "weights own are those of a backbone hf:FOLDER, which has none imagenet: choose the other, or none"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _enough_to_learn_from(self) -> Self:
        if 1 - self.validation - self.calibration - self.test < _LEAST_TRAIN:
            msg = f"validation, calibration and test leave less than {_LEAST_TRAIN:.0%} of the pictures to learn from"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _settings_that_go_together(self) -> Self:
        if self.worst_group and (self.mixup or self.cutmix):
            msg = "worst_group counts pictures by their group, and a mixed one has two: leave out mixup and cutmix"
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
        memory: of the GPU that is free, in bytes; 0 on a CPU.
    """

    device: str
    native_bf16: bool
    free_cores: int
    memory: int = 0


LOSSES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "classify": ("cross_entropy", "focal"),
        "multilabel": ("bce", "focal", "asymmetric"),
        "regress": ("huber", "mse"),
        "anomaly": ("none",),
        "segment": ("cross_entropy_dice", "cross_entropy"),
    }
)
"""By kind of task, the one that ``auto`` stands for first."""

_MONITORS = MappingProxyType(
    {
        "classify": "balanced_accuracy",
        "multilabel": "average_precision",
        "regress": "r2",
        "anomaly": "loss",
        "segment": "miou",
    }
)


def resolve(recipe: Recipe, preprocess: Preprocess, machine: Machine, kind: Kind = "classify") -> Recipe:
    """The recipe without ``auto``.

    A backbone that starts from nothing, or from drawn pictures only, needs more passes than one that has seen ImageNet,
    and gains nothing from more than 128 pixels on some hundred pictures. Rates are for steps of 32 pictures and grow
    with their square root (adam, adamw) or with their number (sgd: Goyal et al., 2017, arXiv 1706.02677). Batch
    statistics counted on fewer than 16 pictures cost accuracy (Wu and He, 2018, arXiv 1803.08494, figure 1), so that
    those of first weights are kept there.

    Args:
        recipe: as asked for.
        preprocess: the task's own, for the size.
        machine: that it will run on.
        kind: of the task.

    Raises:
        UsageError: the loss or the monitor is none for this kind of task.
    """
    _refuse_misfit(recipe, kind)
    fresh = recipe.weights in _FRESH
    batch = _batch_size(machine) if recipe.batch_size == "auto" else recipe.batch_size
    chosen = {
        "device": machine.device,
        "threads": machine.free_cores,
        "size": min(preprocess.size, 128) if fresh and kind != "segment" else preprocess.size,
        "batch_size": batch,
        "batch_stats": "frozen" if batch < _LEAST_COUNTED and recipe.weights != "none" else "learn",
        "epochs": 25 if fresh else 12,
        "lr": usual_rate(recipe.model_copy(update={"batch_size": batch})),
        "precision": "bf16" if machine.native_bf16 else "fp32",
        "loss": LOSSES[kind][0],
    }
    if kind == "segment":
        chosen["mode"] = "full"
    return recipe.model_copy(update={name: value for name, value in chosen.items() if getattr(recipe, name) == "auto"})


def usual_rate(recipe: Recipe) -> float:
    """What ``lr=auto`` stands for, of a recipe whose batch is known; see :func:`resolve`."""
    batches = int(recipe.batch_size) * recipe.accumulate / 32
    rates = {"sgd": 0.05 * batches, "adam": 1e-3 * batches**0.5, "adamw": 1e-3 * batches**0.5}
    return float(rates[recipe.optimizer] * (1.0 if recipe.weights in _FRESH else 0.3))


def _batch_size(machine: Machine) -> int:
    """32, which does everywhere; more only where it is sure to fit, since a small set gains nothing from it."""
    return next((batch for batch, least in _ROOM if machine.memory >= least), 32)


def _refuse_misfit(recipe: Recipe, kind: Kind) -> None:
    _refuse_alarm(recipe, kind)
    if recipe.loss not in ("auto", *LOSSES[kind]):
        raise UsageError(f"loss {recipe.loss} is none for a task of kind {kind}: choose {' or '.join(LOSSES[kind])}")
    if recipe.monitor not in ("loss", _MONITORS[kind]):
        raise UsageError(
            f"monitor {recipe.monitor} is none for a task of kind {kind}: choose loss or {_MONITORS[kind]}"
        )
    if recipe.batch_stats == "frozen" and recipe.weights == "none":
        raise UsageError(
            "batch_stats frozen keeps those of the first weights, and there are none: choose some, or learn"
        )
    if recipe.class_balance == "effective" and kind != "classify":
        raise UsageError(f"class_balance effective counts classes, and a task of kind {kind} has none: choose weights")
    if kind == "regress" and recipe.cutmix:
        raise UsageError("a piece of a picture does not say which part of its value it brings: use mixup, not cutmix")
    if kind == "segment" and recipe.mode == "probe":
        raise UsageError("mode probe fits heads on one row of numbers a picture, and areas need maps: choose mode full")
    if kind == "anomaly" and recipe.mode != "full":
        raise UsageError(f"mode {recipe.mode} fits heads, and a task of kind anomaly has none: leave mode full")
    if kind == "regress" and recipe.leave_out:
        raise UsageError("leave_out names labels, and a task of kind regress has none: leave it empty")


def _refuse_alarm(recipe: Recipe, kind: Kind) -> None:
    if kind != "classify" and (recipe.positive or recipe.review):
        raise UsageError(f"positive and review are for a task of kind classify, not {kind}: leave them empty")
    if recipe.alarms is not None and recipe.operate_at != "f1":
        raise UsageError("alarms and operate_at both say where an alarm is said from: choose one of them")
    stated = recipe.alarms is not None or (kind == "classify" and recipe.operate_at != "f1")
    if stated and not recipe.positive:
        raise UsageError("alarms and operate_at need labels that raise an alarm: name them with positive")
