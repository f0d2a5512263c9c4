"""Procedural hearts: the truth is an anatomically plausible short-axis stack for every seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.measure import euler_number, label

from rncarefine_training.data.cases import MYOCARDIUM, POOL, RV, TrainingCase
from rncarefine_training.data.procedural import make_case, write_cases
from rncarefine_training.data.procedural.geometry import draw_anatomy, draw_build, draw_grid

SEEDS = st.integers(0, 2**31)
MANY = range(30)
"""Hearts enough for what holds of most of them."""


@pytest.fixture(scope="module")
def anatomies():
    return [draw_anatomy(np.random.default_rng([7, number])) for number in MANY]


def rings_and_discs(labels):
    """Split slices with a wall by an independent count: 8-connected wall, holes by the Euler number."""
    rings, discs, other = [], [], []
    for k, piece in enumerate(labels):
        wall = piece == MYOCARDIUM
        if not wall.any():
            continue
        pieces = label(wall, connectivity=2).max()
        holes = pieces - euler_number(wall, connectivity=2)
        {(1, 1): rings, (1, 0): discs}.get((pieces, holes), other).append(k)
    return rings, discs, other


@given(SEEDS)
@settings(max_examples=8, deadline=None)
def test_a_wall_is_a_closed_ring_about_the_pool_or_a_disc_without_one(seed):
    labels = draw_anatomy(np.random.default_rng(seed)).labels
    rings, discs, other = rings_and_discs(labels)
    assert not other
    assert rings
    for k in rings:
        hole = ndimage.binary_fill_holes(labels[k] == MYOCARDIUM) & (labels[k] != MYOCARDIUM)
        np.testing.assert_array_equal(hole, labels[k] == POOL)
    for k in discs:
        assert not (labels[k] == POOL).any()
        assert k > rings[-1]


@given(SEEDS)
@settings(max_examples=6, deadline=None)
def test_right_ventricle_touches_the_septum(seed):
    anatomy = draw_anatomy(np.random.default_rng(seed))
    labels = anatomy.labels
    assert (labels == RV).any()
    for k in np.flatnonzero((labels == RV).any(axis=(1, 2))):
        left = ndimage.binary_fill_holes(labels[k] >= MYOCARDIUM)
        right = labels[k] == RV
        assert left.any()
        assert not (left & right).any()
        if right.sum() * np.prod(anatomy.grid.spacing[1:]) > 300:
            assert (ndimage.binary_dilation(left, iterations=2) & right).any()
            middle = np.arctan2(*(values[k][right].mean() for values in (anatomy.grid.y, anatomy.grid.x)))
            assert np.cos(middle - anatomy.septum) > 0.7


@given(SEEDS)
@settings(max_examples=40, deadline=None)
def test_spacing_and_slices_are_those_of_clinical_stacks(seed):
    rng = np.random.default_rng(seed)
    build = draw_build(rng)
    grid = draw_grid(rng, build.length)
    distance, row, column = grid.spacing
    assert 5 <= distance <= 12
    assert all(0.7 <= mm <= 2.0 for mm in (row, column))
    assert 0.6 * distance <= grid.thickness <= distance
    np.testing.assert_allclose(np.diff(grid.depth), distance)
    assert 6 <= len(grid.depth) <= 26
    assert grid.depth[0] <= 0
    # A pixel further right is a column's width away, however the picture is turned.
    step = np.hypot(np.diff(grid.x, axis=2), np.diff(grid.y, axis=2))
    np.testing.assert_allclose(step, column, rtol=1e-3)


def test_a_heart_tapers_from_base_to_apex(anatomies):
    for anatomy in anatomies:
        rings, _, _ = rings_and_discs(anatomy.labels)
        areas = [(anatomy.labels[k] >= MYOCARDIUM).sum() for k in rings]
        middle = len(areas) // 2
        assert areas[-1] < 0.8 * max(areas[: middle + 1])
        assert all(later < earlier * 1.12 for earlier, later in zip(areas[middle:], areas[middle + 1 :], strict=False))


def test_slices_above_the_base_and_below_the_apex_are_empty(anatomies):
    beyond = [(anatomy.along < 0) | (anatomy.along >= 1) for anatomy in anatomies]
    assert all(not anatomy.labels[out].any() for anatomy, out in zip(anatomies, beyond, strict=True))
    assert sum(out.any() for out in beyond) > len(beyond) / 2
    inside = [(anatomy.along > 0.02) & (anatomy.along < 0.6) for anatomy in anatomies]
    for anatomy, between in zip(anatomies, inside, strict=True):
        assert (anatomy.labels[between] == MYOCARDIUM).any(axis=(1, 2)).all()


# Determinism


@given(st.integers(0, 9999), st.integers(0, 2**31))
@settings(max_examples=2, deadline=None)
def test_hearts_depend_on_seed_and_number_only(number, seed):
    first, second = make_case(number, seed), make_case(number, seed)
    assert first.name == second.name == f"heart{number:04d}_ED"
    assert first.spacing == second.spacing
    np.testing.assert_array_equal(first.image, second.image)
    np.testing.assert_array_equal(first.labels, second.labels)


def test_hearts_are_written_as_cases(tmp_path):
    paths = list(write_cases(tmp_path, 2, seed=3))
    assert [path.name for path in paths] == ["heart0000_ED.npz", "heart0001_ED.npz"]
    back, made = TrainingCase.load(paths[1]), make_case(1, 3)
    np.testing.assert_array_equal(back.image, made.image)
    assert (back.subject, back.spacing) == ("heart0001", made.spacing)
    assert back.image.dtype == np.float32
    assert back.labels.dtype == np.uint8
