"""Quick validation: an automaton that closes rings scores, one that does nothing does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.toy_models import SMALL, circle_architecture, circle_parameters, volumetric_circle_model, zero_parameters
from rncarefine.nca.architecture import PLANES, RING, VOLUMETRIC_PLANES, Architecture
from rncarefine.nca.neighbours import link
from rncarefine.nca.rollout import rollout
from rncarefine.tasks.ring.readout import read_wall
from rncarefine_training.automaton.samples import frame_case
from rncarefine_training.automaton.validation import Validation
from training.toy_data import failed, toy_case, toy_config

VOLUMETRIC = replace(SMALL, planes=len(VOLUMETRIC_PLANES), volumetric=True)


def stacks(subjects="ab"):
    made = []
    for number, subject in enumerate(subjects):
        case = toy_case(subject, seed=number)
        predictions = [("x", failed(failed(case.labels, 0), 2, 100)), ("y", failed(case.labels, 1))]
        made.append(frame_case(case, predictions, 1.6))
    return made


def settings(architecture, **changes):
    shape = {"channels": architecture.channels, "volumetric": architecture.volumetric}
    return toy_config().automaton.model_copy(update={"steps": 12, **shape, **changes})


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
    architecture = circle_architecture()
    rng = np.random.default_rng(0)
    parameters = {name: value + rng.normal(0, 0.01, value.shape) for name, value in circle_parameters().items()}
    parameters = {name: value.astype(np.float32) for name, value in parameters.items()}
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
    score = measured(parameters, architecture)
    assert score == pytest.approx(scores(drawn, ended), abs=2e-4)
    assert score != pytest.approx(measured(circle_parameters(), architecture), abs=1e-2)


def scores(drawn, ended):
    """Return what the broken slices of a validation score in the states that a rollout ended with."""
    rings, after, before = [], [], []
    for n in np.flatnonzero(drawn.broken):
        truth, given = drawn.truth[n], drawn.state[n, 0].numpy() >= 0.5
        wall = read_wall(ended.state[n].transpose(2, 0, 1)[:3])
        rings.append(wall is not None)
        for found, into in ((given, before), (given if wall is None else wall > 0, after)):
            into.append(2 * (found & truth).sum() / (found.sum() + truth.sum()))
    return {"rings": np.mean(rings), "dice": np.mean(after), "dice_gain": np.mean(after) - np.mean(before)}


def test_without_a_broken_slice_there_is_nothing_to_select_on():
    case = toy_case("a")
    perfect = frame_case(case, [("x", case.labels)], 1.6)
    with pytest.raises(ValueError, match="No base network broke a slice of the selecting subjects"):
        Validation.of([perfect], settings(SMALL), 10, 0)


def test_without_discs_the_ring_alone_is_read():
    architecture, parameters = circle_architecture(), circle_parameters()
    # The discs become what they should be, the ring stays the broken wall that it was.
    parameters["update.weight"][RING] = 0
    tensors = {name: torch.from_numpy(value) for name, value in parameters.items()}
    rings = []
    for without in ([], ["discs"]):
        chosen = settings(architecture, without=without)
        rings.append(Validation.of(stacks(), chosen, 100, 0).measure(tensors, architecture, chosen)["rings"])
    assert rings == [1, 0]


@pytest.mark.parametrize(("part", "names"), [("image", ["image"]), ("neighbours", ["below", "above"])])
def test_an_ablation_is_validated_without_its_planes(part, names):
    whole, without = (Validation.of(stacks(), settings(SMALL, without=parts), 100, 0).planes for parts in ([], [part]))
    for number, name in enumerate(PLANES):
        kept = whole[:, number]
        assert torch.equal(without[:, number], torch.zeros_like(kept) if name in names else kept)
        assert name not in names or bool(kept.any())


# A volumetric automaton


def thick_and_thin():
    """Return a stack of slices 4 mm apart and one of slices 9 mm apart, each broken by two networks."""
    return [replace(stack, distance_mm=distance) for stack, distance in zip(stacks(), (4.0, 9.0), strict=True)]


def test_a_volumetric_automaton_sees_whole_stacks():
    drawn = Validation.of(thick_and_thin(), settings(VOLUMETRIC), 100, 0)
    assert drawn.planes.shape == (16, len(VOLUMETRIC_PLANES), 48, 48)
    np.testing.assert_array_equal(drawn.stack, np.repeat([0, 1, 2, 3], 4))
    np.testing.assert_array_equal(drawn.k, np.tile([0, 1, 2, 3], 4))
    np.testing.assert_array_equal(drawn.distance_mm, np.repeat([4.0, 9.0], 8))
    np.testing.assert_allclose(drawn.planes[:, -1, 0, 0], drawn.distance_mm / 10, rtol=1e-6)
    # The first network broke slices 0 and 2, the other slice 1; the last slice shows no heart.
    np.testing.assert_array_equal(np.flatnonzero(drawn.broken), [0, 2, 5, 8, 10, 13])


def test_stacks_are_drawn_until_enough_broken_slices_are_among_them():
    for seed in range(4):
        drawn = Validation.of(thick_and_thin(), settings(VOLUMETRIC), 2, seed)
        assert 2 <= drawn.broken.sum() <= 3
        assert len(drawn.k) == 4 * len(np.unique(drawn.stack))
    assert len({tuple(Validation.of(thick_and_thin(), settings(VOLUMETRIC), 1, seed).stack) for seed in range(6)}) > 1


def test_volumetric_scores_are_those_of_the_engines_rollout_in_broken_slices():
    model = volumetric_circle_model()
    architecture, parameters = Architecture.of(model.card.shapes), dict(model.parameters)
    across = np.random.default_rng(1).normal(0, 0.4, parameters["across.weight"].shape).astype(np.float32)
    parameters["across.weight"] = across
    chosen = settings(architecture)
    drawn = Validation.of(thick_and_thin(), chosen, 100, 0)
    links = link(drawn.stack, drawn.k, drawn.distance_mm)

    def engine(given):
        return rollout(
            given,
            architecture,
            drawn.planes.permute(0, 2, 3, 1).numpy(),
            drawn.state.permute(0, 2, 3, 1).numpy(),
            np.arange(16),
            steps=12,
            fire_rate=0.5,
            device="numpy",
            patience=None,
            links=links,
        )

    ended = engine(parameters)
    tensors = {name: torch.from_numpy(value) for name, value in parameters.items()}
    score = drawn.measure(tensors, architecture, chosen)
    assert score == pytest.approx(scores(drawn, ended), abs=2e-4)
    # The slices that are whole already would score otherwise, and so would slices that do not see each other.
    everywhere = replace(drawn, broken=drawn.truth.any(axis=(1, 2)))
    assert scores(everywhere, ended) != pytest.approx(score, abs=1e-2)
    apart = parameters | {"across.weight": np.zeros_like(across)}
    assert scores(drawn, engine(apart)) != pytest.approx(score, abs=1e-3)
