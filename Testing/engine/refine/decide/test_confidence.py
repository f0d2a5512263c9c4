"""The confidence of repaired and closed walls, and slices whose image shows nothing."""

import math

import numpy as np
import pytest

from engine.one_slice import CUT, LOOSE, POOLS, TRUTH, WALLS, K, assert_is, codes, decided
from engine.shapes import SHAPE, STACK_SPACING, ring
from engine.toy_models import seeing_model
from engine.toy_stacks import dice, grey
from rncarefine.anatomy.topology import fill_holes
from rncarefine.nca.card import CLOSED_FEATURES, REPAIRED_FEATURES
from rncarefine.reasons import ReasonCode
from rncarefine.refine.decide import MIN_CONFIDENCE, decide
from rncarefine.refine.examine import Examined
from rncarefine.refine.locate import ImageEvidence
from rncarefine.refine.options import RepairOptions
from rncarefine.refine.proposals import Proposals
from rncarefine.stack import Stack
from rncarefine.words import Verdict

# Confidence


def test_a_closed_wall_that_the_image_shows_is_sure():
    found = decided(TRUTH)
    assert_is(found, Verdict.INTACT, TRUTH)
    assert found.decision.confidence == pytest.approx(1)
    assert not found.decision.doubtful
    assert codes(found) == []
    assert set(found.features) == set(CLOSED_FEATURES)


def test_closed_wall_off_the_image_is_flagged():
    moved = np.roll(TRUTH, 10, axis=1)
    found = decided(moved, drawn=TRUTH, alone=TRUTH)
    assert_is(found, Verdict.INTACT, moved)
    assert found.decision.doubtful
    assert codes(found) == [ReasonCode.IMAGE_DISAGREES]
    assert found.decision.reasons[0].values["confidence"] == pytest.approx(dice(moved, TRUTH), abs=1e-4)
    assert found.decision.confidence == pytest.approx(dice(moved, TRUTH))


def test_confidence_of_a_repaired_wall():
    likelihood = np.where(TRUTH, 0.8, 0.0)
    found = decided(drawn=TRUTH, likelihood=likelihood)
    assert found.decision.confidence == pytest.approx(2 * 0.8 / 1.8, abs=1e-5)
    assert set(found.features) == set(REPAIRED_FEATURES)
    assert found.features["seen"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("wall", "field", "names", "code"),
    [
        (CUT, "confidence", REPAIRED_FEATURES, ReasonCode.LOW_CONFIDENCE),
        (LOOSE, "confidence", REPAIRED_FEATURES, ReasonCode.LOW_CONFIDENCE),
        (TRUTH, "closed_confidence", CLOSED_FEATURES, ReasonCode.IMAGE_DISAGREES),
    ],
    ids=["repaired", "cleaned", "closed"],
)
def test_below_the_least_confidence_a_slice_needs_review(wall, field, names, code):
    for margin, doubted in ((0.01, False), (-0.01, True)):
        chance = MIN_CONFIDENCE + margin
        weights = {**dict.fromkeys(names, 0.0), "intercept": math.log(chance / (1 - chance))}
        found = decided(wall, drawn=TRUTH, card={field: weights})
        assert found.decision.confidence == pytest.approx(chance)
        assert found.decision.doubtful == doubted
        assert (code in codes(found)) == doubted


def test_the_area_is_relative_to_the_largest_outline_in_the_images():
    large, small = ring(20, 26), ring(4, 8)
    found = decided(drawn=TRUTH, alone=small, elsewhere={K + 1: large})
    inside, largest = (int(fill_holes(wall).sum()) for wall in (TRUTH, large))
    assert found.features["area"] == pytest.approx(math.log((1 + inside) / (1 + largest)))


def test_the_neighbours_images_count_for_a_closed_wall():
    found = decided(TRUTH, image_likelihood=np.zeros(SHAPE))
    assert found.features["seen"] == 0
    assert found.features["neighbours"] == pytest.approx(
        max(dice(TRUTH, WALLS[K - 1]), dice(TRUTH, WALLS[K + 1])), abs=1e-6
    )


def test_the_other_closed_walls_count_for_a_closed_wall():
    """The other slices are right: all of them are closed, and the image shows them."""
    found = decided(TRUTH, image_likelihood=np.zeros(SHAPE))
    assert found.features["others_seen"] == pytest.approx(1)
    assert found.features["others_right"] == 1


def test_broken_walls_and_walls_away_from_the_heart_are_not_as_expected():
    walls = WALLS.copy()
    walls[K + 1] = CUT
    walls[K - 1] = ring(3, 7, centre=(10, 10))
    examined = Examined.of(Stack.create(grey(WALLS, POOLS), walls, STACK_SPACING), RepairOptions())
    assert examined.off_axis(K - 1)
    field = WALLS.astype(np.float32)
    evidence = ImageEvidence(examined.heart, None, None, None, None, field, {}, 1.0, 1.0, 1.0)
    nothing = Proposals({}, {}, {}, {}, frozenset())
    entry = examined.diagnosis.slices[K]
    found = decide(examined, entry, evidence, nothing, seeing_model(), RepairOptions())
    others = int(walls.any(axis=(1, 2)).sum()) - 1
    assert found.features["others_right"] == pytest.approx((others - 2) / others)
    assert found.features["others_seen"] == pytest.approx(1)


# Blank images


@pytest.mark.parametrize("wall", [CUT, TRUTH])
def test_a_wall_over_a_blank_image_is_flagged_without_confidence(wall):
    sure = {"card": {"confidence": {"intercept": 5.0}, "closed_confidence": {"intercept": 5.0}}}
    seen, blank = (decided(wall, drawn=TRUTH, blank=blank, **sure) for blank in (False, True))
    assert (seen.decision.doubtful, seen.decision.confidence > 0.9) == (False, True)
    assert (blank.decision.doubtful, blank.decision.confidence) == (True, None)
    assert codes(blank)[-1] is ReasonCode.BLANK_IMAGE
    np.testing.assert_array_equal(blank.decision.wall, seen.decision.wall)


@pytest.mark.parametrize(("spread", "blank"), [(0.04, True), (0.06, False)])
def test_limit_of_a_blank_image(spread, blank):
    rng = np.random.default_rng(0)
    image = rng.normal(size=(5, *SHAPE))
    image[1] *= 4
    image[3] *= spread
    stack = Stack.create(image, np.stack([ring()] * 5), STACK_SPACING)
    assert Examined.of(stack, RepairOptions()).blank.tolist() == [False, False, False, blank, False]


def test_an_empty_slice_with_a_blank_image_is_not_flagged():
    found = decided(np.zeros_like(TRUTH), k=0, blank=True)
    assert (found.decision.doubtful, codes(found)) == (False, [])
