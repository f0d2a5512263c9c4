"""README's pictures of vessels."""

import numpy as np

from engine.vessel_models import vessel_model
from experiments.figures import sample
from rncarefine_training.data.sources.pictures import read_image


def test_the_sample_is_drawn_before_and_after_its_repair(tmp_path):
    before, after = (read_image(path) for path in sample.draw_sample(vessel_model(), tmp_path, side=200))
    assert before.shape == after.shape == (200, 200, 3)
    assert not np.array_equal(before, after)
