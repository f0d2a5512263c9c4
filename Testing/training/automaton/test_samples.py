"""Samples: what is shown belongs to what is asked for, and sample n is always the same."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from rncarefine.nca.architecture import CHANNELS
from rncarefine_training.automaton import samples as module
from rncarefine_training.automaton.samples import (
    INNER,
    MIDDLE,
    WALL,
    RepairSamples,
    crop_case,
    withhold,
)
from rncarefine_training.data.cases import POOL
from training.toy_data import automaton_settings as settings
from training.toy_data import failed, toy_case
from training.toy_samples import undisturbed

PLACE = {name: number for number, name in enumerate(CHANNELS)}
MASKS = ("mask", "mask below", "mask above")
SIZE = 48
QUIET = {"misled": 0.0, "redrawn": 0.0, "absent": 0.0, "inner_only": 0.0}
"""Nothing but failures and damage."""


@pytest.fixture(scope="module")
def stack():
    case = toy_case("a")
    return crop_case(case, [("net", failed(case.labels))], 1.6)


@pytest.fixture(scope="module")
def inner():
    """Return a stack with an inner contour only, and no prediction."""
    case = toy_case("ENDO-b", seed=1)
    return crop_case(replace(case, labels=np.where(case.labels == POOL, POOL, 0).astype(np.uint8)), [], 1.6)


@pytest.fixture
def given(monkeypatch):
    """Withhold nothing."""
    monkeypatch.setattr(module, "withhold", lambda images, walls, pools, chosen, rng: (images, walls, pools))


@pytest.fixture
def plain(monkeypatch, given):
    """Neither damage nor augment nor withhold: what is in a sample is what was put there."""
    undisturbed(monkeypatch, SIZE)


def samples(stacks, length=20, seed=0, **changes):
    return RepairSamples(stacks, settings(**changes), length, seed)


def only(stacks, index=0, **changes):
    """Return channels by name, truth and weight of the only slice of a sample."""
    sample = samples(stacks, length=200, **(QUIET | changes))[index]
    return {name: sample.channels[0, number] for name, number in PLACE.items()}, sample.target[0], sample.weight[0]


def dice(a, b):
    a, b = np.asarray(a) >= 0.5, np.asarray(b) >= 0.5
    return 2 * (a & b).sum() / max(1, a.sum() + b.sum())


def assert_share(hits, expected):
    """Assert that a share of independent draws lies within 4 standard deviations of what is expected."""
    hits = np.asarray(hits)
    deviation = np.sqrt(expected * (1 - expected) / len(hits))
    assert hits.mean() == pytest.approx(expected, abs=4 * deviation + 1e-9)


# A sample


def test_a_sample_is_channels_truth_and_weights_of_one_slice(stack):
    made = samples([stack], length=17)
    sample = made[0]
    assert len(made) == 17
    assert sample.channels.shape == (1, len(CHANNELS), SIZE, SIZE)
    assert sample.target.shape == (1, 3, SIZE, SIZE)
    assert sample.weight.tolist() == [[1, 1, 1]]
    assert sample.neighbour_weight.shape == ()
    for values in sample:
        assert values.dtype == torch.float32
        assert bool(torch.isfinite(values).all())
    assert 0 <= float(sample.target.min()) <= float(sample.target.max()) <= 1


def test_sample_n_is_always_the_same(stack, inner):
    everything = {"misled": 0.3, "redrawn": 0.5, "absent": 0.3, "inner_only": 0.3, "natural": 0.5}
    one, other = (samples([stack, inner], **everything) for _ in range(2))
    for index in (5, 0, 11, 3, 19):
        for a, b in zip(one[index], other[index], strict=True):
            assert torch.equal(a, b)


def test_elastic_deformation_changes_the_truth(stack):
    straight, bent = (samples([stack], elastic=elastic) for elastic in (0.0, 0.03))
    overlaps = [dice(straight[n].target[0, 1], bent[n].target[0, 1]) for n in range(10)]
    assert 0.7 < np.mean(overlaps) < 0.97


def test_inflated_truth_is_the_difference_of_its_discs(stack):
    inflated = samples([stack], inflated=1.0)
    for n in range(10):
        target = inflated[n].target[0]
        torch.testing.assert_close(target[0], target[1] - target[2], atol=0.02, rtol=0)
    parts, nothing = np.ones((1, 8, 8), np.float32), np.zeros((4, 1, 8, 8), np.uint8)
    np.testing.assert_array_equal(module._inflated(parts, nothing, np.random.default_rng(0)), parts)


def test_stacks_without_a_closed_ring_are_not_enough(stack, inner):
    nothing = replace(stack, closed=np.zeros(4, bool), predictions=[])
    assert samples([stack, nothing]).candidates[0].closed == [stack]
    with pytest.raises(ValueError, match="closed ring"):
        samples([nothing, inner])


# Where masks come from


def test_real_failures_alone_show_what_the_network_made_of_a_slice(stack, given):
    gaps = []
    for index in range(20):
        seen, target, _ = only([stack], index, natural=1.0)
        wall, truth = seen["mask"].numpy() >= 0.5, target[0].numpy() >= 0.5
        if not truth.any():  # a quarter of them are any slice of the stack
            continue
        # The prediction lacks a part of the wall in slice 1, and adds nothing but pixels of its edge.
        assert (wall & ~truth).sum() < 0.15 * truth.sum()
        gaps.append((truth & ~wall).sum() / truth.sum())
    assert len(gaps) > 10
    assert np.mean(np.array(gaps) > 0.1) > 0.5


def test_truth_is_empty_beyond_the_heart(given):
    case = toy_case("a")
    labels = failed(case.labels)
    labels[3] = case.labels[2]
    beyond = crop_case(case, [("net", labels)], 1.6)
    for index in range(10):
        seen, target, weight = only([beyond], index, absent=1.0)
        assert bool(seen["mask"].any())
        assert not target.any()
        assert weight.tolist() == [1, 1, 1]


def test_misled_masks_are_wrong_and_the_truth_stays(stack, given):
    shown = [only([stack], index, misled=1.0) for index in range(40)]
    overlaps = [dice(seen["mask"], target[0]) for seen, target, _ in shown]
    assert np.mean(overlaps) < 0.6
    assert max(overlaps) < 0.97
    for _, target, weight in shown:
        torch.testing.assert_close(target[0], target[1] - target[2], atol=0.02, rtol=0)
        assert weight.tolist() == [1, 1, 1]


def test_misled_samples_have_the_configured_share(stack, monkeypatch):
    misled = []
    original = module._misled
    monkeypatch.setattr(module, "_misled", lambda drawn, rng: misled.append(1) or original(drawn, rng))
    made = samples([stack], length=100, misled=0.2)
    hits = []
    for index in range(100):
        misled.clear()
        made[index]
        hits.append(bool(misled))
    assert_share(hits, 0.2)


# What is withheld


def parts(depth=1, side=4):
    return [torch.ones(depth + 2, side, side) * value for value in (0.5, 1.0, 1.0)]


def withheld(count=4000, depth=1, **changes):
    """Return for many draws whether all walls, those of inner slices, those of neighbours and pools are withheld."""
    chosen, rng = settings(**changes), np.random.default_rng(0)
    rows = []
    for _ in range(count):
        images, walls, pools = withhold(*parts(depth), chosen, rng)
        there, pooled, shown = (part.flatten(1).any(1).tolist() for part in (walls, pools, images))
        everything = not any(there)
        rows.append(
            {
                "all": everything,
                "own": not everything and not all(there[1:-1]),
                "neighbours": not everything and not (there[0] and there[-1]),
                "pool": not any(pooled),
                "images": not (shown[0] and shown[-1]),
            }
        )
        assert all(shown[1:-1])
        assert len(set(pooled)) == 1
        assert everything or sum(there[1:-1]) >= depth - 1
    return {name: [row[name] for row in rows] for name in rows[0]}


@pytest.mark.parametrize("share", [0.0, 0.28, 0.86])
@pytest.mark.parametrize("depth", [1, 3])
def test_withheld_masks_have_the_configured_shares(share, depth):
    found = withheld(withheld=share, depth=depth)
    assert_share(found["all"], share)
    assert_share(found["own"], 0.06)
    assert_share(found["neighbours"], 0.08)
    assert_share(found["pool"], share + (1 - share) * 0.6)
    assert_share(found["images"], 0.06)
    assert not np.any(np.array(found["own"]) & np.array(found["neighbours"]))


# The image


def test_an_image_is_redrawn_where_wanted_and_geometry_and_masks_stay(stack, plain, monkeypatch):
    monkeypatch.setattr(module, "random_tissue_contrast", lambda images, *_: 3 - 2 * images)
    for index in range(10):
        whole, redrawn = (samples([stack], **(QUIET | {"redrawn": share}))[index] for share in (0.0, 1.0))
        assert torch.equal(whole.target, redrawn.target)
        assert torch.equal(whole.weight, redrawn.weight)
        for name in (*MASKS, "pool"):
            assert torch.equal(whole.channels[0, PLACE[name]], redrawn.channels[0, PLACE[name]])
        inverted = 1 - whole.channels[0, PLACE["image"]]
        torch.testing.assert_close(redrawn.channels[0, PLACE["image"]], inverted, atol=0.2, rtol=0)
        assert (redrawn.channels - whole.channels).abs().max() > 0.5


def test_the_image_is_redrawn_from_the_truth_of_the_same_slices(stack, plain, monkeypatch):
    asked = []
    monkeypatch.setattr(
        module, "random_tissue_contrast", lambda images, tissues, *_: asked.append((images, tissues)) or images
    )
    for index in range(10):
        only([stack], index, redrawn=1.0)
        images, tissues = asked.pop()
        assert len(images) == 3
        for image, wall, pool in zip(images, tissues.wall, tissues.pool, strict=True):
            # Blood is bright and the wall darker in the toy's image.
            if wall.any():
                assert image[pool > 0.9].mean() > image[wall > 0.9].mean() + 0.3
        places = [k for k in range(4) if np.array_equal(stack.image[(k, *MIDDLE)].astype(np.float32), images[1])]
        (k,) = places
        np.testing.assert_array_equal(tissues.wall[1], stack.truth[(WALL, k, *MIDDLE)].astype(np.float32) / 255)
        np.testing.assert_array_equal(tissues.pool[1], stack.truth[(INNER, k, *MIDDLE)].astype(np.float32) / 255)


def test_crops_off_the_heart_may_move_the_masks_along(stack, plain):
    along, beside = 0, 0
    for index in range(40):
        seen, target, weight = only([stack], index, natural=0.0, elsewhere=1.0)
        mask, image = seen["mask"].numpy() >= 0.5, seen["image"].numpy()
        assert (weight == 1).all()
        # Image and truth always move together: where the truth is, the image is unlike the rest.
        truth = target[0].numpy() >= 0.5
        if truth.sum() > 50:
            assert abs(np.median(image[truth]) - np.median(image[~truth])) > 0.05
        middle = np.argwhere(mask).mean(axis=0) if mask.any() else np.array([0.0, 0.0])
        beside += bool(np.abs(middle - (SIZE - 1) / 2).max() < 4)
        along += dice(mask, truth) == pytest.approx(1) and bool(np.abs(middle - (SIZE - 1) / 2).max() > 12)
    assert 12 < beside < 28
    # Of those that were moved along, some show none of the heart.
    assert along > 3
    assert beside + along < 40


def test_neighbours_are_those_below_and_above_in_either_order(stack, plain):
    falls = []
    for index in range(50):
        seen, _, _ = only([stack], index, natural=0.0, vanished=0.0)
        below, mask, above = (int((seen[name] >= 0.5).sum()) for name in ("mask below", "mask", "mask above"))
        # The drawn heart tapers from slice to slice, and the stack begins at its base or at its apex.
        if below and above:
            assert below > mask > above or below < mask < above
            falls.append(below > above)
    assert len(falls) > 6
    assert 0.2 < np.mean(falls) < 0.8


# Inner contours and favoured subjects


def test_an_inner_contour_teaches_the_endocardial_disc_alone(inner, stack, given):
    for index in range(20):
        seen, target, weight = only([stack, inner], index, inner_only=1.0, misled=1.0, redrawn=1.0)
        assert weight.tolist() == [0, 0, 1]
        assert not target[:2].any()
        # Without a prediction there is no mask to give, and none is made up.
        assert not any(seen[name].any() for name in (*MASKS, "pool"))
        assert bool(seen["image"].any())


def test_prediction_of_an_inner_contour_is_shown(inner, stack, given):
    case = toy_case("ENDO-b", seed=1)
    predicted = crop_case(
        replace(case, labels=np.where(case.labels == POOL, POOL, 0).astype(np.uint8)), [("net", case.labels)], 1.6
    )
    shown = [only([stack, predicted], index, inner_only=1.0)[0] for index in range(20)]
    assert sum(bool(seen["mask"].any()) for seen in shown) > 8


def test_inner_contours_have_the_configured_share(inner, stack):
    made = samples([stack, inner], length=100, inner_only=0.4)
    assert_share([made[index].weight[0].tolist() == [0, 0, 1] for index in range(100)], 0.4)
    without = samples([stack], inner_only=0.9)
    assert all(without[index].weight[0].tolist() == [1, 1, 1] for index in range(20))


@pytest.fixture
def drawn(monkeypatch):
    """Return the stacks that samples are drawn from, in order."""
    found = []
    original = RepairSamples._window
    monkeypatch.setattr(
        RepairSamples, "_window", lambda self, source, rng: found.append(source.stack) or original(self, source, rng)
    )
    return found


def test_completed_stacks_have_the_share_of_inner_contours_and_are_supervised_as_a_whole(stack, drawn):
    case = toy_case("ENDO-b", seed=1)
    completed = crop_case(replace(case, completed=True), [("net", failed(case.labels))], 1.6)
    made = samples([stack, completed], length=100, inner_only=0.4, redrawn=1.0)
    weights = [made[index].weight[0].tolist() for index in range(100)]
    assert_share([found is completed for found in drawn], 0.4)
    assert all(weight == [1, 1, 1] for weight in weights)
    for stacks, changes in (([completed], {}), ([stack, completed], {"favoured": ["ENDO-*"], "favour": 1.0})):
        drawn.clear()
        alone = samples(stacks, length=20, inner_only=0.0, **changes)
        for index in range(20):
            alone[index]
        assert drawn == [completed] * 20


def test_images_are_not_redrawn_where_an_outer_contour_is_unknown(monkeypatch):
    case = toy_case("ENDO-b", seed=1)
    labels = case.labels.copy()
    labels[0][labels[0] != POOL] = 0
    partly = crop_case(replace(case, labels=labels, completed=True), [("net", failed(case.labels))], 1.6)
    shown = []
    original = module.random_tissue_contrast
    monkeypatch.setattr(
        module,
        "random_tissue_contrast",
        lambda images, tissues, *others: shown.append(tissues[:2]) or original(images, tissues, *others),
    )
    made = samples([partly], length=60, redrawn=1.0)
    for index in range(60):
        made[index]
    assert 5 < len(shown) < 55
    for walls, pools in shown:
        assert walls.any(axis=(1, 2))[pools.any(axis=(1, 2))].all()


def test_favoured_subjects_have_the_configured_share(stack, drawn):
    case = toy_case("SC-c", seed=2)
    favoured = crop_case(case, [("net", failed(case.labels))], 1.6)
    made = samples([stack, favoured], length=100, favoured=["SC-*"], favour=0.5)
    for index in range(100):
        made[index]
    # Half are drawn from the favoured one alone, half from both.
    assert_share([found is favoured for found in drawn], 0.75)


# Ablations


@pytest.mark.parametrize(
    ("part", "left_out"),
    [
        ("image", {"image", "image below", "image above"}),
        ("neighbours", {"image below", "image above", "mask below", "mask above"}),
        ("mask", set(MASKS)),
        ("discs", set()),
    ],
)
def test_an_ablation_leaves_out_its_channels_and_no_others(stack, part, left_out):
    shown = set()
    for index in range(6):
        whole, without = (only([stack], index, without=chosen)[0] for chosen in ([], [part]))
        for name in CHANNELS:
            assert torch.equal(without[name], torch.zeros_like(whole[name]) if name in left_out else whole[name])
            shown |= {name} if bool(whole[name].any()) else set()
    assert left_out <= shown
