"""Random contrast from the labels: tissues get intensities of their own, geometry stays, late enhancement has scars."""

import numpy as np
from scipy import ndimage

from rncarefine_training.data import synthetic_contrast as module
from rncarefine_training.data.synthetic_contrast import Tissues, random_tissue_contrast

SIDE, SLICES = 64, 3
_rows, _columns = np.indices((SIDE, SIDE)) - (SIDE - 1) / 2
RADIUS = np.hypot(_rows, _columns)
WALL, POOL, RIGHT = (
    np.stack([mask] * SLICES)
    for mask in ((RADIUS >= 12) & (RADIUS < 19), RADIUS < 12, np.hypot(_rows, _columns + 28) < 8)
)
TISSUES = Tissues(*(mask.astype(np.float32) for mask in (WALL, POOL, RIGHT)))
# A cine image: dark surroundings with texture, wall, bright blood.
IMAGES = (
    np.select([WALL, POOL | RIGHT], [0.45, 0.9], 0.2) + np.random.default_rng(9).normal(0, 0.04, WALL.shape)
).astype(np.float32)


def rng(seed=0):
    return np.random.default_rng(seed)


def draws(count=60):
    return [random_tissue_contrast(IMAGES, TISSUES, rng(seed)) for seed in range(count)]


def test_the_result_is_an_image_like_the_given_one():
    kept = IMAGES.copy(), [part.copy() for part in TISSUES]
    for result in draws(20):
        assert result.shape == IMAGES.shape
        assert result.dtype == np.float32
        assert np.isfinite(result).all()
        assert np.abs(result).max() < 4
    np.testing.assert_array_equal(IMAGES, kept[0])
    for part, copy in zip(TISSUES, kept[1], strict=True):
        np.testing.assert_array_equal(part, copy)


def test_the_same_draws_give_the_same_image_and_others_do_not():
    one, again, other = (random_tissue_contrast(IMAGES, TISSUES, rng(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 0.1


def test_the_edges_of_the_tissues_stay_where_they_are():
    border = ndimage.binary_dilation(POOL[1]) & WALL[1]
    core = ndimage.binary_erosion(POOL[1], iterations=3)
    sharper = []
    for result in draws(40):
        slope = np.hypot(*np.gradient(result[1]))
        if abs(result[1][WALL[1]].mean() - result[1][POOL[1]].mean()) > 0.25:
            sharper.append(slope[border].mean() > 2 * slope[core].mean())
    assert len(sharper) > 8
    assert np.mean(sharper) > 0.8


def test_empty_slices_are_drawn_as_well():
    nothing = Tissues(*(np.zeros_like(part) for part in TISSUES))
    for seed in range(10):
        assert np.isfinite(random_tissue_contrast(IMAGES, nothing, rng(seed))).all()


# Late enhancement


def scars(count=60, blood=0.6, dark=0.1):
    """Return where scars were painted into a dark heart, the image, for many draws; those without one left out."""
    drawn = []
    for seed in range(count):
        plain = np.select([WALL, POOL], [dark, blood], 0.3).astype(np.float32)
        painted = plain.copy()
        module._add_scar(painted, TISSUES, blood, rng(seed))
        changed = np.abs(painted - plain) > 0.2
        if changed.any():
            drawn.append((changed, painted))
    return drawn


def test_scars_lie_within_the_wall():
    drawn = scars()
    assert len(drawn) > 40
    reach = ndimage.binary_dilation(WALL, np.ones((1, 3, 3)))
    for changed, _ in drawn:
        assert not (changed & ~reach).any()
        assert (changed & WALL).sum() > 0.8 * changed.sum()


def test_where_wall_or_pool_is_missing_there_is_no_scar():
    for missing in (0, 1):
        parts = [np.zeros_like(part) if number == missing else part for number, part in enumerate(TISSUES)]
        plain = np.full_like(IMAGES, 0.2)
        painted = plain.copy()
        module._add_scar(painted, Tissues(*parts), 0.6, rng(1))
        np.testing.assert_array_equal(painted, plain)


def test_the_share_of_late_enhancement_is_that_asked_for():
    def darker(late):
        found = (random_tissue_contrast(IMAGES, TISSUES, rng(seed), late) for seed in range(60))
        return np.mean([result[WALL].mean() < result[POOL].mean() for result in found])

    assert darker(1.0) > 0.85
    assert darker(0.0) < 0.75


def test_some_scars_are_as_bright_as_the_blood():
    contrasts = [abs(float(painted[changed & WALL].mean()) - 0.6) for changed, painted in scars()]
    assert 0.2 < np.mean(np.array(contrasts) < 0.1) < 0.9
