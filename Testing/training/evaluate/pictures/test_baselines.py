"""The baselines for vessels: what each does to a mask that one can check by hand."""

import numpy as np
import pytest
from scipy import ndimage

from rncarefine_training.evaluate.pictures.baselines import b_star, cleaned, geometric, hysteresis


def line(gap=0, side=90, width=5):
    mask = np.zeros((side, side), bool)
    mask[40 : 40 + width, 5 : side - 5] = True
    mask[:, 45 : 45 + gap] = False
    return mask


@pytest.mark.parametrize(("gap", "joined"), [(10, True), (20, True), (35, False)])
def test_geometric_bridges_reach_25_pixels(gap, joined):
    mask = line(gap, width=3)
    result = geometric(mask)
    assert (result & mask).sum() == mask.sum()
    assert ndimage.label(result, np.ones((3, 3)))[1] == (1 if joined else 2)


def test_geometric_bridges_lead_ahead():
    mask = line(0, width=3)
    mask[60:63, 5:85] = True  # parallel, 17 pixels away, at the side of every end
    np.testing.assert_array_equal(geometric(mask), mask)


def test_small_pieces_and_holes_go():
    mask = line(0, width=7)
    mask[43, 30:33] = False
    mask[70:80, 10:20] = True
    result = cleaned(mask)
    np.testing.assert_array_equal(result, line(0, width=7))
    assert not cleaned(mask, fill=False)[43, 31]
    np.testing.assert_array_equal(b_star(mask), result)


def test_hysteresis_keeps_what_is_connected_to_something_sure():
    probability = np.where(line(0, width=5), 0.4, 0.0).astype(np.float32)
    assert not hysteresis(probability).any()
    probability[42, 20] = 0.8
    np.testing.assert_array_equal(hysteresis(probability), line(0, width=5))
