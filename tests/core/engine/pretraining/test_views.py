from __future__ import annotations

import torch

from fovea.engine.pretraining.views import views


def dice(seed=0):
    return torch.Generator().manual_seed(seed)


def test_a_look_has_the_size_asked_for_and_stays_in_range():
    looks = views(torch.randint(256, (6, 40, 40, 3), dtype=torch.uint8), dice(), size=32)
    assert looks.shape == (6, 3, 32, 32)
    assert 0 <= float(looks.min()) <= float(looks.max()) <= 1


def test_the_same_numbers_give_the_same_look():
    pixels = torch.randint(256, (4, 40, 40, 3), dtype=torch.uint8)
    assert torch.equal(views(pixels, dice(1), size=32), views(pixels, dice(1), size=32))
    assert not torch.equal(views(pixels, dice(1), size=32), views(pixels, dice(2), size=32))


def test_channels_keep_their_places():
    red = torch.zeros(32, 24, 24, 3, dtype=torch.uint8)
    red[..., 0], red[..., 1:] = 180, 40
    colours = views(red, dice(), size=24).mean(dim=(2, 3))
    assert bool((colours.argmax(dim=1) == 0).all())


def test_grey_stays_close_to_grey():
    grey = torch.full((32, 24, 24, 3), 120, dtype=torch.uint8)
    colours = views(grey, dice(), size=24).mean(dim=(2, 3))
    assert float((colours.amax(dim=1) - colours.amin(dim=1)).max()) < 0.12
