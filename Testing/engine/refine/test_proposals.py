"""Evidence from the images of a stack, proposals of the automaton, and input channels of the encoder."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from engine.shapes import SPACING, STACK_SPACING, blob, heart
from engine.toy_models import (
    SEEING,
    SMALL,
    identity_model,
    random_parameters,
    seeing_model,
    spreading_parameters,
    toy_model,
    volumetric_seeing_model,
)
from engine.toy_stacks import broken_stack, dice, grey
from rncarefine.anatomy.heart import Heart, locate_heart
from rncarefine.nca.architecture import CHANNELS, Architecture
from rncarefine.nca.channels import scale_intensities, stacked
from rncarefine.nca.crop import crop_around
from rncarefine.nca.rollout import PATIENCE, Runner
from rncarefine.reasons import ReasonCode
from rncarefine.refine import proposals
from rncarefine.refine.proposals import CERTAIN_HEART, CLOSER, likelihood_of, locate_heart_in_images, propose
from rncarefine.stack import Stack
from rncarefine.tasks.ring.readout import is_ring, read_wall

TRUTH, POOLS = heart()
SLICES, RINGS = range(9), range(8)
"""Slice 8 of the drawn heart is a solid disc."""


def random_model(**card):
    return toy_model(random_parameters(SMALL, update=0.3), SMALL, **card)


def spreading_model(**card):
    return toy_model(spreading_parameters(), SEEING, **card)


def heart_of(stack):
    return locate_heart(stack.mask, stack.pool, stack.in_plane)


def proposed(stack=None, wanted=(2, 5), model=None, at=None, device="numpy", **options):
    """Locate the heart in the images and propose walls, by default for both broken slices.

    Returns the results of :func:`locate_heart_in_images` (its walls are ``image_walls``) and :func:`propose` together.
    """
    stack = broken_stack() if stack is None else stack
    model = seeing_model() if model is None else model
    runner = Recorded(model.parameters, Architecture.of(model.card.shapes), device)
    hearts = at if isinstance(at, list) else [at or heart_of(stack)]
    evidence = locate_heart_in_images(stack, hearts, runner, model)
    found = propose(evidence, stack, wanted, runner, model, **options)
    return SimpleNamespace(
        **{**vars(evidence), "image_walls": evidence.walls, "doubt": evidence.doubt, **vars(found), "runner": runner}
    )


class Recorded(Runner):
    """Records what it was asked for."""

    made: list[Recorded] = []  # noqa: RUF012

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.encoded, self.rolled = [], []
        self.made.append(self)

    def encode(self, channels):
        self.encoded.append(channels.copy())
        return super().encode(channels)

    def roll(self, encoding, k, **options):
        self.rolled.append({"channels": encoding.channels, "k": k, **options})
        return super().roll(encoding, k, **options)


@pytest.fixture
def recorded():
    """Return the runners that were used."""
    Recorded.made = []
    return Recorded.made


# Evidence from the images alone


def test_all_slices_are_encoded_not_only_the_wanted_ones():
    found = proposed(wanted=[2])
    assert found.image_likelihood.shape == TRUTH.shape
    assert 0 <= found.image_likelihood.min() <= found.image_likelihood.max() <= 1
    assert found.certainty > 0.9
    assert sorted(found.image_walls) == list(RINGS)
    for k, wall in found.image_walls.items():
        assert is_ring(wall)
        assert dice(wall, TRUTH[k]) > 0.95
        assert dice(found.image_likelihood[k] > 0.5, wall) > 0.97
    assert (sorted(found.walls), sorted(found.likelihood), sorted(found.one_pass)) == ([2], [2], [2])


def test_evidence_is_the_mean_over_two_views(recorded):
    stack = broken_stack()
    found = proposed(stack, wanted=[], model=random_model())
    crop, closer = found.view.crop, found.closer.crop
    assert closer.middle == pytest.approx(crop.middle)
    assert (closer.size, closer.spacing_mm) == (crop.size, CLOSER * crop.spacing_mm)
    np.testing.assert_array_equal(found.closer.images, scale_intensities(closer.take(stack.image, "nearest")))
    turned = recorded[0].encoded[-1]
    np.testing.assert_array_equal(turned[..., 0], found.closer.images.transpose(0, 2, 1)[:, ::-1])
    assert not turned[..., 3:].any()
    near = found.runner.encode(turned).evidence[:, ::-1].transpose(0, 3, 2, 1)
    far = crop.put_back(np.moveaxis(found.encoding.evidence[2], -1, 0))
    inside = closer.put_back(np.ones((1, *closer.size), np.float32))[0] > 0
    assert 0 < inside.sum() < inside.size
    np.testing.assert_allclose(found.fields[2], np.where(inside, closer.put_back(near[2]), far), atol=1e-6)
    assert np.abs(found.fields[2] - far).max() > 0.01
    np.testing.assert_allclose(found.image_likelihood[2], likelihood_of((far + found.fields[2]) / 2), atol=1e-6)


def test_image_evidence_does_not_depend_on_the_masks():
    stack = broken_stack()
    one = proposed(stack)
    other = proposed(Stack.create(stack.image, TRUTH, STACK_SPACING), at=heart_of(stack))
    for k in SLICES:
        np.testing.assert_allclose(one.image_likelihood[k], other.image_likelihood[k], atol=1e-6)


def test_without_a_wanted_slice_nothing_is_rolled_out(recorded):
    found = proposed(wanted=[])
    assert sorted(found.image_walls) == list(RINGS)
    for nothing in (found.walls, found.likelihood, found.one_pass, found.snapshots, found.disregarded):
        assert not nothing
    assert found.steps == 0
    assert not recorded[0].rolled


# The automaton's walls


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


# Input channels of the encoder


def crop_about(middle, shape=TRUTH.shape[1:]):
    return crop_around(middle, (80, 80), 1.6, SPACING, shape)


def test_input_channels_of_the_encoder(recorded):
    stack = broken_stack()
    proposed(stack, wanted=[0, 5])
    crop = crop_about(tuple(np.median(heart_of(stack).centres, axis=0)))
    images = scale_intensities(crop.take(stack.image, outside="nearest"))
    walls, pools = crop.take(stack.mask), crop.take(stack.pool)
    alone, _, given = recorded[0].encoded
    nothing = np.zeros_like(walls[0])
    for encoded, slices, masked, pooled in (
        (alone, SLICES, False, False),
        (given, (0, 5), True, True),
    ):
        assert len(encoded) == len(slices)
        for channels, k in zip(encoded, slices, strict=True):
            below, above = (other if 0 <= other < 9 else None for other in (k - 1, k + 1))
            expected = {"image": images[k], "mask": walls[k], "pool": pools[k]}
            for name, values in (("image", images), ("mask", walls)):
                expected[f"{name} below"] = nothing if below is None else values[below]
                expected[f"{name} above"] = nothing if above is None else values[above]
            for number, name in enumerate(CHANNELS):
                hidden = (not masked and not name.startswith("image")) or (name == "pool" and not pooled)
                np.testing.assert_allclose(channels[..., number], nothing if hidden else expected[name], atol=1e-6)
    np.testing.assert_array_equal(recorded[0].rolled[0]["k"], [0, 5])


def test_model_and_options_decide_steps_rate_and_seed(recorded):
    proposed(wanted=[2], seed=7, model=seeing_model(steps=11, fire_rate=0.25))
    proposed(wanted=[2], steps=9)
    first, second = (runner.rolled[0] for runner in recorded)
    assert (first["steps"], first["fire_rate"], first["seed"]) == (11, 0.25, 7)
    assert (second["steps"], second["seed"], second["patience"]) == (9, 0, PATIENCE)


# A heart off the centre of the crop


def beside(mm):
    """Return a candidate at this distance from the heart."""
    there = heart_of(broken_stack())
    return Heart(there.centres + np.array([mm / SPACING[0], 0]), there.radius_mm)


def test_the_crop_is_recentred_on_a_heart_off_its_centre(recorded, monkeypatch):
    found = proposed(at=beside(47))
    assert [len(channels) for channels in recorded[0].encoded] == [9, 9, 9, 2]
    assert sorted(found.image_walls) == list(RINGS)
    assert min(dice(found.walls[k], TRUTH[k]) for k in (2, 5)) > 0.95
    monkeypatch.setattr(proposals, "RECENTRE_MM", 1e3)
    cut_off = proposed(at=beside(47))
    assert max(dice(wall, TRUTH[k]) for k, wall in cut_off.image_walls.items() if k < 3) < 0.95


def test_the_crop_is_not_recentred_without_a_heart_in_the_evidence():
    there = beside(34)
    found = proposed(at=there, model=identity_model())
    assert found.view.crop.start == crop_about(tuple(np.median(there.centres, axis=0))).start
    assert found.heart is there


# Several candidates, and none


def wide_stack(mask=None):
    """Return the heart in a corner of slices of 183 x 250 mm; its crop holds half of them."""
    rooms = ((0, 0), (20, 30), (10, 110))
    walls, pools = np.pad(TRUTH, rooms), np.pad(POOLS, rooms)
    return Stack.create(grey(walls, pools), walls if mask is None else mask, STACK_SPACING), walls


def away(stack):
    """Return a candidate 125 mm away from the heart."""
    there = heart_of(stack)
    return Heart(there.centres + np.array([0, 125 / SPACING[1]]), there.radius_mm)


@pytest.mark.parametrize("first", [True, False])
def test_the_candidate_with_the_highest_certainty_is_selected(first, monkeypatch):
    monkeypatch.setattr(proposals, "MIN_SCORE", -1.0)  # no search
    stack, walls = wide_stack()
    right, wrong = heart_of(stack), away(stack)
    found = proposed(stack, wanted=[], at=[right, wrong] if first else [wrong, right])
    np.testing.assert_allclose(np.median(found.heart.centres, axis=0), np.median(right.centres, axis=0), atol=4)
    assert found.certainty > 0.7
    assert min(dice(found.image_walls[k], walls[k]) for k in RINGS) > 0.9
    assert proposed(stack, wanted=[], at=[wrong]).certainty < found.certainty - 0.1


def test_candidate_near_the_image_centre_is_selected():
    rooms = ((0, 0), (150, 120), (150, 220))
    walls, pools = (np.pad(part, rooms) for part in (TRUTH, POOLS))
    twin = [np.roll(part, (-130, 190), axis=(1, 2)) for part in (walls, pools)]
    stack = Stack.create(grey(walls | twin[0], pools | twin[1]), walls | twin[0], STACK_SPACING)
    near, far = (locate_heart(part, None, stack.in_plane) for part in (walls, twin[0]))
    for hearts in ([near, far], [far, near]):
        found = proposed(stack, wanted=[], at=hearts)
        np.testing.assert_allclose(np.median(found.heart.centres, axis=0), np.median(near.centres, axis=0), atol=4)


@pytest.mark.parametrize(("factor", "loss"), [(1.4, 0.0), (0.7, 0.15 * math.log(2000 / (0.49 * 1932)))])
def test_an_outline_smaller_than_a_heart_lowers_the_score(factor, loss, monkeypatch):
    monkeypatch.setattr(proposals, "MIN_SCORE", -1.0)  # no search
    spacing = (8.0, SPACING[0] * factor, SPACING[1] * factor)
    stack = broken_stack()
    stack = Stack.create(stack.image, TRUTH, spacing)
    found = proposed(stack, wanted=[], at=heart_of(stack))
    assert found.certainty > 0.8
    # The outline of the toy heart is a circle of 1932 mm2.
    assert found.certainty - found.score == pytest.approx(loss, abs=0.06)


def test_the_axis_is_fitted_to_the_evidence_not_to_misleading_masks():
    stack = broken_stack()
    shifted = heart_of(stack)
    found = proposed(stack, wanted=[], at=Heart(shifted.centres + 7, 50.0))
    np.testing.assert_allclose(found.heart.centres[1:7], heart_of(stack).centres[1:7], atol=1.5)
    assert found.heart.radius_mm < 45


def test_a_heart_away_from_the_masks_is_found_by_a_search():
    stack, walls = wide_stack()
    found = proposed(stack, wanted=[], at=[away(stack)])
    assert found.certainty > CERTAIN_HEART
    np.testing.assert_allclose(
        np.median(found.heart.centres, axis=0), np.median(heart_of(stack).centres, axis=0), atol=6
    )
    assert min(dice(found.image_walls[k], walls[k]) for k in RINGS) > 0.9


@pytest.mark.parametrize(("slices", "rivalled"), [((2, 3, 4, 5), False), (range(9), True)])
@pytest.mark.parametrize("searched", [False, True])
def test_the_candidate_visible_in_all_slices_is_selected(monkeypatch, slices, rivalled, searched):
    monkeypatch.setattr(proposals, "MIN_SCORE", 2.0 if searched else 0.0)
    monkeypatch.setattr(proposals, "OFF_CENTRE_PENALTY", 0.0)
    rooms = ((0, 0), (120, 90), (120, 150))
    walls, pools = (np.pad(part, rooms) for part in (TRUTH, POOLS))
    stomach = [part * np.isin(SLICES, slices)[:, None, None] for part in (walls, pools)]
    walls, pools = (np.roll(part, (-70, 70), axis=(1, 2)) for part in (walls, pools))
    stack = Stack.create(grey(walls | stomach[0], pools | stomach[1]), walls | stomach[0], STACK_SPACING)
    heart, wrong = (locate_heart(part, None, stack.in_plane) for part in (walls, stomach[0]))
    found = proposed(stack, wanted=[], at=[wrong] if searched else [wrong, heart])
    if rivalled:
        assert found.doubt.code is ReasonCode.HEART_RIVALLED
        assert found.doubt.values["rival"] > found.doubt.values["score"] - 0.1
        return
    assert found.doubt is None
    np.testing.assert_allclose(np.median(found.heart.centres, axis=0), np.median(heart.centres, axis=0), atol=6)


def test_two_crops_of_one_heart_are_not_rivals(monkeypatch):
    # Without moving the crops, the heart lies in the middle of one and at the edge of the other.
    monkeypatch.setattr(proposals, "MAX_CROPS", 1)
    stack = broken_stack()
    found = proposed(stack, wanted=[], at=[heart_of(stack), beside(30)])
    assert (found.rival, found.doubt) == (0, None)


def test_candidates_are_ranked_in_the_middle_slices(recorded):
    # Both places lead to the same heart.
    proposed(wanted=[], at=[beside(34), beside(30)])
    assert [len(channels) for channels in recorded[0].encoded] == [4, 4, 4, 4, 9, 9]


def test_a_search_without_result_keeps_the_likeliest_candidate(recorded):
    one, other = beside(0), beside(34)
    found = proposed(wanted=[], at=[one, other], model=identity_model())
    assert found.heart is one
    assert (found.certainty, found.image_walls) == (0, {})
    searched = recorded[0].encoded[4:-2]
    assert len(searched) > 3
    assert all(len(channels) == 2 for channels in searched)


def test_a_field_of_view_of_metres_is_searched_near_its_centre_only(recorded):
    stack = Stack.create(broken_stack().image, TRUTH, (100.0, 15.0, 15.0))
    proposed(stack, wanted=[], at=[heart_of(stack)], model=identity_model())
    searched = [channels for channels in recorded[0].encoded if len(channels) == 2]
    assert 0 < len(searched) <= 81


# Misleading masks


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


# Samples and snapshots


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


# Stacks


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


# Likelihood and expected Dice


def test_likelihood_of_ring_and_discs():
    fields = np.array([0.8, 0.9, 0.1], np.float32)[:, None, None] * np.ones((3, 2, 2), np.float32)
    np.testing.assert_allclose(likelihood_of(fields), 0.8)
    assert (likelihood_of(3 * fields) == 1).all()
    assert (likelihood_of(-fields) == 0).all()
