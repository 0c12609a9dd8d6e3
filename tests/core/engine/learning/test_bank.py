import numpy as np
import pytest
import torch

from fovea.engine.learning import bank

PLACES, WIDTH = 16, 6


def features(ids):
    """What a picture's places look like is a function of its id."""
    drawn = [torch.randn(PLACES, WIDTH, generator=torch.Generator().manual_seed(int(one))) for one in ids]
    return torch.stack(drawn)


def pool(ids, quota=4, key="k"):
    numbers = np.array(ids, np.uint64)
    return bank.pooled(numbers, features(numbers), quota=quota, seed=0, key=key)


def same(one, other):
    return np.array_equal(one.ids, other.ids) and torch.equal(one.patches, other.patches)


def test_pictures_added_in_any_order_make_the_pool_of_all_of_them():
    assert same(bank.extended(pool([9, 2]), pool([5]), pool([1, 7])), pool([1, 2, 5, 7, 9]))


def test_a_picture_taken_away_leaves_the_pool_of_the_others():
    assert same(bank.without(pool([1, 2, 3]), [2]), pool([1, 3]))


def test_the_memory_after_adding_and_taking_away_is_that_of_a_fresh_start():
    changed = bank.without(bank.extended(pool([1, 2, 3]), pool([4, 5])), [2])
    assert torch.equal(bank.memory(changed, 7), bank.memory(pool([1, 3, 4, 5]), 7))


def test_no_patch_of_a_picture_taken_away_is_in_the_memory():
    gone = features([2]).half().float().flatten(0, 1)
    kept = bank.memory(bank.without(pool([1, 2, 3], quota=PLACES), [2]), 1000)
    assert len(kept) == 2 * PLACES
    assert torch.cdist(kept, gone).min() > 0.01


def test_a_picture_that_comes_twice_is_kept_once():
    assert same(bank.extended(pool([1, 2]), pool([2, 3])), pool([1, 2, 3]))


def test_fewer_patches_a_picture_are_the_first_of_more():
    assert same(bank.narrowed(pool([1, 2], quota=8), 4), pool([1, 2], quota=4))


def test_a_pool_with_fewer_patches_a_picture_narrows_what_joins_it():
    assert same(bank.extended(pool([1], quota=8), pool([2], quota=4)), pool([1, 2], quota=4))


def test_pools_of_two_networks_do_not_mix():
    with pytest.raises(ValueError, match="takes no patches"):
        bank.extended(pool([1]), pool([2], key="other"))


def test_a_pool_is_found_again_under_its_key_only(tmp_path):
    path = tmp_path / "pool.safetensors"
    bank.save(pool([3, 2**64 - 1]), path)
    assert same(bank.opened(path, "k"), pool([3, 2**64 - 1]))
    assert bank.opened(path, "other") is None


def test_a_damaged_pool_is_made_again(tmp_path):
    path = tmp_path / "pool.safetensors"
    path.write_bytes(b"\x00" * 40)
    assert bank.opened(path, "k") is None
    assert bank.opened(tmp_path / "none", "k") is None


def test_the_gaussian_of_a_place_measures_mahalanobis_distance():
    whole = pool(range(1, 200), quota=PLACES)
    means, whitening = bank.normal_places(whole)
    points = whole.patches[:, 3].double()
    spread = torch.cov(points.T)
    spread += 0.01 * spread.diagonal().mean() * torch.eye(WIDTH)
    off = points[0] - points.mean(dim=0)
    expected = (off @ torch.linalg.inv(spread) @ off).sqrt()
    assert float(((points[0].float() - means[3]) @ whitening[3]).norm()) == pytest.approx(float(expected), rel=1e-3)


def test_two_pictures_are_enough_for_a_gaussian():
    means, whitening = bank.normal_places(pool([1, 2], quota=PLACES))
    assert torch.isfinite(means).all()
    assert torch.isfinite(whitening).all()
