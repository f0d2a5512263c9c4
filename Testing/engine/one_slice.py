"""Decisions about one slice of a heart that is right elsewhere."""

import numpy as np
from scipy import ndimage

from engine.shapes import CENTRE, STACK_SPACING, blob, heart, ring
from engine.toy_models import seeing_model
from engine.toy_stacks import gap, grey
from rncarefine.anatomy.topology import fill_holes
from rncarefine.refine.decide import decide
from rncarefine.refine.examine import Examined
from rncarefine.refine.locate import ImageEvidence
from rncarefine.refine.options import RepairOptions
from rncarefine.refine.proposals import Proposals
from rncarefine.stack import Stack

WALLS, POOLS = heart()
K = 3
TRUTH = WALLS[K]
"""The slice that is decided about, and its right wall: a ring of 16.8 to 24.8 mm."""
CUT = TRUTH & gap(80, 20)
FAR = ring(5, 12, centre=(60, CENTRE[1]))
"""A ring 37 mm away from the axis."""
NARROW = TRUTH & gap(20, 20)
THREADED = NARROW | (ndimage.binary_dilation(fill_holes(TRUTH) & (1 - TRUTH), np.ones((3, 3))) & TRUTH)
"""A wall with a narrow gap, and the same closed by a thread along its cavity."""
LOOSE = TRUTH | blob((6, 6), 4)
"""The right wall and a loose component."""


def decided(
    wall=CUT,
    *,
    k=K,
    image_likelihood=TRUTH,
    alone=None,
    elsewhere=None,
    drawn=None,
    likelihood=None,
    support=None,
    pool=None,
    disregarded=(),
    loose=1.0,
    card=None,
    blank=False,
    islands=(),
    **options,
):
    """Decide about one slice of a heart that is right elsewhere.

    Args:
        wall: The slice's mask.
        k: Which slice.
        image_likelihood: Probability of wall there, from the image alone.
        alone: The ring that is read from it.
        elsewhere: Such rings of other slices.
        drawn: The automaton's ring.
        likelihood: The automaton's probability of wall, by default its ring.
        support: That of the mean which the ring is read from, by default the same.
        pool: The blood pool of the slice; by default none is given.
        disregarded: Slices whose masks the automaton was not given.
        loose: Share of the myocardium away from the heart; by default so much that no wall is kept for its own sake.
        card: Changes to the model card.
        blank: The image of the slice is constant.
        islands: Other slices with a papillary muscle.
        options: Of the repair.
    """
    walls, pools, field = WALLS.copy(), POOLS.copy(), WALLS.astype(np.float32)
    walls[list(islands)] |= blob(CENTRE, 3)
    walls[k], field[k] = wall, image_likelihood
    if pool is not None:
        pools[k] = pool
    image = grey(WALLS, POOLS)
    if blank:
        image[k] = 7
    stack = Stack.create(image, walls, STACK_SPACING, None if pool is None else pools)
    chosen = RepairOptions(**options)
    examined = Examined.of(stack, chosen)
    vars(examined)["loose_share"] = loose
    walls_alone = {**({} if alone is None else {k: alone}), **(elsewhere or {})}
    # Decisions do not look at the crop and what lies in it.
    evidence = ImageEvidence(examined.heart, None, None, None, None, field, walls_alone, 1.0, 1.0, 1.0)
    proposals = Proposals({}, {}, {}, {}, frozenset(disregarded))
    if drawn is not None:
        proposals.walls[k] = drawn
    if drawn is not None or likelihood is not None:
        proposals.likelihood[k] = np.asarray(drawn if likelihood is None else likelihood, np.float32)
        proposals.support[k] = proposals.likelihood[k] if support is None else np.asarray(support, np.float32)
    found = decide(examined, examined.diagnosis.slices[k], evidence, proposals, seeing_model(**(card or {})), chosen)
    assert stack.mask[k].tobytes() == walls[k].tobytes()
    return found


def codes(found):
    return [reason.code for reason in found.decision.reasons]


def assert_is(found, verdict, wall):
    assert found.decision.verdict is verdict
    np.testing.assert_array_equal(found.decision.wall, wall)
    assert found.decision.wall.dtype == np.uint8


def level(expected):
    """Return the probability all over a wall at which it has this expected Dice."""
    return expected / (2 - expected)
