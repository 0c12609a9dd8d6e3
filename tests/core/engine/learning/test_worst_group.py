from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from fovea.engine.learning import worst_group
from fovea.engine.learning.mixing import Given
from fovea.engine.pictures.survey import Row
from fovea.engine.tasks import classify


def rows():
    facts = [("red", {"camera": "a"}), ("red", {"camera": "b"}), ("blue", {"camera": "a"}), ("blue", {"lens": 3.0})]
    return [
        Row(source=str(n), part="", region="", target=target, group=str(n), digest="00", attributes=told)
        for n, (target, told) in enumerate(facts)
    ]


@pytest.mark.parametrize(
    "by,names,places",
    [
        ("camera", ("a", "b", "unknown"), [0, 1, 0, 2]),
        ("label", ("blue", "red"), [1, 1, 0, 0]),
        ("lens+label", ("3+blue", "unknown+blue", "unknown+red"), [2, 2, 1, 0]),
    ],
)
def test_pictures_are_grouped_by_what_is_asked_for(by, names, places):
    found, each = worst_group.grouped(rows(), by)
    assert found == names
    assert each.tolist() == places


def test_every_group_comes_as_often_as_the_others():
    shares = worst_group.shares(np.array([0, 0, 0, 1]))
    assert shares[:3].sum() == pytest.approx(shares[3])


def given(groups):
    return Given(pixels=torch.zeros(4, 2, 2, 3), targets=torch.tensor([0, 1, 0, 1]), groups=torch.tensor(groups))


LOGITS = torch.tensor([[2.0, 0.0], [0.0, 2.0], [0.0, 1.0], [1.0, 0.0]])
"""The first two are right, the others wrong."""


def test_the_share_of_the_group_with_the_higher_loss_grows():
    shares = torch.full((2,), 0.5, dtype=torch.float64)
    for _ in range(200):
        loss, shares = worst_group.loss(LOGITS, given([0, 0, 1, 1]), functional.cross_entropy, shares)
    worst = functional.cross_entropy(LOGITS[2:], torch.tensor([0, 1]))
    assert shares[1] > 0.8
    assert float(shares.sum()) == pytest.approx(1)
    assert float(loss) == pytest.approx(float(worst), rel=0.2)


def test_the_share_of_a_group_that_is_not_in_the_batch_stays_among_the_others():
    shares = torch.tensor([0.2, 0.2, 0.6], dtype=torch.float64)
    loss, moved = worst_group.loss(LOGITS, given([0, 0, 1, 1]), functional.cross_entropy, shares)
    assert moved[2] == pytest.approx(0.6, abs=0.01)
    assert torch.isfinite(loss)


def test_the_focal_loss_counts_what_is_known_for_less():
    targets = torch.tensor([0, 1, 0, 1])

    def loss(name, logits=LOGITS, **settings):
        return classify.loss(logits, targets, name=name, **{"weights": None, "smoothing": 0.0, **settings})

    known, unknown = LOGITS[:2].repeat(2, 1), LOGITS[2:].repeat(2, 1)
    assert loss("focal", known) / loss("cross_entropy", known) < 0.05
    assert loss("focal", unknown) / loss("cross_entropy", unknown) > 0.5
    weights = torch.tensor([3.0, 0.5])
    p = LOGITS.softmax(dim=1)[torch.arange(4), targets]
    by_hand = (weights[targets] * (1 - p) ** 2 * -p.log()).sum() / weights[targets].sum()
    assert torch.allclose(loss("focal", weights=weights), by_hand)


def test_the_effective_number_of_many_pictures_is_about_a_thousand():
    weights = classify.effective(np.repeat([0, 1, 2], [10, 1000, 100_000]))
    assert weights[0] / weights[1] == pytest.approx(63, rel=0.05)
    assert weights[1] / weights[2] < 1.6
    assert (weights * [10, 1000, 100_000]).sum() / 101_010 == pytest.approx(1)
