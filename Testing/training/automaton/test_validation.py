"""Validation while training: an automaton that sees the wall scores, one that does nothing gains nothing."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.toy_models import SEEING, seeing_parameters
from rncarefine.nca.architecture import CHANNELS, ENDOCARDIUM, EPICARDIUM, MASK
from rncarefine.nca.neighbours import link
from rncarefine.nca.rollout import Runner
from rncarefine.tasks.ring.readout import is_ring, read_wall
from rncarefine_training.automaton.samples import WALL, crop_case
from rncarefine_training.automaton.validation import Validation
from training.toy_data import failed, toy_case, toy_config

LIVELY = replace(SEEING, hidden=8)
"""Sizes of an automaton whose rule does something."""
VOLUMETRIC = replace(LIVELY, volumetric=True)
PLACE = {name: number for number, name in enumerate(CHANNELS)}


def stacks(subjects="ab"):
    made = []
    for number, subject in enumerate(subjects):
        case = toy_case(subject, seed=number)
        predictions = [("x", failed(failed(case.labels, 0), 2, 100)), ("y", failed(case.labels, 1))]
        made.append(crop_case(case, predictions, 1.6))
    return made


def settings(architecture, **changes):
    shape = {"channels": architecture.channels, "volumetric": architecture.volumetric}
    return toy_config().automaton.model_copy(update={"steps": 6, **shape, **changes})


def validation(architecture=SEEING, most=100, seed=0, **changes):
    return Validation.of(stacks(), settings(architecture, **changes), most, seed)


def tensors(parameters):
    return {name: torch.from_numpy(value) for name, value in parameters.items()}


def measured(parameters, architecture, **changes):
    chosen = settings(architecture, **changes)
    return Validation.of(stacks(), chosen, 100, 0).measure(tensors(parameters), architecture, chosen)


def restless(architecture=LIVELY):
    """Return weights that see the wall, less well where a mask is given, and whose rule moves every cell."""
    parameters, rng = seeing_parameters(architecture=architecture), np.random.default_rng(0)
    parameters["down0a.weight"][0, MASK, 1, 1] = 1e-5
    for name in ("perceive.weight", "condition.weight", *(["across.weight"] if architecture.volumetric else [])):
        parameters[name] = rng.normal(0, 0.3, parameters[name].shape).astype(np.float32)
    parameters["update.weight"][:] = rng.normal(0, 0.02, parameters["update.weight"].shape)
    return parameters


def engine(drawn, parameters, architecture, links=None):
    """Return what the engine reads after a rollout, of the evidence, and of the evidence without masks."""
    channels = drawn.channels.permute(0, 2, 3, 1).numpy()
    runner = Runner(parameters, architecture, "numpy")
    encoding = runner.encode(channels)
    k = np.arange(len(channels))
    ended = runner.roll(encoding, k, steps=6, fire_rate=0.5, patience=None, links=links).state
    alone = channels.copy()
    alone[..., MASK:] = 0
    return [
        [read_wall(np.moveaxis(fields[..., :3], -1, 0)) for fields in part]
        for part in (ended, encoding.evidence, runner.encode(alone).evidence)
    ]


def scores(drawn, walls):
    """Return the metrics of the broken slices of a validation for the walls that the engine reads."""
    rows = []
    for n in np.flatnonzero(drawn.broken):
        truth, given = drawn.truth[n], drawn.channels[n, MASK].numpy() >= 0.5
        after, once, seen = (given if part[n] is None else part[n] > 0 for part in walls)

        def dice(mask, truth=truth):
            return 2 * (mask & truth).sum() / (mask.sum() + truth.sum())

        rows.append(
            {
                "rings": is_ring(after.astype(np.uint8)),
                "dice": dice(after),
                "dice_gain": dice(after) - dice(given),
                "one_pass_dice": dice(once),
                "image_dice": dice(seen),
            }
        )
    return {name: np.mean([row[name] for row in rows]) for name in rows[0]}


# What is measured


def test_validation_has_every_broken_slice():
    drawn = validation()
    # Two stacks, three broken slices each.
    assert drawn.channels.shape == (6, len(CHANNELS), 48, 48)
    assert drawn.truth.shape == (6, 48, 48)
    assert drawn.broken.all()
    # Away from the heart there is nothing: the area does not change where the crop is cut to its size.
    expected = [(stack.truth[WALL, k] >= 128).sum() for stack in stacks() for k in range(3)]
    assert sorted(drawn.truth.sum(axis=(1, 2)).tolist()) == sorted(expected)
    for channels, wall in zip(drawn.channels.numpy(), drawn.truth, strict=True):
        assert 0.6 < (channels[MASK] >= 0.5).sum() / wall.sum() < 0.95
        assert not channels[PLACE["pool"]].any()
        # The image shows blood within the wall.
        filled = (channels[0] > 0.75).sum()
        assert 0.4 < filled / wall.sum() < 1.5


def test_the_neighbours_are_those_below_and_above():
    drawn = validation()
    below, above = (drawn.channels[:, PLACE[f"mask {name}"]].sum((1, 2)) for name in ("below", "above"))
    # Slice 0 has nothing below and slice 2 an empty slice above; the drawn heart tapers.
    assert (int((below == 0).sum()), int((above == 0).sum())) == (2, 2)
    inside = (below > 0) & (above > 0)
    assert bool((below[inside] > above[inside]).all())
    images = [bool(channels[PLACE["image below"]].any()) for channels in drawn.channels]
    assert images == (below > 0).tolist()


def test_validation_size_is_limited_and_seeded():
    one, again, other = (validation(most=3, seed=seed) for seed in (0, 0, 1))
    assert len(one.truth) == 3
    assert torch.equal(one.channels, again.channels)
    assert not torch.equal(one.channels, other.channels)


def test_without_a_broken_slice_there_is_nothing_to_validate_on():
    case = toy_case("a")
    perfect = crop_case(case, [("x", case.labels)], 1.6)
    with pytest.raises(ValueError, match="validation set"):
        Validation.of([perfect], settings(SEEING), 10, 0)


# Metrics


def test_the_scores_are_those_of_the_engines_rollout():
    drawn, parameters = validation(), restless()
    score = measured(parameters, LIVELY)
    assert score == pytest.approx(scores(drawn, engine(drawn, parameters, LIVELY)), abs=2e-3)
    assert len({round(score[name], 3) for name in ("dice", "one_pass_dice", "image_dice")}) == 3


def test_without_discs_the_ring_alone_is_read():
    parameters = seeing_parameters()
    # The discs are seen as they should be, the ring channel is not.
    for channel in (EPICARDIUM, ENDOCARDIUM):
        assert parameters["evidence.weight"][channel].any()
    parameters["evidence.weight"][0], parameters["evidence.bias"][0] = 0, -9
    rings = [measured(parameters, SEEING, without=without)["rings"] for without in ([], ["discs"])]
    assert rings == [1, 0]


@pytest.mark.parametrize(
    ("part", "names"),
    [
        ("image", ["image", "image below", "image above"]),
        ("neighbours", ["image below", "image above", "mask below", "mask above"]),
        ("mask", ["mask", "mask below", "mask above"]),
    ],
)
def test_an_ablation_is_validated_without_its_channels(part, names):
    whole, without = (validation(without=parts).channels for parts in ([], [part]))
    for number, name in enumerate(CHANNELS):
        kept = whole[:, number]
        assert torch.equal(without[:, number], torch.zeros_like(kept) if name in names else kept)
        assert name not in names or bool(kept.any())


# A volumetric automaton


def thick_and_thin():
    """Return a stack of slices 4 mm apart and one of slices 9 mm apart, each broken by two networks."""
    return [replace(stack, spacing_mm=spacing) for stack, spacing in zip(stacks(), (4.0, 9.0), strict=True)]


def test_a_volumetric_automaton_sees_whole_stacks():
    drawn = Validation.of(thick_and_thin(), settings(VOLUMETRIC), 100, 0)
    assert drawn.channels.shape == (16, len(CHANNELS), 48, 48)
    np.testing.assert_array_equal(drawn.stack, np.repeat([0, 1, 2, 3], 4))
    np.testing.assert_array_equal(drawn.k, np.tile([0, 1, 2, 3], 4))
    np.testing.assert_array_equal(drawn.spacing_mm, np.repeat([4.0, 9.0], 8))
    # The first network broke slices 0 and 2, the other slice 1; the last slice shows no heart.
    np.testing.assert_array_equal(np.flatnonzero(drawn.broken), [0, 2, 5, 8, 10, 13])


def test_stacks_are_drawn_until_enough_broken_slices_are_among_them():
    for seed in range(4):
        drawn = Validation.of(thick_and_thin(), settings(VOLUMETRIC), 2, seed)
        assert 2 <= drawn.broken.sum() <= 3
        assert len(drawn.k) == 4 * len(np.unique(drawn.stack))
    assert len({tuple(Validation.of(thick_and_thin(), settings(VOLUMETRIC), 1, seed).stack) for seed in range(6)}) > 1


def test_volumetric_scores_agree_with_the_engine():
    parameters, chosen = restless(VOLUMETRIC), settings(VOLUMETRIC)
    drawn = Validation.of(thick_and_thin(), chosen, 100, 0)
    links = link(drawn.stack, drawn.k, drawn.spacing_mm)
    walls = engine(drawn, parameters, VOLUMETRIC, links)
    score = drawn.measure(tensors(parameters), VOLUMETRIC, chosen)
    assert score == pytest.approx(scores(drawn, walls), abs=2e-3)
    # The slices that are whole already would score otherwise, and so would slices that do not see each other.
    everywhere = replace(drawn, broken=drawn.truth.any(axis=(1, 2)))
    assert scores(everywhere, walls)["dice_gain"] != pytest.approx(score["dice_gain"], abs=1e-2)
    apart = parameters | {"across.weight": np.zeros_like(parameters["across.weight"])}
    assert scores(drawn, engine(drawn, apart, VOLUMETRIC, links))["dice"] != pytest.approx(score["dice"], abs=1e-6)
