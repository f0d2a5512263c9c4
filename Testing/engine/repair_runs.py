"""Repairs of toy stacks, and checks that several test files share."""

import numpy as np

from engine.shapes import STACK_SPACING, heart, horseshoe
from engine.toy_models import seeing_model
from engine.toy_stacks import broken_stack, grey
from rncarefine.refine.repair import RepairOptions, repair
from rncarefine.stack import Stack
from rncarefine.words import Verdict


def run(stack, model=None, *, progress=None, others=None, only=None, **options):
    options = RepairOptions(**{"device": "numpy", **options})
    return repair(stack, seeing_model() if model is None else model, options, progress, others, only)


def verdicts(report):
    return {record.k: record.verdict for record in report.slices if record.verdict is not Verdict.INTACT}


def assert_stack_is(stack, kept):
    for values, copy in zip((stack.image, stack.mask, stack.pool), kept, strict=True):
        np.testing.assert_array_equal(values, copy)


def copies(stack):
    return stack.image.copy(), stack.mask.copy(), stack.pool.copy()


def elsewhere(with_heart):
    """Return a heart in wide slices whose masks lie mostly on another organ, larger than the heart; and the truth."""
    rooms = ((0, 0), (20, 30), (10, 110))
    walls, pools = (np.pad(each, rooms) for each in heart())
    broken = np.pad(broken_stack().mask, rooms) * np.uint8(with_heart)
    broken[:8] |= horseshoe(40, inner=14, outer=30, shape=walls.shape[1:], centre=(60, 150))
    return Stack.create(grey(walls, pools), broken, STACK_SPACING), walls
