"""Measuring a vessel model and its baselines on pictures."""

import numpy as np
import pytest

from engine.vessel_models import vessel_model
from rncarefine.nca.architecture import PICTURE_CHANNELS, Architecture
from rncarefine.nca.rollout import Runner
from rncarefine.tasks.tubular.windows import likelihood
from rncarefine_training.data.sources.pictures import read_folders
from rncarefine_training.evaluate.pictures import measure
from training.toy_vessels import NETWORK, write_pictures


def test_edits_without_a_rollout_use_the_evidence_that_the_repair_uses(tmp_path, monkeypatch):
    jobs = measure.segmented(read_folders(write_pictures(tmp_path, ("01L",))), [NETWORK], ["eyes01"])
    model = vessel_model(image_weight=0.4)
    model.parameters["down0a.weight"][0, PICTURE_CHANNELS.index("mask"), 1, 1] = 1
    given, repair = [], measure.repair_picture

    def recorded(picture, *rest, **more):
        given.append((picture, more.get("likelihood")))
        return repair(picture, *rest, **more)

    monkeypatch.setattr(measure, "repair_picture", recorded)
    list(measure.evaluate_pictures(jobs, model))
    (picture, own), (_, found) = given
    assert own is None
    runner = Runner(model.parameters, Architecture.of(model.card.shapes), "auto")
    expected = likelihood(picture, model, runner, steps=0, everywhere=True)
    unmixed = likelihood(picture, model, runner, steps=0, everywhere=True, image_weight=0.0)
    assert np.abs(expected - unmixed).max() > 0.1
    assert found == pytest.approx(expected, abs=1e-5)
