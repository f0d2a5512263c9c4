"""Ablations: configurations that differ in one setting, and their comparison."""

import numpy as np
import pandas as pd
import pytest

from engine.toy_models import random_channels, random_parameters, toy_model
from experiments.ablation import (
    REFERENCE,
    VARIATIONS,
    pending_updates,
    rows_of,
    summarise,
    vary,
    zero_unused_inputs,
)
from rncarefine.nca.architecture import CHANNELS, Architecture
from rncarefine.nca.rollout import Runner
from training.toy_data import toy_config


@pytest.mark.parametrize("variation", VARIATIONS, ids=lambda variation: variation.name)
def test_variations_differ_in_their_change_only(variation):
    config = toy_config()
    found = vary(config, variation, 1.0)
    plain = config.automaton.model_dump()
    changed = {name for name, value in found.automaton.model_dump().items() if value != plain[name]}
    assert changed <= set(variation.changes)
    assert (found.seed != config.seed) == bool(variation.seed)
    assert found.subjects == config.subjects


def test_trainings_that_have_finished_are_not_pending(tmp_path):
    config = toy_config(automaton__warmup_updates=40, automaton__updates=60)
    assert pending_updates(config, VARIATIONS, 0.5, tmp_path, stacks=2) == [50] * len(VARIATIONS)
    assert pending_updates(config, VARIATIONS[:3], 0.5, tmp_path, stacks=2, start="toy-2d") == [30] * 3
    measured, trained = (rows_of(variation, tmp_path, 2) for variation in VARIATIONS[:2])
    for path in (measured, trained.with_name(f"{vary(config, VARIATIONS[1], 0.5).name}.npz")):
        path.parent.mkdir(parents=True)
        path.touch()
    assert pending_updates(config, VARIATIONS[:3], 0.5, tmp_path, stacks=2) == [50]


@pytest.mark.parametrize(
    ("without", "hidden"),
    [
        (["image"], {"image", "image below", "image above"}),
        (["neighbours"], {"image below", "image above", "mask below", "mask above"}),
        (["mask"], {"mask", "mask below", "mask above"}),
        (["discs"], set()),
    ],
)
def test_weights_trained_without_a_channel_do_not_see_it(without, hidden):
    architecture = Architecture(channels=6, hidden=8, encoder=(4, 6))
    model = toy_model(random_parameters(architecture), architecture)
    blind = zero_unused_inputs(model, toy_config(automaton__without=without))
    seen = random_channels(1, (16, 16), architecture)
    other, emptied = seen.copy(), seen.copy()
    for name in hidden:
        other[..., CHANNELS.index(name)] += np.random.default_rng(0).uniform(0.5, 1, (1, 16, 16))
        emptied[..., CHANNELS.index(name)] = 0

    def evidence(parameters, channels):
        return Runner(parameters, architecture, "numpy").encode(channels).evidence

    np.testing.assert_array_equal(evidence(blind.parameters, seen), evidence(blind.parameters, other))
    np.testing.assert_allclose(evidence(blind.parameters, seen), evidence(model.parameters, emptied), atol=1e-6)
    assert hidden == set() or not np.allclose(evidence(model.parameters, seen), evidence(model.parameters, other))


# The table


def rows_with(dice, subjects="abcde"):
    frame = {"source": "n", "case": [f"{name}_ED" for name in subjects], "subject": list(subjects), "k": 1}
    frame |= {"network": "n", "ring": True, "dice": dice, "dice_before": 0.5, "hd": 9.0, "assd": 2.0}
    return pd.DataFrame(frame)


def test_variations_are_compared_with_the_reference():
    found = summarise({REFERENCE: rows_with(0.8), "no image": rows_with(0.7).sample(frac=1, random_state=1)})
    assert list(found.variation) == [REFERENCE, "no image"]
    assert found.gain.iloc[0] == pytest.approx(0.3)
    assert np.isnan(found.over.iloc[0])
    assert found.over.iloc[1] == pytest.approx(-0.1)
    assert (found.effect.iloc[1], found["over high"].iloc[1]) == (-1, pytest.approx(-0.1))
