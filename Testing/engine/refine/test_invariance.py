"""What holds of every repair: the place of the heart, its storage and the numbers of its labels do not matter.

The suite examines a few stacks. Set the environment variable ``RNCAREFINE_EXAMPLES`` for more; then no test has a time
limit. With 350, the six tests examine 2,100 stacks in about 10 minutes on two cores (``-n 2``).
"""

import os
from itertools import permutations, product

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.file_samples import grid_of
from engine.shapes import SHAPE, STACK_SPACING, damage, heart
from engine.toy_models import seeing_model
from engine.toy_stacks import grey
from rncarefine.io.files import read_case, write_case
from rncarefine.io.grid import Turn
from rncarefine.io.label_map import as_image, read_label_map
from rncarefine.refine.options import RepairOptions
from rncarefine.refine.repair import repair
from rncarefine.stack import Stack
from rncarefine.words import REPAIRED, Verdict

pytestmark = pytest.mark.timeout(0 if "RNCAREFINE_EXAMPLES" in os.environ else 600)
EXAMPLES = settings(max_examples=int(os.environ.get("RNCAREFINE_EXAMPLES", "4")))
TURNS = [Turn(axes, flips) for axes in permutations(range(3)) for flips in product((False, True), repeat=3)]
ROUNDING = 0.02
"""Share of the wall that may differ where the crop lies elsewhere between the pixels."""
seeds = st.integers(0, 10**9)
rooms = st.tuples(*[st.integers(0, 40)] * 4)


def random_stack(seed):
    """Return a damaged heart."""
    walls, pools = heart()
    broken = damage(walls, np.random.default_rng(seed))
    assume(broken.any())
    return Stack.create(grey(walls, pools, seed), broken, STACK_SPACING, pools)


def run(stack, **options):
    return repair(stack, seeing_model(), RepairOptions(device="numpy", **options))


def padded(stack, above, below, left, right):
    """Return a stack with more background about it."""
    widths = ((0, 0), (above, below), (left, right))
    image = np.pad(stack.image, widths, mode="edge")
    return Stack.create(image, np.pad(stack.mask, widths), stack.spacing, np.pad(stack.pool, widths))


def assert_same_repair(one, other, inside):
    """Check two repairs, and the part of the other's wall where the one's image lies; all else must be empty."""
    assert [r.verdict for r in one.report.slices] == [r.verdict for r in other.report.slices]
    assert inside.sum() == other.wall.sum()
    assert int((one.wall != inside).sum()) <= ROUNDING * one.wall.sum()


def write(path, values, turn, spacing=STACK_SPACING):
    """Write an array as a program might store it: axes in another order, or the other way."""
    image = sitk.GetImageFromArray(values)
    image.SetSpacing(spacing[::-1])
    known = grid_of(image)
    sitk.WriteImage(as_image(turn.apply(values), known.turned(turn)), str(path))
    return path


def repaired_file(folder, stack, turn, numbers):
    """Repair a stack through files and return the label map that is written, turned back, and with the usual labels."""
    wall, pool, other = numbers
    labels = np.zeros(stack.shape, np.uint8)
    labels[stack.pool > 0] = pool
    labels[stack.mask > 0] = wall
    labels[:, 0, 0] = other
    image = write(folder / "image.nrrd", stack.image, turn)
    segmentation = write(folder / "labels.nrrd", labels, turn)
    case = read_case(image, segmentation, label=wall, pool_label=pool)
    write_case(case, repair(case.stack, seeing_model(), RepairOptions(device="numpy")), folder / "result.nrrd")
    result = turn.inverse.apply(read_label_map(folder / "result.nrrd").values)
    usual = np.zeros_like(result)
    for number, name in zip(numbers, (2, 3, 1), strict=True):
        usual[result == number] = name
    return usual


@EXAMPLES
@given(seed=seeds, room=rooms)
def test_more_background_about_the_heart_does_not_matter(seed, room):
    stack = random_stack(seed)
    wide = run(padded(stack, *room))
    above, _, left, _ = room
    assert_same_repair(run(stack), wide, wide.wall[:, above : above + SHAPE[0], left : left + SHAPE[1]])


@EXAMPLES
@given(seed=seeds, room=rooms, value=st.sampled_from([0.0, -1024.0]))
def test_constant_padding_changes_nothing(seed, room, value):
    stack, (above, below, left, right) = random_stack(seed), room
    widths = ((0, 0), (above, below), (left, right))
    image = np.pad(stack.image, widths, constant_values=value)
    wide = run(Stack.create(image, np.pad(stack.mask, widths), stack.spacing, np.pad(stack.pool, widths)))
    plain = run(stack)
    for name in ("wall", "pool", "added", "removed", "taken_from_pool", "trimmed"):
        np.testing.assert_array_equal(getattr(wide, name), np.pad(getattr(plain, name), widths))
    assert wide.report.slices == plain.report.slices
    assert wide.report.stack == plain.report.stack


@EXAMPLES
@given(seed=seeds, shift=st.tuples(*[st.integers(-20, 20)] * 2))
def test_the_place_of_the_heart_does_not_matter(seed, shift):
    stack, (down, right) = random_stack(seed), shift
    moved = run(padded(stack, 20 + down, 20 - down, 20 + right, 20 - right))
    still = run(padded(stack, 20, 20, 20, 20))
    assert_same_repair(still, moved, np.roll(moved.wall, (-down, -right), axis=(1, 2)))


@EXAMPLES
@given(seed=seeds, turn=st.sampled_from(TURNS))
def test_how_image_and_labels_are_stored_does_not_matter(seed, turn, tmp_path_factory):
    stack, folder = random_stack(seed), tmp_path_factory.mktemp("turned")
    plain = repaired_file(folder, stack, Turn(), (2, 3, 1))
    np.testing.assert_array_equal(repaired_file(folder, stack, turn, (2, 3, 1)), plain)


@EXAMPLES
@given(seed=seeds, numbers=st.permutations(range(1, 9)))
def test_the_numbers_of_the_labels_do_not_matter(seed, numbers, tmp_path_factory):
    stack, folder = random_stack(seed), tmp_path_factory.mktemp("labels")
    plain = repaired_file(folder, stack, Turn(), (2, 3, 1))
    np.testing.assert_array_equal(repaired_file(folder, stack, Turn(), tuple(numbers[:3])), plain)


@EXAMPLES
@given(seed=seeds)
def test_a_repair_of_a_repair_changes_nothing(seed):
    stack = random_stack(seed)
    first = run(stack)
    again = run(Stack.create(stack.image, first.wall, STACK_SPACING, first.pool))
    for record in first.report.slices:
        if record.verdict in (*REPAIRED, Verdict.INTACT):
            assert again.report.slices[record.k].verdict is Verdict.INTACT
            np.testing.assert_array_equal(again.wall[record.k], first.wall[record.k])
