"""Explanations of single answers, each through the gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from fovea.engine.explain.asking import Model, Squares, model_of, outputs_asked
from fovea.engine.explain.gate import Answer, Gate, blurred, scores
from fovea.engine.explain.maps import Asked
from fovea.engine.explain.rivals import plain_rivals, settle
from fovea.engine.explain.values import Explanation
from fovea.errors import UsageError
from fovea.serving.bundle import Bundle
from fovea.serving.fusion import Attributes

UNTRAINED = "an untrained network"
"""The rival that has the same shape and has learned nothing."""
Maps: TypeAlias = "Mapping[str, NDArray[np.float32]]"
Numbers: TypeAlias = "NDArray[np.float64]"
_AT_ONCE = 8


def explain(
    bundle: Bundle,
    squares: Squares,
    labels: Sequence[Sequence[str]] | None = None,
    method: str = "auto",
    *,
    gate: Gate | None = None,
    beside: Sequence[Attributes] | None = None,
) -> tuple[Explanation, ...]:
    """Say where in each picture an answer comes from, and whether that may be believed.

    Args:
        bundle: of a written model.
        squares: preprocessed pictures as the network takes them, uint8 (n, size, size, 3).
        labels: what to explain, a sequence a picture; None: what the model says of it.
        method: one of :data:`fovea.engine.explain.METHODS`.
        gate: how strict to be.
        beside: attributes of each picture, for a model that reads them.

    Returns:
        One explanation for each label of each picture, in order; those that fail the gate are there too, not ``shown``.

    Raises:
        UsageError: the model's answers are maps already, or labels and pictures are not of one number.
        UnknownName: there is no such label, or no such method for this network.
        BundleRefused: its weights are not those of the network that it names.
    """
    return explain_with(model_of(bundle, method), squares, labels, gate=gate, beside=beside)


def explain_with(
    model: Model,
    squares: Squares,
    labels: Sequence[Sequence[str]] | None = None,
    *,
    gate: Gate | None = None,
    beside: Sequence[Attributes] | None = None,
) -> tuple[Explanation, ...]:
    """The same with a model that is at hand; see :func:`explain`."""
    if not len(squares):
        return ()
    if beside is None and model.bundle.fusion is not None:
        raise UsageError(f"the model {model.bundle.name} reads attributes beside its pictures: give those of each")
    known = [{}] * len(squares) if beside is None else beside
    gate, said = gate or Gate(), model.say(squares, known)
    wanted = [(picture, output) for picture, row in enumerate(outputs_asked(model, said, labels)) for output in row]
    found: list[Explanation] = []
    for start in range(0, len(wanted), _AT_ONCE):
        found += _explain_some(model, squares, known, said, wanted[start : start + _AT_ONCE], gate)
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """What is explained of one picture; ``answer`` is higher where the picture speaks more for it."""

    picture: int
    square: Squares
    label: str
    said: float
    of: str
    answer: Answer


def _explain_some(
    model: Model,
    squares: Squares,
    beside: Sequence[Attributes],
    said: Numbers,
    wanted: Sequence[tuple[int, int]],
    gate: Gate,
) -> list[Explanation]:
    pictures, outputs = (np.array(part, np.int64) for part in zip(*wanted, strict=True))
    of_each = [beside[picture] for picture in pictures]
    signs = _signs(model, squares[pictures], of_each, said[pictures], outputs)
    asked = Asked(squares=squares[pictures], outputs=outputs, signs=signs)
    own = model.maps(model.whole, asked)
    made = []
    for row, (picture, output) in enumerate(wanted):
        question = _Question(
            picture=picture,
            square=squares[picture],
            label=model.bundle.labels[output],
            said=float(said[picture, output]),
            of=_subject(model, float(signs[row])),
            answer=_answer_of(model, output, float(signs[row]), beside[picture]),
        )
        other = model.maps(settle(model.drawn, question.square), asked.alone(row))
        mine = {name: maps[row] for name, maps in own.items()}
        made.append(_judge(question, mine, [maps[0] for maps in other.values()], gate))
    return made


def _signs(
    model: Model, squares: Squares, beside: Sequence[Attributes], said: Numbers, outputs: NDArray[np.int64]
) -> NDArray[np.float32]:
    """-1 for a value below that of the blurred picture: then what makes it low is looked for."""
    if model.bundle.kind != "regress":
        return np.ones(len(squares), np.float32)
    rows = np.arange(len(squares))
    without = model.say(np.stack([blurred(square) for square in squares]), beside)
    return np.where(said[rows, outputs] < without[rows, outputs], -1, 1).astype(np.float32)


def _subject(model: Model, sign: float) -> str:
    if model.bundle.kind != "regress":
        return "the answer"
    return "the value's being high" if sign > 0 else "the value's being low"


def _answer_of(model: Model, output: int, sign: float, beside: Attributes) -> Answer:
    unit = sign / model.deviation(output)
    return lambda squares: model.say(squares, [beside] * len(squares))[:, output] * unit


def _judge(question: _Question, own: Maps, drawn: Sequence[NDArray[np.float32]], gate: Gate) -> Explanation:
    """The most faithful of the network's maps, beside the best of each rival's."""
    plain = plain_rivals(question.square)
    tried = [*own.values(), *drawn, *plain.values()]
    got, drop = scores(question.answer, question.square, tried, gate.least)
    best = int(got[: len(own)].argmax())
    of_drawn, of_plain = got[len(own) : len(own) + len(drawn)], got[len(own) + len(drawn) :]
    rivals = {UNTRAINED: float(of_drawn.max()), **dict(zip(plain, of_plain.tolist(), strict=True))}
    rival = max(rivals, key=lambda name: rivals[name])
    chosen, score = tried[best], float(got[best])
    fault = _fault(question.of, chosen, drop, gate)
    is_better = score > rivals[rival] + gate.margin
    told = f"(score {score:.2f}, {rival} {rivals[rival]:.2f})"
    return Explanation(
        picture=question.picture,
        label=question.label,
        said=question.said,
        map=chosen,
        method=list(own)[best],
        score=score,
        rival=rival,
        rival_score=rivals[rival],
        shown=not fault and is_better,
        reason=fault
        or (f"{question.of} hangs on the places shown {told}" if is_better else f"not better than {rival} {told}"),
    )


def _fault(of: str, chosen: NDArray[np.float32], drop: float, gate: Gate) -> str:
    """Why there is nothing to judge; empty where there is."""
    if not chosen.any():
        return f"no place in the picture speaks for {of}"
    if drop < gate.least:
        return f"{of} hardly changes when the whole picture is blurred: no place carries it"
    return ""
