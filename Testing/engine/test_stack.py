"""The stack takes what is right as it is, and says what is wrong with the rest."""

import numpy as np
import pytest

from rncarefine.stack import Stack, binary_mask, numbered, numbers

SHAPE = (2, 3, 4)
SPACING = (8.0, 1.5, 1.25)


@pytest.fixture
def image():
    return np.arange(24, dtype=np.int16).reshape(SHAPE)


@pytest.fixture
def mask():
    return np.arange(24).reshape(SHAPE) % 2


def test_a_stack_knows_its_shape_and_its_spacing(image, mask):
    stack = Stack.create(image, mask, SPACING, pool=1 - mask, name="patient")
    assert stack.shape == SHAPE
    assert stack.spacing == SPACING
    assert stack.in_plane == (1.5, 1.25)
    assert stack.pixel_area == pytest.approx(1.875)
    assert stack.name == "patient"
    assert np.array_equal(stack.image, image)
    assert np.array_equal(stack.mask, mask)
    assert np.array_equal(stack.pool, 1 - mask)
    assert Stack.create(image, mask, SPACING).pool is None


@pytest.mark.parametrize("kind", [bool, np.uint8, np.int64, np.float32, list])
def test_masks_of_any_type_become_bytes(image, mask, kind):
    given = mask.tolist() if kind is list else mask.astype(kind)
    stack = Stack.create(image, given, SPACING)
    assert stack.mask.dtype == np.uint8
    assert np.array_equal(stack.mask, mask)


def test_a_stack_has_arrays_of_its_own(image, mask):
    pixels, wall = np.asfortranarray(image, dtype=np.float32), mask.astype(np.uint8)
    stack = Stack.create(pixels, wall, SPACING, pool=wall)
    wall[:] = 0
    assert stack.mask.any()
    assert stack.pool.any()
    for array in (stack.image, stack.mask, stack.pool):
        assert array.flags.c_contiguous
    assert stack.image.dtype == np.float32


def test_invalid_image_raises(mask):
    with pytest.raises(ValueError, match=r"heart: .*4 dimensions"):
        Stack.create(np.zeros((2, *SHAPE)), mask, SPACING, name="heart")
    with pytest.raises(ValueError, match="empty"):
        Stack.create(np.zeros((0, 3, 4)), np.zeros((0, 3, 4)), SPACING)
    with pytest.raises(ValueError, match="constant"):
        Stack.create(np.full(SHAPE, 7), mask, SPACING)


def test_values_that_are_not_finite_are_counted(image, mask):
    pixels = image.astype(float)
    pixels[0, 0, 0], pixels[1, 1, 1] = np.nan, np.inf
    with pytest.raises(ValueError, match="2 NaN"):
        Stack.create(pixels, mask, SPACING)


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (1.0, 0.0, 1.0), (1.0, -1.0, 1.0), (np.nan, 1.0, 1.0)])
def test_invalid_spacing_raises(image, mask, spacing):
    with pytest.raises(ValueError, match="three positive numbers"):
        Stack.create(image, mask, spacing)


def test_invalid_mask_raises(image, mask):
    with pytest.raises(ValueError, match=r"blood-pool mask.*\(1, 3, 4\)"):
        Stack.create(image, mask, SPACING, pool=mask[:1])
    with pytest.raises(ValueError, match=r"myocardium mask.*0 and 1"):
        Stack.create(image, mask * 2, SPACING)
    with pytest.raises(ValueError, match="Threshold probabilities"):
        binary_mask(np.full(SHAPE, 0.5), SHAPE, "the mask")


def test_masks_are_numbered_and_the_first_wins():
    first, second = np.array([[1, 1, 0, 0]], np.uint8), np.array([[0, 1, 1, 0]], np.uint8)
    assert numbered([first, second]).tolist() == [[1, 1, 2, 0]]
    assert numbered([]) is None
    single = np.eye(300, dtype=np.uint8)[:, None]
    assert numbered(single).ravel().tolist() == [min(number, 255) for number in range(1, 301)]


@pytest.mark.parametrize("values", [[[0, 1, 2, 256]], [[0, 1, 2, -1]], [[0, 1, 2, 0.5]], [[0, 1, 2, np.nan]], [[0, 1]]])
def test_numbers_are_whole_and_of_the_shape(values):
    assert numbers([[0, 1, 2, 255]], (1, 4), "x").tolist() == [[0, 1, 2, 255]]
    with pytest.raises(ValueError, match="x has"):
        numbers(values, (1, 4), "x")
