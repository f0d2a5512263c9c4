"""Quick validation: an automaton that closes rings scores, one that does nothing does not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.toy_models import SMALL, circle_architecture, circle_parameters, random_parameters, zero_parameters
from rncarefine_training.samples import frame_case
from rncarefine_training.validation import Validation
from RNCARefineLib.architecture import PLANES
from RNCARefineLib.automaton import rollout
from RNCARefineLib.readout import read_wall
from training.toy_data import failed, toy_case, toy_config


def stacks(subjects="ab"):
    made = []
    for number, subject in enumerate(subjects):
        case = toy_case(subject, seed=number)
        predictions = [("x", failed(failed(case.labels, 0), 2, 100)), ("y", failed(case.labels, 1))]
        made.append(frame_case(case, predictions, 1.6))
    return made


def settings(architecture):
    return toy_config().automaton.model_copy(update={"channels": architecture.channels, "steps": 12})


def validation(architecture, most=100, seed=0):
    return Validation.of(stacks(), settings(architecture), most, seed)


def measured(parameters, architecture, **changes):
    tensors = {name: torch.from_numpy(value) for name, value in parameters.items()}
    return validation(architecture, **changes).measure(tensors, architecture, settings(architecture))


def test_every_broken_slice_is_there_with_its_neighbours_and_its_truth():
    drawn = validation(SMALL)
    # Two stacks, three broken slices each.
    assert drawn.planes.shape == (6, 8, 48, 48)
    assert drawn.state.shape == (6, SMALL.channels, 48, 48)
    assert drawn.truth.shape == (6, 48, 48)
    # Away from the heart there is nothing: the area does not change where the frame is cut out.
    expected = [(stack.ring[k] >= 0.5).sum() for stack in stacks() for k in range(3)]
    assert sorted(drawn.truth.sum(axis=(1, 2)).tolist()) == sorted(expected)
    for planes, state, wall in zip(drawn.planes.numpy(), drawn.state.numpy(), drawn.truth, strict=True):
        np.testing.assert_array_equal(state[0], planes[1])
        assert 0.6 < (planes[1] >= 0.5).sum() / wall.sum() < 0.95
        assert not planes[7].any()


def test_the_neighbours_are_those_below_and_above():
    drawn = validation(SMALL)
    below, above = (drawn.planes[:, PLANES.index(name)].sum((1, 2)) for name in ("below", "above"))
    # Slice 0 has nothing below and slice 2 an empty slice above; the drawn heart tapers.
    assert (int((below == 0).sum()), int((above == 0).sum())) == (2, 2)
    inside = (below > 0) & (above > 0)
    assert bool((below[inside] > above[inside]).all())


def test_no_more_are_drawn_than_asked_for_and_the_seed_says_which():
    one, again, other = (validation(SMALL, most=3, seed=seed) for seed in (0, 0, 1))
    assert len(one.truth) == 3
    assert torch.equal(one.planes, again.planes)
    assert not torch.equal(one.planes, other.planes)


def test_an_automaton_that_closes_the_circle_scores():
    score = measured(circle_parameters(), circle_architecture())
    assert score["rings"] == 1
    assert score["dice"] > 0.85


def test_an_automaton_that_does_nothing_gains_nothing():
    score = measured(zero_parameters(), SMALL)
    assert score["rings"] == 0
    assert score["dice_gain"] == 0
    assert 0.7 < score["dice"] < 0.95


def test_the_scores_are_those_of_the_engines_rollout():
    architecture = SMALL
    parameters = random_parameters(architecture, update=0.05)
    drawn = validation(architecture)
    ended = rollout(
        parameters,
        architecture,
        drawn.planes.permute(0, 2, 3, 1).numpy(),
        drawn.state.permute(0, 2, 3, 1).numpy(),
        np.arange(6),
        steps=12,
        fire_rate=0.5,
        device="numpy",
        patience=None,
    )
    dice, rings = [], 0
    for fields, seed, truth in zip(ended.state, drawn.state.numpy(), drawn.truth, strict=True):
        wall = read_wall(fields.transpose(2, 0, 1)[:3])
        rings += wall is not None
        after = seed[0] >= 0.5 if wall is None else wall > 0
        dice.append(2 * (after & truth).sum() / (after.sum() + truth.sum()))
    score = measured(parameters, architecture)
    assert score["rings"] == pytest.approx(rings / 6)
    assert score["dice"] == pytest.approx(np.mean(dice), abs=1e-3)


def test_without_a_broken_slice_there_is_nothing_to_select_on():
    case = toy_case("a")
    perfect = frame_case(case, [("x", case.labels)], 1.6)
    with pytest.raises(ValueError, match="No base network broke a slice of the selecting subjects"):
        Validation.of([perfect], settings(SMALL), 10, 0)
