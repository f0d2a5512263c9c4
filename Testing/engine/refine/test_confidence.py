"""What speaks for a repair, and how it is weighed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.shapes import horseshoe, ring
from rncarefine.nca.card import EVIDENCE
from rncarefine.refine.confidence import confidence, evidence


def test_the_evidence_of_a_sure_estimate_is_plain_dice():
    truth, before = ring(), horseshoe(90)
    found = evidence(before, truth, truth.astype(np.float32))
    overlap = 2 * before.sum() / (before.sum() + truth.sum())
    assert tuple(found) == EVIDENCE
    assert found["after"] == 1
    assert found["before"] == pytest.approx(overlap)
    assert found["gain"] == pytest.approx(1 - overlap)
    assert found["kept"] == pytest.approx(overlap)
    assert found["change"] == pytest.approx(math.log(0.01 + (truth.sum() - before.sum()) / truth.sum()))
    assert found["sharpness"] == 1


def test_an_estimate_that_is_nowhere_sure_has_no_sharpness():
    found = evidence(horseshoe(90), ring(), np.full(ring().shape, 0.5, np.float32))
    assert found["sharpness"] == 0


def test_a_wall_that_was_not_there_and_an_empty_estimate_are_no_division_by_zero():
    nothing = np.zeros_like(ring())
    found = evidence(nothing, nothing, nothing.astype(np.float32))
    assert all(math.isfinite(value) for value in found.values())
    assert evidence(nothing, ring(), ring().astype(np.float32))["kept"] == 0


def test_weights_make_a_probability_and_their_absence_the_expected_dice():
    found = dict(zip(EVIDENCE, (0.9, 0.6, 0.3, 0.7, -1.0, 0.8), strict=True))
    weights = dict.fromkeys(EVIDENCE, 0.0) | {"gain": 10.0, "intercept": -1.0}
    assert confidence(found, weights) == pytest.approx(1 / (1 + math.exp(-2)))
    assert confidence(found, weights | {"intercept": 1e6}) == pytest.approx(1)
    assert confidence(found, {}) == 0.9
