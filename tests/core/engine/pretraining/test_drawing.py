from __future__ import annotations

import pytest
import torch

from fovea.engine.pretraining.drawing import (
    CLASSES,
    GREY,
    Sheet,
    bodies,
    clouds,
    draw,
    fractals,
    leaves,
    noise,
    patterns,
    weaves,
)


def sheet(seed=0, count=4, size=24):
    return Sheet(count=count, size=size, seed=seed)


def drawn(kind, **of_sheet):
    found = kind(sheet(**of_sheet))
    return found[0] if isinstance(found, tuple) else found


KINDS = [patterns, fractals, leaves, bodies, clouds, weaves]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_fills_its_sheet_with_colours_in_range(kind):
    pictures = drawn(kind, count=5, size=33)
    assert pictures.shape == (5, 3, 33, 33)
    assert 0 <= float(pictures.min()) <= float(pictures.max()) <= 1


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_follows_from_its_seed(kind):
    assert torch.equal(drawn(kind, seed=7), drawn(kind, seed=7))
    assert not torch.equal(drawn(kind, seed=7), drawn(kind, seed=8))


@pytest.mark.parametrize("kind", KINDS)
def test_no_picture_of_a_batch_is_another_nor_empty(kind):
    flat = drawn(kind).flatten(1)
    assert torch.pdist(flat).min() > 0.1
    assert flat.std(dim=1).min() > 0.005


def test_a_batch_holds_colour_and_grey_classes_and_none():
    pixels, labels = draw(200, size=24, seed=1)
    assert pixels.dtype == torch.uint8
    assert pixels.shape == (200, 24, 24, 3)
    apart = (pixels.int().amax(dim=3) - pixels.int().amin(dim=3)).flatten(1).amax(dim=1)
    assert float((apart == 0).float().mean()) == pytest.approx(GREY, abs=0.1)
    assert float((labels >= 0).float().mean()) == pytest.approx(0.5, abs=0.03)
    assert int(labels.max()) < CLASSES


def test_a_batch_follows_from_its_seed():
    (first, classes), (again, same), (other, _) = (draw(12, size=24, seed=seed) for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert torch.equal(classes, same)
    assert not torch.equal(first, other)


def test_pictures_of_a_class_are_more_alike_than_those_of_two():
    pictures, labels = patterns(sheet(count=600, size=8))
    colours = pictures.flatten(2).mean(dim=2)
    between = torch.cdist(colours, colours)
    same = (labels[:, None] == labels) & ~torch.eye(600, dtype=torch.bool)
    assert between[same].mean() < 0.8 * between[labels[:, None] != labels].mean()


def test_another_family_draws_its_classes_otherwise():
    assert not torch.equal(patterns(sheet(), family=0)[0], patterns(sheet(), family=1)[0])


def test_the_amplitude_of_noise_falls_with_the_frequency_as_told():
    field = noise(sheet(count=64, size=64), planes=1, roughest=1.0, softest=1.0)
    amplitude = torch.fft.rfft2(field[:, 0]).abs().mean(dim=0)
    assert float(amplitude[0, 4] / amplitude[0, 16]) == pytest.approx(4, rel=0.25)
