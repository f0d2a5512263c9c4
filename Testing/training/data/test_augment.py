"""Augmentation: where the heart lies and what the scanner shows, and nothing else."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rncarefine_training.data.augment import inflate, random_affine, random_contrast

NONE = {"rotation_deg": 0.0, "scale": 0.0, "shear": 0.0, "shift": 0.0, "flip": False}


def draws(seed=0):
    return torch.Generator().manual_seed(seed)


def affine(batch, seed=0, **changes):
    return random_affine(batch, draws(seed), **{**NONE, **changes})


def pictures(n=4, channels=3, side=32, seed=1):
    """Return smooth pictures: interpolation hardly changes them."""
    coarse = torch.rand(n, channels, 6, 6, generator=draws(seed))
    return torch.nn.functional.interpolate(coarse, (side, side), mode="bicubic", align_corners=False).clamp(0, 1)


def discs(n=64, side=64, share=0.5):
    line = (torch.arange(side) + 0.5) / side * 2 - 1
    return ((line[:, None] ** 2 + line[None] ** 2) < share**2).float().expand(n, 1, side, side)


def test_without_strength_an_item_stays_as_it_is():
    batch = pictures()
    torch.testing.assert_close(affine(batch), batch, atol=1e-5, rtol=0)


def test_what_is_given_is_not_changed():
    batch = pictures()
    kept = batch.clone()
    affine(batch, rotation_deg=90, shift=0.2, elastic=0.05, flip=True)
    random_contrast(batch[:, :1], draws(), 1.0)
    torch.testing.assert_close(batch, kept, atol=0, rtol=0)


@given(st.integers(0, 1000))
@settings(max_examples=10)
def test_the_same_draws_give_the_same_and_others_do_not(seed):
    strong = {"rotation_deg": 180, "scale": 0.2, "shear": 0.1, "shift": 0.1, "elastic": 0.02, "flip": True}
    batch = pictures()
    assert torch.equal(affine(batch, seed, **strong), affine(batch, seed, **strong))
    assert not torch.equal(affine(batch, seed, **strong), affine(batch, seed + 1, **strong))
    image = batch[:, :1]
    assert torch.equal(random_contrast(image, draws(seed), 1.0), random_contrast(image, draws(seed), 1.0))


def test_all_channels_move_alike_and_items_each_in_their_own_way():
    batch = pictures(n=1, channels=1).expand(5, 3, 32, 32)
    moved = affine(batch, rotation_deg=90, scale=0.2, shear=0.1, shift=0.1, elastic=0.02, flip=True)
    for channel in range(1, 3):
        torch.testing.assert_close(moved[:, channel], moved[:, 0])
    for item in range(1, 5):
        assert (moved[item] - moved[0]).abs().max() > 0.05


def test_half_of_the_items_are_flipped():
    batch = pictures(n=1).expand(64, 3, 32, 32)
    moved = affine(batch, flip=True)
    same = (moved - batch).abs().amax((1, 2, 3)) < 1e-4
    mirrored = (moved - batch.flip(3)).abs().amax((1, 2, 3)) < 1e-4
    assert bool((same ^ mirrored).all())
    assert 16 < int(mirrored.sum()) < 48


def test_a_scale_stays_within_its_bounds():
    area = discs(256)[0].sum()
    sides = (affine(discs(256), scale=0.25).sum((1, 2, 3)) / area).sqrt()
    # Rows by up to 1.25 either way, columns by up to 1.25 ** 0.3 more.
    limit = 1.25 ** (1 + 0.3 / 2)
    assert 1 / limit * 0.98 < float(sides.min()) < 0.85
    assert 1.15 < float(sides.max()) < limit * 1.02


def test_a_shift_stays_within_its_bounds():
    batch = discs(256, share=0.3)
    moved = affine(batch, shift=0.1)
    line = torch.arange(64.0)
    for axis in (2, 3):
        mass = moved.sum((1, 5 - axis))
        places = (mass * line).sum(1) / mass.sum(1) - 31.5
        assert float(places.abs().max()) <= 6.5
        assert float(places.max()) > 5
        assert float(places.min()) < -5


@pytest.mark.parametrize("factor", [0.8, 1.0, 1.5])
def test_inflating_is_limited_to_the_reach(factor):
    small, batch = discs(1, share=0.2), pictures(1, 2, 64)
    middle = (31.5, 31.5)
    grown = inflate(small, middle, factor, 60.0).sum() / small.sum()
    assert float(grown) == pytest.approx(factor**2, rel=0.1)
    beyond = discs(1, share=24 / 32)[0, 0] == 0
    torch.testing.assert_close(inflate(batch, middle, factor, 23.0)[..., beyond], batch[..., beyond], atol=1e-4, rtol=0)


@given(factor=st.floats(0.7, 2.0), j=st.floats(10, 50), i=st.floats(10, 50))
@settings(max_examples=20)
def test_inflating_never_folds(factor, j, i):
    ramp = torch.arange(64.0).expand(1, 1, 64, 64)
    for picture, axis in ((ramp, -1), (ramp.transpose(-1, -2), -2)):
        assert float(inflate(picture, (j, i), factor, 30.0).diff(dim=axis).min()) > -1e-3


@given(seed=st.integers(0, 10**6), strength=st.floats(0, 1))
@settings(max_examples=30)
def test_contrast_is_finite_and_stays_near_its_range(seed, strength):
    image = pictures(n=8, channels=1, side=33, seed=seed)
    result = random_contrast(image, draws(seed), strength)
    assert result.shape == image.shape
    assert bool(torch.isfinite(result).all())
    assert -2 < float(result.min())
    assert float(result.max()) < 5


def test_contrast_grows_with_its_strength():
    image = pictures(n=64, channels=1)
    changes = [float((random_contrast(image, draws(), strength) - image).abs().mean()) for strength in (0, 0.3, 1)]
    assert changes[0] < 0.001 < changes[1] < changes[2]
    assert changes[1] > 0.01


def test_a_quarter_turn_turns_by_a_quarter():
    # With the angle drawn from -90 to 90 the extreme draws are quarter turns: compare one near each.
    bar = torch.zeros(512, 1, 64, 64)
    bar[:, :, 30:34, 12:52] = 1
    upright = bar.transpose(2, 3)
    off = (affine(bar, rotation_deg=90) - upright).abs().sum((1, 2, 3))
    assert float(off.min()) < 0.25 * float(upright[0].sum())
    assert math.isclose(float(off.max()), float((bar - upright)[0].abs().sum()), rel_tol=0.2)
