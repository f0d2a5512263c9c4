"""What a slice shows is computed once, where it lies does not matter, and everybody uses the same numbers."""

import numpy as np
import pytest
from hypothesis import given

from engine.shapes import SPACING, disc, horseshoe, random_masks, ring
from engine.toy_models import seeing_model
from engine.toy_stacks import ruined_stack
from rncarefine.anatomy import features
from rncarefine.anatomy.circle import fit_circle
from rncarefine.anatomy.features import SliceFeatures, cavity, find
from rncarefine.anatomy.topology import betti_2d, gap, largest_component
from rncarefine.refine.repair import RepairOptions, check, repair


@given(random_masks(14, 14))
def test_the_features_are_those_of_the_functions(wall):
    pool = np.roll(wall, 2, axis=0)
    seen = SliceFeatures.of(wall, pool, SPACING)
    assert (seen.b0, seen.b1) == betti_2d(wall)
    assert seen.finding is find(wall, pool, SPACING)
    assert seen.closed == (cavity(wall, pool, SPACING) is not None)
    np.testing.assert_array_equal(seen.of_wall.main, largest_component(wall))
    found, own = fit_circle(wall, SPACING), seen.of_wall.circle
    assert (found is None) == (own is None)
    if found is not None:
        assert (own.centre_j, own.centre_i, own.radius_mm) == pytest.approx(
            (found.centre_j, found.centre_i, found.radius_mm), rel=1e-6, abs=1e-6
        )
    own, found = seen.gap, gap(wall, SPACING)
    assert (own.angle_deg, own.width_mm) == pytest.approx((found.angle_deg, found.width_mm), abs=1e-6)
    assert np.cos(np.radians(own.towards_deg - found.towards_deg)) == pytest.approx(1, abs=1e-6)


def test_other_masks_of_the_slice_share_what_is_equal():
    seen = SliceFeatures.of(horseshoe(), disc(18), SPACING)
    assert seen.with_masks(horseshoe(), disc(18)) is seen
    other = seen.with_masks(horseshoe(), None)
    assert other is not seen
    assert other.of_wall is seen.of_wall
    assert seen.with_masks(ring(), disc(18)).of_wall is not seen.of_wall


def test_a_pool_of_another_shape_is_an_error():
    with pytest.raises(ValueError, match="shape"):
        SliceFeatures.of(ring(), np.zeros((3, 3)), SPACING)


@pytest.fixture
def fitted(monkeypatch):
    """Return the walls that a circle was fitted to."""
    walls = []

    def counted(wall, spacing):
        walls.append(wall.tobytes())
        return fit_circle(wall, spacing)

    monkeypatch.setattr(features, "fit_circle", counted)
    return walls


def test_no_circle_is_fitted_twice_to_a_wall(fitted):
    stack = ruined_stack()
    check(stack)
    # One for each wall; where there are several components, one for the largest and one for those near the heart.
    most = sum(1 + 2 * (betti_2d(wall)[0] > 1) for wall in stack.mask)
    assert len(fitted) <= most
    fitted.clear()
    result = repair(stack, seeing_model(), RepairOptions(device="numpy"))
    changed = int((result.wall != stack.mask).any(axis=(1, 2)).sum())
    assert len(fitted) <= most + changed
