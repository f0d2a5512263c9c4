"""Procedural hearts: the intensities agree with the labels in every sequence, and acquisition artefacts are present."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from rncarefine_training.data.cases import MYOCARDIUM, POOL, RV
from rncarefine_training.data.procedural.acquisition import acquire
from rncarefine_training.data.procedural.appearance import draw_appearance
from rncarefine_training.data.procedural.contrast import SEQUENCES, draw_contrast
from rncarefine_training.data.procedural.geometry import draw_anatomy
from rncarefine_training.data.procedural.shapes import ANGLE, ANGLES, bump, look_up, soft


def painted(seed, sequence):
    rng = np.random.default_rng(seed)
    anatomy = draw_anatomy(rng)
    contrast = draw_contrast(rng, sequence)
    return anatomy, contrast, draw_appearance(rng, anatomy, contrast), rng


def middle_values(anatomy, image, tissue):
    """Intensities well inside a tissue, in slices away from base and apex."""
    values = []
    for k in np.flatnonzero((anatomy.along > 0.25) & (anatomy.along < 0.65)):
        inside = ndimage.distance_transform_edt(anatomy.labels[k] == tissue, sampling=anatomy.grid.spacing[1:])
        values.append(image[k][inside > 2.2])
    return np.concatenate(values)


@pytest.mark.parametrize("sequence", SEQUENCES)
@given(seed=st.integers(0, 2**31))
@settings(max_examples=2, deadline=None)
def test_intensities_are_those_that_the_sequence_gives_the_truth(sequence, seed):
    anatomy, contrast, image, _ = painted(seed, sequence)
    # Papillary muscles fill more than half of a small cavity.
    blood = middle_values(anatomy, image, POOL)
    assert (np.abs(blood / contrast.blood - 1) < 0.3).mean() > 0.2
    wall = middle_values(anatomy, image, MYOCARDIUM)
    if len(wall) > 50:
        # Scar, when a sequence shows it, is part of the wall and lies on the way to its own intensity.
        low, high = sorted([contrast.muscle, contrast.scar])
        assert low * 0.75 < np.median(wall) < high * 1.25
    right = middle_values(anatomy, image, RV)
    if len(right) > 50:
        assert np.median(right) == pytest.approx(contrast.blood, rel=0.35)


@given(seed=st.integers(0, 2**31))
@settings(max_examples=3, deadline=None)
def test_blood_is_brighter_than_the_wall_in_a_scanned_ssfp_stack(seed):
    anatomy, _, image, rng = painted(seed, "ssfp")
    scanned = acquire(rng, image, anatomy)
    assert scanned.shape == anatomy.labels.shape
    assert scanned.dtype == np.float32
    assert (scanned >= 0).all()
    np.testing.assert_array_equal(scanned, np.round(scanned))
    k = int(np.argmin(np.abs(anatomy.along - 0.4)))
    pool, wall = (np.median(scanned[k][anatomy.labels[k] == tissue]) for tissue in (POOL, MYOCARDIUM))
    assert pool > 1.3 * wall


def test_black_blood_and_late_enhancement_turn_the_contrast_round():
    for seed in range(10):
        rng = np.random.default_rng(seed)
        black, late = draw_contrast(rng, "black blood"), draw_contrast(rng, "late enhancement")
        assert black.blood < 0.5 * black.muscle
        assert late.scar > late.blood > late.muscle


def test_noise_is_rician_where_there_is_no_signal():
    ratios = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        anatomy = draw_anatomy(rng)
        scanned = acquire(rng, np.zeros(anatomy.labels.shape, np.float32), anatomy)
        values = scanned[scanned > 0]
        # Where the noise is a few intensities only, their rounding distorts it.
        if values.mean() > 10:
            ratios.append(values.mean() / values.std())
    # The magnitude of complex noise is Rayleigh distributed: its mean is 1.91 standard deviations.
    assert len(ratios) >= 3
    np.testing.assert_allclose(ratios, 1.913, rtol=0.08)


# What it is drawn with


def test_a_table_is_looked_up_at_the_angles_of_its_columns():
    table = np.stack([np.sin(3 * ANGLE), np.cos(ANGLE)])
    angle = np.tile(ANGLE.astype(np.float32), (2, 1, 1))
    np.testing.assert_allclose(look_up(table, angle)[:, 0], table, atol=1e-4)
    between = np.full((2, 1, 1), -np.pi / ANGLES, np.float32)
    np.testing.assert_allclose(look_up(table, between)[:, 0, 0], (table[:, 0] + table[:, -1]) / 2, atol=1e-4)


@given(st.floats(-20, 20), st.floats(0.2, 6))
def test_an_edge_is_half_at_the_contour_and_as_wide_as_asked(inside, width):
    share = float(soft(np.full((1, 1, 1), inside, np.float32), width)[0, 0, 0])
    assert share == pytest.approx(min(1, max(0, 0.5 + inside / width)), abs=1e-4)


@given(st.floats(0, 6.28), st.floats(0.3, 3))
def test_a_bump_is_one_in_the_middle_and_nothing_on_the_other_side(middle, width):
    height = bump(middle, width)
    away = np.abs((ANGLE - middle + np.pi) % (2 * np.pi) - np.pi)
    assert (height[away < width / 4] == 1).all()
    assert (height[away > 0.76 * width] == 0).all()
    assert ((height >= 0) & (height <= 1)).all()
