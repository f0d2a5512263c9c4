"""Proposals of the automaton for broken slices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.shapes import blob
from engine.toy_models import (
    SEEING,
    identity_model,
    seeing_model,
    spreading_parameters,
    toy_model,
    volumetric_seeing_model,
)
from engine.toy_proposals import RINGS, TRUTH, heart_of, proposed, random_model
from engine.toy_stacks import broken_stack, dice
from rncarefine.nca.architecture import CHANNELS, Architecture
from rncarefine.nca.channels import stacked
from rncarefine.nca.rollout import PATIENCE, Runner
from rncarefine.refine import proposals
from rncarefine.refine.views import likelihood_of
from rncarefine.tasks.ring.readout import is_ring, read_wall


def spreading_model(**card):
    return toy_model(spreading_parameters(), SEEING, **card)


def test_without_a_wanted_slice_nothing_is_rolled_out(recorded):
    found = proposed(wanted=[])
    assert sorted(found.image_walls) == list(RINGS)
    for nothing in (found.walls, found.likelihood, found.one_pass, found.snapshots, found.disregarded):
        assert not nothing
    assert found.steps == 0
    assert not recorded[0].rolled


def test_gaps_are_closed_where_the_image_shows_the_wall():
    found = proposed()
    assert sorted(found.walls) == sorted(found.likelihood) == sorted(found.support) == sorted(found.one_pass) == [2, 5]
    for k, wall in found.walls.items():
        assert is_ring(wall)
        assert wall.shape == TRUTH[k].shape
        assert dice(wall, TRUTH[k]) > 0.95
        assert 0 <= found.likelihood[k].min() <= found.likelihood[k].max() <= 1
        # This automaton changes nothing: its wall equals that without masks, and nearly the single pass in one view.
        np.testing.assert_array_equal(wall, found.image_walls[k])
        assert dice(wall, found.one_pass[k]) > 0.95
    assert found.steps == PATIENCE
    assert not found.disregarded


def test_likelihood_without_a_wall():
    found = proposed(model=identity_model())
    assert found.walls == found.image_walls == found.one_pass == {}
    assert sorted(found.likelihood) == [2, 5]
    assert found.certainty == 0


@pytest.fixture
def trusting(monkeypatch):
    """Give the automaton all masks, however little its evidence agrees with them."""
    monkeypatch.setattr(proposals, "MIN_MASK_AGREEMENT", 0.0)


def test_the_rollout_adds_to_the_single_pass(trusting):
    # The evidence of the spreading automaton knows no ring, its rule draws one.
    found = proposed(model=spreading_model(steps=80))
    for k in (2, 5):
        assert found.likelihood[k][TRUTH[k] > 0].mean() > 0.8
        assert dice(found.walls[k], TRUTH[k]) > 0.9
    assert PATIENCE < found.steps < 80


def test_model_and_options_decide_steps_rate_and_seed(recorded):
    proposed(wanted=[2], seed=7, model=seeing_model(steps=11, fire_rate=0.25))
    proposed(wanted=[2], steps=9)
    first, second = (runner.rolled[0] for runner in recorded)
    assert (first["steps"], first["fire_rate"], first["seed"]) == (11, 0.25, 7)
    assert (second["steps"], second["seed"], second["patience"]) == (9, 0, PATIENCE)


def misled_stack():
    """Return the broken heart with a mask in slice 5 that lies beside the heart."""
    stack = broken_stack()
    mask = stack.mask.copy()
    mask[5] = blob((20, 20), 12) | blob((50, 62), 10)
    return replace(stack, mask=mask), heart_of(stack)


def test_misleading_mask_is_disregarded(recorded):
    stack, there = misled_stack()
    found = proposed(stack, at=there, model=seeing_model(confused=8.0))
    assert found.disregarded == {5}
    # The rollout starts from the images alone there, a single pass keeps the mask.
    channels = recorded[0].rolled[0]["channels"]
    assert channels[0][..., 3:].any()
    assert not channels[1][..., 3:].any()
    np.testing.assert_array_equal(found.walls[5], found.image_walls[5])
    assert dice(found.walls[5], TRUTH[5]) > 0.95


@pytest.mark.parametrize(("moved", "trusted"), [(1, True), (8, False)])
def test_contradicting_masks_are_all_disregarded(recorded, moved, trusted):
    stack = broken_stack()
    found = proposed(replace(stack, mask=np.roll(stack.mask, moved, axis=1)), at=heart_of(stack))
    assert found.disregarded == (frozenset() if trusted else {2, 5})
    assert recorded[0].rolled[0]["channels"][..., CHANNELS.index("mask")].any() == trusted
    assert recorded[0].rolled[0]["channels"][..., CHANNELS.index("pool")].any() == trusted
    assert min(dice(found.walls[k], TRUTH[k]) for k in (2, 5)) > 0.95


def test_every_sample_has_its_own_seed(recorded):
    proposed(wanted=[2], seed=5, samples=3)
    assert [call["seed"] for call in recorded[0].rolled] == [5, 6, 7]
    assert [len(channels) for channels in recorded[0].encoded] == [9, 9, 1]


def test_samples_are_averaged():
    options = {"wanted": [2], "steps": 2, "model": random_model()}
    together = proposed(seed=5, samples=3, **options).likelihood[2]
    alone = [proposed(seed=seed, **options).likelihood[2] for seed in (5, 6, 7)]
    # Pixels that no run clips to 0..1.
    free = np.all([(each > 0) & (each < 1) for each in alone], axis=0)
    assert free.sum() > 100
    np.testing.assert_allclose(together[free], np.mean(alone, axis=0)[free], atol=1e-5)
    assert np.abs(alone[0] - alone[1]).max() > 0.05


def test_snapshots_show_the_first_sample(trusting):
    found = proposed(model=spreading_model(), steps=60, samples=2, snapshots=(0, 8, 60))
    assert sorted(found.snapshots) == [0, 8, 60]
    assert found.steps == 60
    for k in (2, 5):
        rings = [found.snapshots[step][k][0] > 0.5 for step in (0, 8, 60)]
        assert found.snapshots[0][k].shape == (3, *TRUTH.shape[1:])
        assert not rings[0].any()
        assert rings[1].sum() < rings[2].sum()
        assert dice(rings[2], TRUTH[k]) > 0.9


@pytest.mark.parametrize("weight", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("disregarded", [False, True])
def test_wall_is_read_from_the_mean_evidence(disregarded, weight, monkeypatch):
    monkeypatch.setattr(proposals, "TRUST_MARGIN", -1.0 if disregarded else 1.0)
    read = []
    monkeypatch.setattr(proposals, "read_wall", lambda fields: read.append(fields) or read_wall(fields))
    model = seeing_model(confused=4.0, mask_weight=weight)
    found = proposed(broken_stack(), wanted=[2], model=model, steps=3, snapshots=(3,))
    together, once = read[-2:]
    assert found.disregarded == ({2} if disregarded else set())
    runner = Runner(model.parameters, Architecture.of(model.card.shapes), "numpy")
    stack, closer, alone = broken_stack(), found.closer, found.fields[2]
    given = found.view.crop.put_back(np.moveaxis(runner.encode(found.runner.encoded[2]).evidence[0], -1, 0))
    channels = stacked(closer.images, closer.crop.take(stack.mask), None, 2)
    turned = runner.encode(np.ascontiguousarray(np.rot90(channels))[None]).evidence[0]
    near = closer.crop.put_back(np.moveaxis(np.rot90(turned, -1), -1, 0), outside=np.nan)
    with_mask = np.where(np.isnan(near), given, near)
    assert np.abs(with_mask - alone).max() > 0.005  # far above the tolerance
    shown = alone if disregarded else weight * with_mask + (1 - weight) * alone
    state = found.snapshots[3][2]
    np.testing.assert_allclose(together, (state + shown) / 2, atol=1e-5)
    np.testing.assert_allclose(once, given, atol=1e-6)
    np.testing.assert_allclose(found.support[2], likelihood_of((state + alone) / 2), atol=1e-5)


def test_a_volumetric_automaton_is_rolled_out_from_base_to_apex(recorded):
    stack = broken_stack()
    mask = stack.mask.copy()
    mask[[0, 1, 8]] = 0
    found = proposed(replace(stack, mask=mask), model=volumetric_seeing_model(), at=heart_of(stack))
    (call,) = recorded[0].rolled
    np.testing.assert_array_equal(call["k"], range(1, 9))
    np.testing.assert_array_equal(call["links"].below, [8, *range(7)])
    np.testing.assert_array_equal(call["links"].above, [*range(1, 8), 8])
    assert call["links"].neighbour_weight == pytest.approx([5 / 8] * 8)
    assert sorted(found.walls) == sorted(found.likelihood) == sorted(found.support) == sorted(found.one_pass) == [2, 5]
    assert all(dice(found.walls[k], TRUTH[k]) > 0.95 for k in (2, 5))


def test_volumetric_disregards_unwanted_slices_too(recorded):
    stack, there = misled_stack()
    model = seeing_model(confused=8.0)
    volumetric = volumetric_seeing_model()
    parameters = {**volumetric.parameters, **{name: model.parameters[name] for name in ("evidence.weight",)}}
    found = proposed(stack, wanted=[2], at=there, model=replace(volumetric, parameters=parameters))
    (call,) = recorded[0].rolled
    assert not call["channels"][list(call["k"]).index(5)][..., 3:].any()
    # What is reported is about the wanted slices.
    assert not found.disregarded
