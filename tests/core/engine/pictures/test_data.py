from __future__ import annotations

import numpy as np
import pytest

from fovea.engine.draws import identify, mix
from fovea.engine.pictures.data import Pictures, changed, even_cuts, moved, order_of, training_batches
from fovea.errors import PluginError
from fovea.plugin import UNTOLD, Domain, DomainInfo, TaskSpec, albumentations


@pytest.fixture
def domain():
    info = DomainInfo(name="wheat", title="", intended_use="", limits="", tasks={"sort": TaskSpec(kind="classify")})
    return Domain(info=info, read_samples=lambda root, view: [])


@pytest.fixture
def pictures():
    pixels = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)
    rows = np.arange(0, 40, 2)
    ids = identify((f"{row}.png", "", "") for row in rows)
    return Pictures(pixels=pixels, rows=rows, targets=rows % 3, ids=ids)


def noisy():
    return albumentations([("GaussNoise", {"p": 1.0}), ("HorizontalFlip", {"p": 0.5})])


def epoch_of(pictures, domain, *, epoch=0, threads=1, first=0, augments=noisy, shares=None):
    order = order_of(pictures, seed=7, epoch=epoch, shares=shares)
    cuts = even_cuts(len(pictures), 6)[first:]
    batches = training_batches(
        pictures, cuts=cuts, order=order, salts=(7, epoch), augments=augments, domain=domain, threads=threads
    )
    return [(batch.pixels.numpy(), batch.targets.numpy()) for batch in batches]


def test_every_picture_comes_once_an_epoch_with_its_target(pictures, domain):
    batches = epoch_of(pictures, domain, augments=None)
    pixels, targets = (np.concatenate(part) for part in zip(*batches, strict=True))
    place = {picture.tobytes(): index for index, picture in enumerate(pictures.pixels[pictures.rows])}
    found = [place[picture.tobytes()] for picture in pixels]
    assert sorted(found) == list(range(20))
    np.testing.assert_array_equal(targets, pictures.targets[found])


def test_the_number_of_threads_changes_nothing(pictures, domain):
    for one, many in zip(epoch_of(pictures, domain), epoch_of(pictures, domain, threads=4), strict=True):
        np.testing.assert_array_equal(one[0], many[0])


def test_an_epoch_that_goes_on_in_its_middle_is_the_same(pictures, domain):
    whole, rest = epoch_of(pictures, domain), epoch_of(pictures, domain, first=2)
    np.testing.assert_array_equal(whole[2][0], rest[0][0])
    assert len(rest) == len(whole) - 2


def test_the_next_epoch_has_another_order_and_other_changes(pictures, domain):
    before, after = epoch_of(pictures, domain, augments=None), epoch_of(pictures, domain, epoch=1, augments=None)
    assert not np.array_equal(before[0][0], after[0][0])


def test_a_picture_is_changed_alike_whatever_else_there_is(pictures, domain):
    fewer = Pictures(
        pixels=pictures.pixels, rows=pictures.rows[:10], targets=pictures.targets[:10], ids=pictures.ids[:10]
    )
    seen = {p.tobytes() for pixels, _ in epoch_of(pictures, domain) for p in pixels}
    assert {p.tobytes() for pixels, _ in epoch_of(fewer, domain) for p in pixels} <= seen


def test_shares_make_rare_pictures_frequent_and_each_time_different(pictures, domain):
    shares = np.where(np.arange(20) == 3, 1.0, 0.0)
    batches = epoch_of(pictures, domain, shares=shares)
    assert {int(target) for _, targets in batches for target in targets} == {int(pictures.targets[3])}
    assert len({p.tobytes() for pixels, _ in batches for p in pixels}) == 20


@pytest.mark.parametrize("count", range(2, 70))
def test_no_batch_has_one_picture_alone(count):
    sizes = [cut.stop - cut.start for cut in even_cuts(count, 32)]
    assert sum(sizes) == count
    assert min(sizes) >= 2
    assert max(sizes) <= 32


def test_batches_of_two_take_a_third_where_one_is_left_over():
    assert [cut.stop - cut.start for cut in even_cuts(3, 2)] == [3]


@pytest.mark.parametrize(
    "answer",
    [
        lambda pixels, seed, mask=None: (pixels[:4], None),
        lambda pixels, seed, mask=None: (pixels.astype(np.float32), None),
        lambda pixels, seed, mask=None: (None, None),
        lambda pixels, seed, mask=None: pixels.no_such_thing,
    ],
)
def test_a_change_that_answers_something_else_is_the_plugins_fault(pictures, domain, answer):
    with pytest.raises(PluginError, match="plugin 'wheat' failed in augmentations"):
        changed(domain, answer, pictures.pixels[0], 1)


def test_a_fault_in_a_thread_arrives_as_what_it_is(pictures, domain):
    with pytest.raises(PluginError, match="no transform named Flop"):
        epoch_of(pictures, domain, augments=lambda: albumentations([("Flop", {})]), threads=2)


def test_draws_are_a_function_of_their_salts():
    ids = identify([("a", "", ""), ("b", "", "")])
    assert mix(ids, 1, 2).tolist() == mix(ids, 1, 2).tolist()
    assert len({*mix(ids, 1, 2).tolist(), *mix(ids, 2, 1).tolist(), *mix(ids, 1).tolist()}) == 6


def test_a_mask_moves_with_its_picture_and_nothing_is_known_of_what_comes_in(domain):
    pixels = np.zeros((16, 16, 3), np.uint8)
    mask = np.zeros((16, 16), np.uint8)
    pixels[2:5, 3:6], mask[2:5, 3:6] = 200, 1
    shift = albumentations([("Affine", {"translate_px": {"x": (4, 4), "y": (0, 0)}, "p": 1.0})])
    moved_pixels, moved_mask = moved(domain, shift, pixels, mask, 0)
    assert np.array_equal(moved_mask == 1, moved_pixels[..., 0] > 100)
    assert (moved_mask[:, :3] == UNTOLD).all()
    assert (moved_mask[0, 6:] == 0).all()


def test_batches_of_masks_hold_them_in_the_place_of_targets(pictures, domain):
    masks = pictures.pixels[..., 0] % 3
    drawn = Pictures(
        pixels=pictures.pixels, rows=pictures.rows, targets=pictures.targets, ids=pictures.ids, masks=masks
    )
    flip = lambda: albumentations([("HorizontalFlip", {"p": 0.5})])  # noqa: E731 - as short as it is
    for pixels, answers in epoch_of(drawn, domain, augments=flip):
        assert np.array_equal(answers, pixels[..., 0] % 3)


@pytest.mark.parametrize(
    "augment, sentence",
    [
        (lambda pixels, *, seed, mask: (pixels, None), "answered NoneType for a mask"),
        (lambda pixels, *, seed, mask: (pixels, mask[:2]), "for a mask of uint8"),
        (lambda pixels, *, seed, mask: (pixels, mask + np.uint8(3)), "made labels in a mask that were not there"),
        (lambda pixels, *, seed: (pixels, None), "raised TypeError"),
    ],
)
def test_a_change_that_breaks_the_mask_is_the_plugins_fault(domain, augment, sentence):
    with pytest.raises(PluginError, match=sentence):
        moved(domain, augment, np.zeros((4, 4, 3), np.uint8), np.ones((4, 4), np.uint8), 0)
