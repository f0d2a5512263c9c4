"""The figures of a pair of masks, against hand-made masks and other libraries."""

from __future__ import annotations

import gudhi
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays
from skimage.measure import euler_number, label

from rncarefine_training.automaton.mask_scores import SCORES, cldice, score

MASKS = arrays(np.bool_, (7, 8))


def line(row, start, stop, side=16):
    mask = np.zeros((side, side), bool)
    mask[row, start:stop] = True
    return mask


def ring(side=12):
    mask = np.zeros((side, side), bool)
    mask[2:9, 2:9] = True
    mask[4:7, 4:7] = False
    return mask


def betti_by_gudhi(mask):
    """Components of closed pixels and of holes: pixels are top cells that appear at 0, background never does."""
    cells = gudhi.CubicalComplex(top_dimensional_cells=np.where(np.pad(mask, 1), 0.0, np.inf))
    cells.compute_persistence()
    found = cells.persistent_betti_numbers(0.0, 0.0)
    return found[0], found[1] if len(found) > 1 else 0


def betti_by_skimage(mask):
    components = label(mask, connectivity=2).max()
    return components, components - euler_number(mask, connectivity=2)


@given(MASKS, MASKS)
@settings(max_examples=60, deadline=None)
def test_betti_errors_and_rings_are_those_of_other_libraries(mask, truth):
    row = score(mask[None].astype(np.float32), mask[None], truth[None].astype(np.float32)).iloc[0]
    for oracle in (betti_by_gudhi, betti_by_skimage):
        (b0, b1), (true_b0, true_b1) = oracle(mask), oracle(truth)
        assert (row["b0 error"], row["b1 error"]) == (abs(b0 - true_b0), abs(b1 - true_b1))
        assert row["ring"] == ((b0, b1) == (1, 1))


def test_cldice_does_not_mind_the_width_where_dice_does():
    thick = line(4, 0, 16) | line(5, 0, 16) | line(3, 0, 16)
    assert cldice(thick, line(4, 0, 16)) > 0.95  # the thick line's skeleton ends a pixel before it
    assert score(thick[None].astype(np.float32), thick[None], line(4, 0, 16)[None]).dice[0] == 0.5


def test_the_error_is_that_of_the_soft_output_and_the_rest_is_that_of_the_mask():
    truth = ring()
    soft = np.full(truth.shape, 0.25, np.float32)
    broken = truth & (np.arange(12)[:, None] < 8)
    rows = score(np.stack([soft, soft]), np.stack([truth, broken]), np.stack([truth, truth]).astype(np.float32))
    assert tuple(rows.columns) == SCORES
    share = truth.mean()
    assert rows.mse[0] == rows.mse[1] == pytest.approx(share * 0.75**2 + (1 - share) * 0.25**2)
    assert rows.loc[0, ["dice", "b0 error", "b1 error", "ring", "cldice"]].tolist() == [1, 0, 0, 1, 1]
    # The lower side of the square ring is two pixels wide; one row less still closes.
    assert rows.loc[1, ["b0 error", "b1 error", "ring"]].tolist() == [0, 0, 1]
