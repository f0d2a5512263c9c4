"""The tasks: what is supervised, how a mask is read, which metrics there are; everything else asks the task."""

import numpy as np
import pytest
import torch
from monai.losses import SoftclDiceLoss

from rncarefine_training.automaton.learner import AutomatonLearner
from rncarefine_training.automaton.pictures.windows import WindowSamples, validation_windows
from rncarefine_training.automaton.samples import Sample
from rncarefine_training.automaton.tasks import (
    Ring,
    Tubular,
    repair_loss,
    segmentation_loss,
    soft_cldice,
    training_task,
)
from training.toy_data import automaton_settings as settings
from training.toy_vessels import toy_pictures


def ring(side=24, inner=5, outer=8):
    rows, columns = np.indices((side, side))
    away = np.hypot(rows - side / 2, columns - side / 2)
    return ((away < outer) & (away >= inner)).astype(np.float32)


def cut(mask):
    opened = mask.copy()
    opened[:, 11:14][:12] = 0
    return opened


# Targets, reading and metrics


def test_a_ring_is_supervised_with_wall_disc_and_cavity():
    target = Ring().target(ring())
    assert target.shape == (3, 24, 24)
    np.testing.assert_array_equal(target[0], ring())
    np.testing.assert_array_equal(target[1], ring(inner=0))
    np.testing.assert_array_equal(target[2], target[1] - target[0])


def test_a_thin_structure_is_supervised_with_itself():
    np.testing.assert_array_equal(Tubular().target(ring()), ring()[None])
    assert (Tubular().fields, Ring().fields, Ring(discs=False).fields) == (1, 3, 3)


def test_a_ring_is_read_closed_and_a_thin_structure_as_it_is():
    fields = np.stack([cut(ring()), ring(inner=0), ring(outer=5, inner=0)])
    np.testing.assert_array_equal(Ring().read(fields), ring() > 0)
    for task in (Tubular(), Ring(discs=False)):
        np.testing.assert_array_equal(task.read(fields), cut(ring()) > 0)


@pytest.mark.parametrize("task", [Ring(), Ring(discs=False), Tubular()])
def test_where_nothing_is_there_is_nothing_to_read(task):
    assert task.read(np.zeros((3, 24, 24), np.float32)) is None


def test_scores_of_rings_and_thin_structures():
    truth, given = ring().astype(np.uint8), cut(ring()).astype(np.uint8)
    two = truth.copy()
    two[1, 1] = 1
    judged = Ring().score(truth, given, truth)
    assert (judged["rings"], judged["dice"]) == (1, 1)
    assert judged["dice_gain"] == pytest.approx(1 - 2 * given.sum() / (given.sum() + truth.sum()))
    assert Ring().score(given, given, truth)["rings"] == 0
    judged = Tubular().score(two, given, truth)
    assert (judged["b0_error"], judged["b1_error"]) == (1, 0)
    judged = Tubular().score(given, given, truth)
    assert (judged["b0_error"], judged["b1_error"], judged["dice_gain"]) == (0, 1, 0)
    assert 0.7 < judged["cldice"] < 1


# The losses


def test_soft_cldice_is_that_of_monai():
    draws = torch.Generator().manual_seed(0)
    soft = torch.rand(1, 1, 16, 16, generator=draws)
    target = torch.from_numpy(ring(16, 3, 6))[None, None]
    expected = SoftclDiceLoss(iter_=3)(input=soft, target=target)
    assert float(1 - soft_cldice(soft, target)) == pytest.approx(float(expected), abs=1e-3)
    assert float(soft_cldice(target, target)) == pytest.approx(1, abs=1e-3)


def random_pair(n=4, fields=3, side=8, seed=0):
    draws = torch.Generator().manual_seed(seed)
    shape = n, fields, side, side
    return torch.randn(shape, generator=draws), (torch.rand(shape, generator=draws) > 0.6).float()


def plain_repair_loss(fields, target, weight):
    """Return the loss in the plainest way."""
    total = 0.0
    for n in range(len(fields)):
        for c in range(fields.shape[1]):
            one, other = fields[n, c].numpy().astype(float), target[n, c].numpy().astype(float)
            bounded = one.clip(0, 1)
            soft_dice = (2 * (bounded * other).sum() + 1) / ((bounded**2).sum() + (other**2).sum() + 1)
            total += float(weight[n, c]) * (4 * ((one - other) ** 2).mean() + 1 - soft_dice)
    return total / max(float(weight.sum()), 1)


def plain_segmentation_loss(logits, target, weight):
    total = 0.0
    for n in range(len(logits)):
        for c in range(logits.shape[1]):
            likely, truth = 1 / (1 + np.exp(-logits[n, c].numpy().astype(float))), target[n, c].numpy().astype(float)
            entropy = -(truth * np.log(likely) + (1 - truth) * np.log(1 - likely)).mean()
            soft_dice = (2 * (likely * truth).sum() + 1) / (likely.sum() + truth.sum() + 1)
            total += float(weight[n, c]) * (4 * entropy + 1 - soft_dice)
    return total / max(float(weight.sum()), 1)


@pytest.mark.parametrize(
    ("loss", "plain"), [(repair_loss, plain_repair_loss), (segmentation_loss, plain_segmentation_loss)]
)
def test_losses_agree_with_their_formulas(loss, plain):
    values, target = random_pair()
    weight = torch.tensor([[1, 1, 1], [0, 0, 1], [0.5, 0, 1], [0, 0, 0]])
    assert float(loss(values, target, weight)) == pytest.approx(plain(values, target, weight), rel=1e-5)
    assert float(loss(values, target, torch.zeros(4, 3))) == 0


@pytest.mark.parametrize("task", [Ring(), Tubular()])
def test_the_losses_of_a_task_leave_out_what_has_no_weight(task):
    target = torch.from_numpy(task.target(ring()))[None]
    wrong = torch.rand(target.shape, generator=torch.Generator().manual_seed(0))
    one = torch.ones(1, task.fields)
    assert float(task.loss(target, target, one)) == pytest.approx(0, abs=1e-3)
    both, truth = torch.cat([target, wrong]), torch.cat([target, target])
    for loss in (task.loss, task.evidence_loss):
        for first in (1.0, 0.0):
            weight = torch.tensor([[first], [1 - first]]).expand(2, task.fields)
            kept = both[:1] if first else both[1:]
            assert float(loss(both, truth, weight)) == pytest.approx(float(loss(kept, target, one)), rel=1e-5)
    assert float(task.loss(wrong, target, one)) > 0.5


def test_gap_costs_more_than_the_same_area_at_the_edge():
    # Soft clDice is about the centreline.
    task, truth = Tubular(), ring(32, 7, 12)
    gap = truth * ~((np.indices(truth.shape)[1] > 14) & (np.indices(truth.shape)[1] < 17))
    missing = int((truth - gap).sum())
    edge = truth.copy()
    outer = np.argwhere((truth > 0) & (ring(32, 7, 11) == 0))[:missing]
    edge[tuple(outer.T)] = 0
    assert edge.sum() == gap.sum()
    target, one = torch.from_numpy(truth)[None, None], torch.ones(1, 1)
    with_gap, with_edge = (task.loss(torch.from_numpy(mask)[None, None], target, one) for mask in (gap, edge))
    same = [float(repair_loss(torch.from_numpy(mask)[None, None], target, one)) for mask in (gap, edge)]
    assert same[0] == pytest.approx(same[1])
    assert with_gap > with_edge


def test_without_discs_a_ring_is_supervised_by_its_wall_alone():
    target = torch.from_numpy(Ring().target(ring()))[None]
    other, one = target.clone(), torch.ones(1, 3)
    other[:, 1:] = 0.5
    alone = Ring(discs=False)
    assert float(alone.loss(other, target, one)) == pytest.approx(0, abs=1e-6)
    assert float(Ring().loss(other, target, one)) > 0.1
    certain = (2 * target - 1) * 40
    doubtful = certain.clone()
    doubtful[:, 1:] = 0
    assert float(alone.evidence_loss(doubtful, target, one)) == pytest.approx(0, abs=1e-5)
    assert float(Ring().evidence_loss(doubtful, target, one)) > 0.1


# The configuration chooses


def test_the_configuration_chooses_the_task():
    assert isinstance(training_task(settings()), Ring)
    assert isinstance(training_task(settings(task="tubular")), Tubular)
    assert training_task(settings(without=["discs"])).discs is False
    with pytest.raises(ValueError, match="without discs"):
        settings(task="tubular", without=["discs"])
    with pytest.raises(ValueError, match="task"):
        settings(task="blob")


def test_samples_learner_and_validation_ask_the_task(tmp_path):
    chosen = settings(task="tubular", warmup_updates=0)
    pictures = toy_pictures(tmp_path, chosen.spacing_mm)
    sample = WindowSamples(pictures, chosen, 4, seed=0)[0]
    assert sample.target.shape[1] == sample.weight.shape[1] == 1
    validation = validation_windows(pictures, chosen, 8, seed=0)
    learner = AutomatonLearner(chosen, 0, validation)
    learner.log = learner.log_dict = lambda *arguments, **keywords: None
    batch = Sample(*(torch.stack([values, values]) for values in sample))
    learner.training_step(batch, 0).backward()
    assert learner.architecture.fields == 1
    assert learner.weights["evidence_weight"].grad.any()
    assert learner.weights["update_weight"].grad[0].any()
    assert not learner.weights["update_weight"].grad[1:3].any()
    parameters = {name: value.detach() for name, value in learner.parameters_for_use().items()}
    figures = validation.measure(parameters, learner.architecture, chosen)
    beside = {f"{kind}_{name}" for kind in ("one_pass", "image") for name in ("dice", "cldice")}
    assert set(figures) == {"b0_error", "b1_error", "cldice", "dice", "dice_gain"} | beside
    assert 0 <= figures["cldice"] <= 1
