"""A stack does not depend on the storage orientation, and the result is stored like the segmentation."""

from itertools import permutations, product

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from engine.file_samples import grid_of, ijk_to_lps, labels, volume, write_segments, write_wall
from engine.report_samples import broken_stack
from rncarefine.io.choice import StructureChoice
from rncarefine.io.files import read_case, read_pair
from rncarefine.io.grid import Grid, Turn, is_reversed, stack_turn
from rncarefine.io.label_map import as_image, read_label_map

BY_LABEL = StructureChoice(label=2, pool_label=3)
BY_NAME = StructureChoice(segment="wall", pool_segment="pool")
TURNS = [Turn(axes, flips) for axes in permutations(range(3)) for flips in product((False, True), repeat=3)]
SOME = TURNS[::5]
turns = st.sampled_from(TURNS)


def write_turned(path, values, turn):
    """Write an array of the stack as another program might store it: axes in another order, or the other way."""
    image = volume(values)
    sitk.WriteImage(as_image(turn.apply(sitk.GetArrayFromImage(image)), grid_of(image).turned(turn)), str(path))
    return path


@given(turn=turns, other=turns)
def test_a_turn_moves_voxels_and_grid_together_and_can_be_undone(turn, other):
    values = np.arange(24).reshape(2, 3, 4)
    grid = Grid((4, 3, 2), ijk_to_lps())
    turned, there = turn.apply(values), grid.turned(turn)
    for k, j, i in np.ndindex(turned.shape):
        place = np.linalg.solve(grid.ijk_to_lps, there.ijk_to_lps @ [i, j, k, 1]).round().astype(int)
        assert values[place[2], place[1], place[0]] == turned[k, j, i]
    assert np.array_equal(turn.inverse.apply(turned), values)
    assert grid.coincides_with(there.turned(turn.inverse))
    back = grid.turned(other).turn_of(there)
    assert np.array_equal(back.apply(turned), other.apply(values))
    assert grid.holds_the_voxels_of(there)


@given(turn=turns)
def test_the_stack_is_the_same_however_it_is_stored(turn):
    grid = Grid((44, 40, 4), ijk_to_lps())
    values = np.arange(4 * 40 * 44).reshape(4, 40, 44)
    expected = stack_turn(grid)
    own = stack_turn(grid.turned(turn))
    stack, there = own.apply(turn.apply(values)), grid.turned(turn).turned(own)
    known, place = expected.apply(values), grid.turned(expected)
    if is_reversed(there) != is_reversed(place):
        flip = Turn((0, 1, 2), (False, False, True))
        stack, there = flip.apply(stack), there.turned(flip)
    assert np.array_equal(stack, known)
    assert np.allclose(there.ijk_to_lps, place.ijk_to_lps, atol=1e-9)


def test_slices_lie_along_the_thick_axis_or_else_along_the_third():
    for spacing, axis in (
        ((1.2, 1.3, 8), 2),
        ((8, 1.2, 1.3), 0),
        ((1.2, 8, 1.3), 1),
        ((1.3, 1.2, 1.4), 2),
        ((2, 1.5, 1.5), 2),
    ):
        assert stack_turn(Grid((20, 20, 20), np.diag([*spacing, 1.0]))).axes[2] == axis


def test_rounding_at_45_degrees_decides_nothing():
    half = np.sqrt(0.5)
    for noise in (1e-7, -1e-7):
        matrix = np.eye(4)
        matrix[:3, :3] = np.array([[half + noise, -half, 0], [half, half + noise, 0], [0, 0, 1]]) * [1.2, 1.2, 8]
        for turn in TURNS:
            grid = Grid((20, 20, 4), matrix).turned(turn)
            found = grid.turned(stack_turn(grid)).ijk_to_lps
            assert np.allclose(found[:2, :2], [[1.2 * half, 1.2 * half], [1.2 * half, -1.2 * half]], atol=1e-5)


@pytest.mark.parametrize("turn", SOME)
def test_labels_keep_their_orientation(tmp_path, turn):
    sitk.WriteImage(volume(broken_stack()[0].image), str(tmp_path / "case.nrrd"))
    plain = read_case(tmp_path / "case.nrrd", write_turned(tmp_path / "plain.nii.gz", labels(), Turn()), BY_LABEL)
    path = write_turned(tmp_path / "seg.nii.gz", labels(), turn)
    case = read_case(tmp_path / "case.nrrd", path, BY_LABEL)
    for name in ("image", "mask", "pool"):
        assert np.array_equal(getattr(case.stack, name), getattr(plain.stack, name))
    assert np.array_equal(case.others, plain.others)
    after = stack_turn(grid_of(volume(labels()))).apply(broken_stack()[1])
    write_wall(plain, after, tmp_path / "plain-out.nii.gz")
    write_wall(case, after, tmp_path / "out.nii.gz")
    expected, result = read_label_map(tmp_path / "plain-out.nii.gz"), read_label_map(tmp_path / "out.nii.gz")
    assert np.array_equal(result.values, turn.apply(expected.values))
    assert result.grid.coincides_with(read_label_map(path).grid)
    pair = read_pair(tmp_path / "out.nii.gz", tmp_path / "plain-out.nii.gz", BY_LABEL, BY_LABEL)
    assert np.array_equal(pair.prediction, pair.truth)
    assert pair.spacing == pytest.approx((8, 1.5, 1.25)) or pair.spacing == pytest.approx((8, 1.25, 1.5))
    assert pair.first == 0


@pytest.mark.parametrize("turn", SOME)
def test_segments_keep_their_orientation(tmp_path, turn):
    sitk.WriteImage(volume(broken_stack()[0].image), str(tmp_path / "case.nrrd"))
    segments = [("rv", 0, 1), ("wall", 0, 2), ("pool", 0, 3)]
    plain = read_case(
        tmp_path / "case.nrrd", write_segments(tmp_path / "p.seg.nrrd", segments, labels()[None]), BY_NAME
    )
    path = write_segments(tmp_path / "s.seg.nrrd", segments, turn.apply(labels())[None])
    grid = grid_of(volume(labels())).turned(turn)
    text = path.read_bytes()
    for name, value in (
        (
            b"space directions",
            " ".join("(" + ",".join(map(repr, step)) + ")" for step in grid.ijk_to_lps[:3, :3].T.tolist()),
        ),
        (b"space origin", "(" + ",".join(map(repr, grid.ijk_to_lps[:3, 3].tolist())) + ")"),
    ):
        start = text.index(name)
        text = text[:start] + name + b": " + value.encode() + text[text.index(b"\n", start) :]
    path.write_bytes(text)
    case = read_case(tmp_path / "case.nrrd", path, BY_NAME)
    assert np.array_equal(case.stack.mask, plain.stack.mask)
    assert np.array_equal(case.stack.pool, plain.stack.pool)
    after = stack_turn(grid_of(volume(labels()))).apply(broken_stack()[1])
    write_wall(case, after, tmp_path / "out.seg.nrrd")
    result = read_case(tmp_path / "case.nrrd", tmp_path / "out.seg.nrrd", BY_NAME)
    assert np.array_equal(result.stack.mask, after)
    assert result.segmentation.grid.coincides_with(case.segmentation.grid)


@pytest.mark.parametrize("turn", SOME)
def test_the_image_may_be_stored_in_any_orientation(tmp_path, turn):
    image = broken_stack()[0].image
    first = write_turned(tmp_path / "plain.nrrd", image, Turn())
    segmentation = write_turned(tmp_path / "seg.nrrd", labels(), Turn())
    plain = read_case(first, segmentation, BY_LABEL)
    case = read_case(write_turned(tmp_path / "case.nrrd", image, turn), segmentation, BY_LABEL)
    step = -1 if case.stack.reversed != plain.stack.reversed else 1
    assert np.array_equal(case.stack.image[::step], plain.stack.image)
    assert np.array_equal(case.stack.mask[::step], plain.stack.mask)
    assert case.stack.spacing == plain.stack.spacing
