"""What a repair takes from other labels: little passes, more is flagged with its size, most of a wall is refused."""

import numpy as np
import pytest

from engine.shapes import SPACING, blob, horseshoe, ring
from rncarefine.tasks.ring.other_labels import (
    MAX_OTHER,
    NOTABLE_MM2,
    NOTABLE_SHARE,
    other_label_rejection,
    taken_from_others,
    taken_share,
)

AREA = SPACING[0] * SPACING[1]


def test_share_is_relative_to_the_whole_wall():
    added = ring() - horseshoe(90)
    assert taken_share(ring(), horseshoe(90), added) == pytest.approx(added.sum() / ring().sum())
    assert taken_share(ring(), horseshoe(90), horseshoe(90)) == 0
    assert taken_share(ring(), horseshoe(90), None) == taken_share(np.zeros_like(ring()), ring(), ring()) == 0


@pytest.mark.parametrize(("gap_deg", "flagged"), [(20, False), (50, True)])
def test_a_wall_that_takes_a_notable_share_is_flagged_with_its_size(gap_deg, flagged):
    before = horseshoe(gap_deg)
    taken = int((ring() - before).sum())
    assert (taken / ring().sum() > NOTABLE_SHARE) == flagged
    assert taken * AREA > NOTABLE_MM2
    found = taken_from_others(ring(), before, 1 - before, SPACING)
    assert [str(reason.code) for reason in found] == (["taken_from_others"] if flagged else [])
    if flagged:
        assert found[0].values == pytest.approx({"area_mm2": taken * AREA, "share": taken / ring().sum()}, rel=1e-2)


def test_the_edge_of_another_structure_is_none():
    small = ring(3, 6)
    before = small & horseshoe(60, inner=0, outer=60)
    others = 1 - before
    assert taken_share(small, before, others) > NOTABLE_SHARE
    assert taken_from_others(small, before, others, (0.5, 0.5)) == ()
    assert taken_from_others(small, before, others, (3.0, 3.0))


@pytest.mark.parametrize("one_label", [False, True])
def test_a_small_scar_that_the_wall_covers_is_flagged(one_label):
    before, added = horseshoe(20), ring() - horseshoe(20)
    scar = blob(np.argwhere(added).mean(axis=0), 4) & (1 - before)
    right_ventricle = ring(26, 34) & (1 - scar)
    lost = int((scar & added).sum())
    assert lost / ring().sum() < NOTABLE_SHARE
    assert lost * AREA > NOTABLE_MM2
    found = taken_from_others(ring(), before, scar + (1 if one_label else 2) * right_ventricle, SPACING)
    # As a part of the same label the scar is small.
    assert [str(reason.code) for reason in found] == ([] if one_label else ["covers_other"])
    if found:
        assert found[0].values == pytest.approx({"area_mm2": lost * AREA, "share": lost / scar.sum()}, rel=1e-2)


@pytest.mark.parametrize(("gap_deg", "rejected"), [(170, False), (190, True)])
def test_a_wall_made_mostly_of_other_labels_is_rejected(gap_deg, rejected):
    before = horseshoe(gap_deg)
    found = other_label_rejection(ring(), before, 1 - before)
    assert (found is not None) == rejected
    if found is not None:
        assert str(found.code) == "mostly_other_label"
        assert found.values["share"] > found.values["most"] == MAX_OTHER
