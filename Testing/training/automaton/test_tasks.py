"""The tasks: what is supervised, how a mask is read, which figures judge, and that everything else asks the task."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.losses import SoftclDiceLoss

from rncarefine.nca.architecture import PLANES
from rncarefine_training.automaton.export import export
from rncarefine_training.automaton.learner import AutomatonLearner
from rncarefine_training.automaton.samples import RepairSamples, Sample, frame_case
from rncarefine_training.automaton.tasks import Ring, Tubular, repair_loss, soft_cldice, task_of
from rncarefine_training.automaton.validation import Validation
from training.toy_data import failed, toy_case, toy_config


def settings(**changes):
    values = toy_config().automaton.model_dump()
    return type(toy_config().automaton).model_validate(values | changes)


def ring(side=24, inner=5, outer=8):
    rows, columns = np.indices((side, side))
    away = np.hypot(rows - side / 2, columns - side / 2)
    return ((away < outer) & (away >= inner)).astype(np.float32)


def cut(mask):
    opened = mask.copy()
    opened[:, 11:14][:12] = 0
    return opened


# What a task says


def test_a_ring_is_supervised_with_wall_disc_and_cavity():
    target = Ring().target(ring())
    assert target.shape == (3, 24, 24)
    np.testing.assert_array_equal(target[0], ring())
    np.testing.assert_array_equal(target[1], ring(inner=0))
    np.testing.assert_array_equal(target[2], target[1] - target[0])


def test_a_tube_is_supervised_with_itself_and_starts_from_the_mask_alone():
    task = Tubular()
    soft = ring() * 0.4
    np.testing.assert_array_equal(task.target(ring()), ring()[None])
    seed = task.seed(soft, 6)
    np.testing.assert_array_equal(seed[..., 0], soft)
    assert seed.shape == (24, 24, 6)
    assert not seed[..., 1:].any()


def test_a_ring_is_read_closed_and_a_tube_as_it_is():
    fields = np.stack([cut(ring()), ring(inner=0), ring(outer=5, inner=0)])
    np.testing.assert_array_equal(Ring().read(fields), ring() > 0)
    for task in (Tubular(), Ring(discs=False)):
        np.testing.assert_array_equal(task.read(fields), cut(ring()) > 0)


@pytest.mark.parametrize("task", [Ring(), Ring(discs=False), Tubular()])
def test_where_nothing_is_there_is_nothing_to_read(task):
    assert task.read(np.zeros((3, 24, 24), np.float32)) is None


def test_a_ring_is_judged_by_closing_and_a_tube_by_its_topology_against_the_truth():
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


@pytest.mark.parametrize("task", [Ring(), Tubular()])
def test_the_loss_is_nothing_for_the_truth_and_leaves_items_without_weight_out(task):
    target = torch.from_numpy(task.target(ring()))[None]
    wrong = torch.rand(target.shape, generator=torch.Generator().manual_seed(0))
    one = torch.ones(1)
    assert float(task.loss(target, target, one)) == pytest.approx(0, abs=1e-3)
    both = torch.cat([target, wrong]), torch.cat([target, target])
    assert float(task.loss(*both, torch.tensor([1.0, 0.0]))) == pytest.approx(float(task.loss(target, target, one)))
    assert float(task.loss(*both, torch.tensor([0.0, 1.0]))) == pytest.approx(float(task.loss(wrong, target, one)))
    assert float(task.loss(wrong, target, one)) > 0.5


def test_a_gap_costs_a_tube_more_than_as_many_pixels_at_its_edge():
    """Soft clDice is about the middle line."""
    task, truth = Tubular(), ring(32, 7, 12)
    gap = truth * ~((np.indices(truth.shape)[1] > 14) & (np.indices(truth.shape)[1] < 17))
    missing = int((truth - gap).sum())
    edge = truth.copy()
    outer = np.argwhere((truth > 0) & (ring(32, 7, 11) == 0))[:missing]
    edge[tuple(outer.T)] = 0
    assert edge.sum() == gap.sum()
    target, one = torch.from_numpy(truth)[None, None], torch.ones(1)
    with_gap, with_edge = (task.loss(torch.from_numpy(mask)[None, None], target, one) for mask in (gap, edge))
    assert float(repair_loss(torch.from_numpy(gap)[None, None], target, one)) == pytest.approx(
        float(repair_loss(torch.from_numpy(edge)[None, None], target, one))
    )
    assert with_gap > with_edge


def test_without_discs_a_ring_is_supervised_by_its_wall_alone():
    target = torch.from_numpy(Ring().target(ring()))[None]
    other = target.clone()
    other[:, 1:] = 0.5
    assert float(Ring(discs=False).loss(other, target, torch.ones(1))) == pytest.approx(0, abs=1e-6)
    assert float(Ring().loss(other, target, torch.ones(1))) > 0.1


# A parameter of the package


def test_the_configuration_chooses_the_task():
    assert isinstance(task_of(settings()), Ring)
    assert isinstance(task_of(settings(task="tubular")), Tubular)
    assert task_of(settings(without=["discs"])).discs is False
    with pytest.raises(ValueError, match="the task tubular has none"):
        settings(task="tubular", without=["discs"])
    with pytest.raises(ValueError, match="'ring' or 'tubular'"):
        settings(task="blob")


def test_samples_learner_and_validation_of_hearts_ask_the_task():
    chosen = settings(task="tubular", warmup_updates=0)
    case = toy_case("a")
    stacks = [frame_case(case, [("net", failed(case.labels))], chosen.spacing_mm)]
    sample = RepairSamples(stacks, chosen, 4, seed=0)[0]
    assert sample.target.shape[1] == 1
    assert not sample.state[:, 1:].any()
    for plane in ("radius", "annulus"):
        assert not sample.planes[:, PLANES.index(plane)].any()
    assert sample.planes[:, PLANES.index("distance")].any()
    validation = Validation.of(stacks, chosen, 8, seed=0)
    learner = AutomatonLearner(chosen, 0, validation)
    learner.log = learner.log_dict = lambda *arguments, **keywords: None
    batch = Sample(*(torch.stack([values, values]) for values in sample))
    learner.training_step(batch, 0).backward()
    assert learner.weights["update_weight"].grad[0].any()
    assert not learner.weights["update_weight"].grad[1:3].any()
    parameters = {name: value.detach() for name, value in learner.parameters_for_use().items()}
    figures = validation.measure(parameters, learner.architecture, chosen)
    assert set(figures) == {"b0_error", "b1_error", "cldice", "dice", "dice_gain"}
    assert 0 < figures["cldice"] < 1


def test_weights_for_a_tube_are_not_exported_to_an_engine_that_repairs_rings(tmp_path):
    training = toy_config(automaton__task="tubular")
    with pytest.raises(ValueError, match="toy-2d: the engine repairs rings"):
        export(training, tmp_path / "last.ckpt", tmp_path)
