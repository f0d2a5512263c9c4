"""Disturbances: what each does to a drawn heart, and that the truth goes along where the anatomy does."""

import numpy as np
import pytest

from experiments.disturbances import DISTURBANCES, Disturbed, scale_percentiles
from rncarefine_training.data.cases import MYOCARDIUM, POOL
from training.toy_data import failed, toy_case

ALL = [name for some in DISTURBANCES.values() for name in some]
CASE = toy_case("a")
LABELS = failed(CASE.labels)


def heart():
    wall, pool, truth = LABELS == MYOCARDIUM, LABELS == POOL, CASE.labels == MYOCARDIUM
    masks = (values.astype(np.uint8) for values in (wall, pool, truth))
    return Disturbed(CASE.image, *masks, CASE.spacing, np.arange(4))


def disturbed(name, seed=0):
    (how,) = (some[name] for some in DISTURBANCES.values() if name in some)
    return how(heart(), np.random.default_rng(seed))


@pytest.mark.parametrize("name", ALL)
def test_a_disturbed_stack_is_a_stack_that_the_draw_alone_decides(name):
    before, found, again = heart(), disturbed(name, 5), disturbed(name, 5)
    for values in (found.wall, found.pool, found.truth):
        assert values.shape == found.image.shape
        assert values.dtype == np.uint8
        assert set(np.unique(values)) <= {0, 1}
    assert found.image.dtype == np.float32
    assert np.isfinite(found.image).all()
    assert len(found.slices) == len(found.image)
    np.testing.assert_array_equal(found.image, again.image)
    np.testing.assert_array_equal(found.wall, again.wall)
    np.testing.assert_array_equal(before.image, CASE.image)


def test_noise_has_its_nominal_deviation():
    added = disturbed("noise 10 %").image - scale_percentiles(CASE.image).clip(0)
    # Where there is signal, Rician noise is nearly normal.
    assert added[scale_percentiles(CASE.image) > 0.5].std() == pytest.approx(0.1, rel=0.1)
