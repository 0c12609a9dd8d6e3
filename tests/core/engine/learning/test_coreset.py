import pytest
import torch

from fovea.engine.learning.coreset import coreset, radius


def textbook(points, size):
    """The greedy choice as it is written down: one pass over all points for each."""
    chosen = [int((points - points.mean(dim=0)).square().sum(dim=1).argmin())]
    near = torch.cdist(points, points[chosen]).squeeze(1)
    while len(chosen) < size:
        chosen.append(int(near.argmax()))
        near = torch.minimum(near, torch.cdist(points, points[chosen[-1:]]).squeeze(1))
    return chosen


def clusters(count, width, seed):
    random = torch.Generator().manual_seed(seed)
    centres = 5 * torch.randn(9, width, generator=random)
    places = torch.randint(9, (count,), generator=random)
    return centres[places] + torch.randn(count, width, generator=random)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_choice_is_the_textbooks(seed):
    points = clusters(3000, 12, seed)
    assert coreset(points.clone(), 200).tolist() == textbook(points.double(), 200)


def test_a_coreset_of_many_passes_is_as_near_to_everything_as_the_textbooks():
    points = clusters(6000, 24, 7)
    ours, theirs = coreset(points, 1500), torch.tensor(textbook(points.double(), 1500))
    assert len(set(ours.tolist())) == 1500
    assert radius(points, ours) == pytest.approx(radius(points, theirs), rel=1e-3)


def test_so_many_points_that_the_farthest_are_looked_for_among_the_farthest_are_chosen_as_by_the_textbook():
    points = clusters(30_000, 6, 3)
    assert coreset(points.clone(), 80).tolist() == textbook(points.double(), 80)


def test_the_same_points_are_chosen_again():
    points = clusters(20_000, 8, 4)
    assert torch.equal(coreset(points, 50), coreset(points, 50))


def test_points_far_from_nothing_are_told_apart_as_well():
    points = clusters(3000, 12, 1)
    assert coreset(points + 100, 100).tolist() == coreset(points, 100).tolist()


def test_points_that_repeat_are_chosen_once():
    points = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]).repeat(50, 1)
    chosen = coreset(points, 20)
    assert len(chosen) == 3
    assert radius(points, chosen) == pytest.approx(0, abs=1e-3)


def test_one_point_is_its_own_coreset():
    assert coreset(torch.ones(1, 4), 1).tolist() == [0]
