"""Disturbances: what each does to a drawn heart, and that the truth goes along where the anatomy does."""

import numpy as np
import pytest

from experiments.disturbances import DISTURBANCES, Disturbed, scaled
from rncarefine.anatomy.topology import betti_2d
from rncarefine_training.data.cases import MYOCARDIUM, POOL
from training.toy_data import failed, toy_case

ALL = [name for some in DISTURBANCES.values() for name in some]
CASE = toy_case("a")
LABELS = failed(CASE.labels)


def heart():
    wall, pool, truth = LABELS == MYOCARDIUM, LABELS == POOL, CASE.labels == MYOCARDIUM
    masks = (values.astype(np.uint8) for values in (wall, pool, truth))
    return Disturbed(CASE.image, *masks, CASE.spacing, np.arange(4))


def disturbed(name, seed=0):
    (how,) = (some[name] for some in DISTURBANCES.values() if name in some)
    return how(heart(), np.random.default_rng(seed))


@pytest.mark.parametrize("name", ALL)
def test_a_disturbed_stack_is_a_stack_that_the_draw_alone_decides(name):
    before, found, again = heart(), disturbed(name, 5), disturbed(name, 5)
    for values in (found.wall, found.pool, found.truth):
        assert values.shape == found.image.shape
        assert values.dtype == np.uint8
        assert set(np.unique(values)) <= {0, 1}
    assert found.image.dtype == np.float32
    assert np.isfinite(found.image).all()
    assert len(found.slices) == len(found.image)
    np.testing.assert_array_equal(found.image, again.image)
    np.testing.assert_array_equal(found.wall, again.wall)
    np.testing.assert_array_equal(before.image, CASE.image)


@pytest.mark.parametrize("name", DISTURBANCES["image"])
def test_what_the_scanner_does_changes_the_image_alone(name):
    found, plain = disturbed(name), heart()
    assert not np.allclose(scaled(found.image), scaled(plain.image), atol=1e-3)
    for one, other in ((found.wall, plain.wall), (found.pool, plain.pool), (found.truth, plain.truth)):
        np.testing.assert_array_equal(one, other)
    assert found.spacing == plain.spacing


def test_noise_has_the_deviation_it_says():
    added = disturbed("noise 10 %").image - scaled(CASE.image).clip(0)
    # Where there is signal, Rician noise is nearly normal.
    assert added[scaled(CASE.image) > 0.5].std() == pytest.approx(0.1, rel=0.1)


def test_turning_takes_everything_along_and_swaps_the_spacing():
    stack = Disturbed(CASE.image, heart().wall, heart().pool, heart().truth, (8.0, 1.2, 1.9), np.arange(4))
    found = DISTURBANCES["orientation"]["rotated by 90 degrees"](stack, np.random.default_rng(0))
    assert found.spacing == (8.0, 1.9, 1.2)
    for k in range(4):
        np.testing.assert_array_equal(found.truth[k], np.rot90(heart().truth[k]))
        np.testing.assert_array_equal(found.image[k], np.rot90(CASE.image[k]))


@pytest.mark.parametrize("mm", [0.7, 1.2, 1.6, 2.2])
def test_another_pixel_spacing_keeps_the_anatomy(mm):
    found = disturbed(f"pixels of {mm:g} mm")
    assert found.spacing[1:] == pytest.approx((mm, mm), rel=0.02)
    area = found.spacing[1] * found.spacing[2]
    plain = heart().truth.sum(axis=(1, 2)) * 1.6**2
    np.testing.assert_allclose(found.truth.sum(axis=(1, 2)) * area, plain, rtol=0.12, atol=1)
    assert [betti_2d(piece) for piece in found.truth[:3]] == [(1, 1)] * 3
    # The same place in mm.
    middle = np.argwhere(found.truth[0]).mean(axis=0) + 0.5
    np.testing.assert_allclose(
        middle * found.spacing[1:], (np.argwhere(heart().truth[0]).mean(axis=0) + 0.5) * 1.6, atol=0.35 * mm
    )


def test_a_shift_moves_wall_and_pool_by_the_same_five_millimetres():
    for seed in range(5):
        found, plain = disturbed("shifted by 5 mm", seed), heart()
        moved = [
            (np.argwhere(after[0]).mean(axis=0) - np.argwhere(before[0]).mean(axis=0)) * 1.6
            for after, before in ((found.wall, plain.wall), (found.pool, plain.pool))
        ]
        np.testing.assert_allclose(moved[0], moved[1], atol=1e-6)
        assert np.hypot(*moved[0]) == pytest.approx(5, abs=1.2)
