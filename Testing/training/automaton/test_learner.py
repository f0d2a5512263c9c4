"""The learner: what is trained is what the engine rolls out, and training moves it towards the truth."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch

from rncarefine.nca import backend_torch
from rncarefine.nca.architecture import STATE_LIMIT
from rncarefine.nca.fire import cell_keys, fires
from rncarefine.nca.rollout import rollout
from rncarefine_training.automaton.learner import AutomatonLearner, build_architecture
from rncarefine_training.automaton.samples import RepairSamples, Sample, frame_case
from rncarefine_training.automaton.tasks import repair_loss
from training.toy_data import failed, toy_case, toy_config
from training.toy_learners import batch, learner, parameters_of, quiet


def settings(**changes):
    return toy_config().automaton.model_copy(update=changes)


def slices(samples):
    """Return planes and states of slice-wise samples without the axis of slices."""
    return samples.planes[:, 0], samples.state[:, 0]


# Weights


def test_the_weights_for_use_are_those_of_the_architecture():
    made = learner()
    shapes = {name: tuple(value.shape) for name, value in made.parameters_for_use().items()}
    assert shapes == build_architecture(made.settings).shapes()


def test_an_untrained_automaton_leaves_every_state_as_it_is():
    made = AutomatonLearner(settings(), seed=0)
    planes, state = slices(batch())
    parameters = parameters_of(made)
    constant = backend_torch.condition(parameters, backend_torch.encode(parameters, made.architecture, planes))
    after = backend_torch.step(parameters, state, constant, torch.ones(3, 1, 16, 16))
    assert torch.equal(after, state)


def test_the_seed_decides_the_initial_weights():
    one, again, other = (AutomatonLearner(settings(), seed).state_dict() for seed in (1, 1, 2))
    shared = [name for name in one if not name.startswith("auxiliary")]
    assert all(torch.equal(one[name], again[name]) for name in shared)
    assert not torch.equal(one["weights.down0a_weight"], other["weights.down0a_weight"])


def test_the_filters_of_the_encoder_are_standardised_and_no_others():
    made = learner()
    plain = parameters_of(made)
    for name, values in plain.items():
        if name.startswith(("down", "up")) and name.endswith("weight") and name != "update.weight":
            flat = values.flatten(1)
            torch.testing.assert_close(flat.mean(1), torch.zeros(len(flat)), atol=1e-5, rtol=0)
            torch.testing.assert_close(flat.square().sum(1), torch.full((len(flat),), 2.0), atol=1e-3, rtol=0)
        else:
            assert torch.equal(values, made.weights[name.replace(".", "_")])


def test_a_gain_scales_its_filter():
    made = learner()
    before = parameters_of(made)["down0a.weight"]
    with torch.no_grad():
        made.gains["down0a_weight"][1] = 3
    after = parameters_of(made)["down0a.weight"]
    torch.testing.assert_close(after[1], 3 * before[1])
    assert torch.equal(after[0], before[0])


@pytest.mark.parametrize("device", ["numpy", "cpu"])
def test_what_is_trained_is_what_the_engine_rolls_out(device):
    made = learner()
    planes, state = slices(batch())
    parameters = parameters_of(made)
    constant = backend_torch.condition(parameters, made._encode(parameters, planes))
    keys = cell_keys(np.arange(3), 16, 16)
    cells = state
    for number in range(8):
        fire = torch.from_numpy(fires(keys, 5, number, 0.5)[:, None]).float()
        cells = backend_torch.step(parameters, cells, constant, fire).clamp(-STATE_LIMIT, STATE_LIMIT)
    ended = rollout(
        {name: value.numpy() for name, value in parameters.items()},
        made.architecture,
        planes.permute(0, 2, 3, 1).numpy(),
        state.permute(0, 2, 3, 1).numpy(),
        np.arange(3),
        steps=8,
        fire_rate=0.5,
        seed=5,
        device=device,
        patience=None,
    )
    np.testing.assert_allclose(ended.state, cells.permute(0, 2, 3, 1).numpy(), atol=1e-4)
    assert (ended.state - state.permute(0, 2, 3, 1).numpy()).std() > 0.05


# The loss


def test_the_loss_is_squared_error_and_soft_dice():
    rng = np.random.default_rng(0)
    fields, target = rng.normal(0.5, 0.6, (2, 3, 5, 5)), (rng.random((2, 3, 5, 5)) > 0.5).astype(float)
    bounded = fields.clip(0, 1)
    dice = [
        [
            (2 * (bounded[n, c] * target[n, c]).sum() + 1)
            / ((bounded[n, c] ** 2).sum() + (target[n, c] ** 2).sum() + 1)
            for c in range(3)
        ]
        for n in range(2)
    ]
    expected = 4 * ((fields - target) ** 2).mean() + 1 - np.mean(dice)
    both = torch.ones(2, dtype=torch.float64)
    assert float(repair_loss(torch.from_numpy(fields), torch.from_numpy(target), both)) == pytest.approx(expected)


def test_the_loss_is_zero_for_the_truth_and_for_nothing_where_nothing_is():
    target = batch().target[:, 0]
    assert float(repair_loss(target, target, torch.ones(3))) == pytest.approx(0, abs=1e-6)
    nothing = torch.zeros(1, 3, 8, 8)
    assert float(repair_loss(nothing, nothing, torch.ones(1))) == 0


def test_an_item_without_weight_is_not_in_the_loss():
    fields, target = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0)), batch(4, side=8).target[:, 0]
    weight = torch.tensor([1.0, 0.0, 1.0, 0.0])
    counted = repair_loss(fields[[0, 2]], target[[0, 2]], torch.ones(2))
    assert float(repair_loss(fields, target, weight)) == pytest.approx(float(counted))
    assert float(repair_loss(fields, target, torch.ones(4))) != pytest.approx(float(counted))
    assert float(repair_loss(fields, target, torch.zeros(4))) == 0


# Training


def test_at_first_the_encoder_alone_is_trained_and_then_everything():
    # Without a trainer a learner is at update 0.
    for warmup, trained in ((5, False), (0, True)):
        made = learner(warmup_updates=warmup)
        made.training_step(batch(), 0).backward()
        moved = {name for name, value in made.named_parameters() if value.grad is not None and value.grad.any()}
        assert "weights.down0a_weight" in moved
        assert "auxiliary.weight" in moved
        for name in ("weights.perceive_weight", "weights.condition_weight", "weights.update_weight"):
            assert (name in moved) == trained
        assert bool(made.pool) == trained


def test_the_first_update_of_the_rollout_reaches_the_zero_weights():
    made = quiet(AutomatonLearner(settings(warmup_updates=0), seed=0))
    made.training_step(batch(), 0).backward()
    assert made.weights["update_weight"].grad.abs().max() > 0


def test_cells_fire_at_their_rate_and_anew_in_every_step(monkeypatch):
    fired = []
    original = backend_torch.step

    def step(parameters, state, constant, fire, around):
        assert around is None
        fired.append(fire)
        return original(parameters, state, constant, fire)

    monkeypatch.setattr(backend_torch, "step", step)
    made = learner(warmup_updates=0, fire_rate=0.25, train_steps=(6, 9))
    made.training_step(batch(8, side=32), 0)
    assert 6 <= len(fired) <= 9
    assert all(fire.shape == (8, 1, 32, 32) for fire in fired)
    together = torch.stack(fired)
    assert set(together.unique().tolist()) == {0, 1}
    assert float(together.mean()) == pytest.approx(0.25, abs=0.02)
    assert not torch.equal(fired[0], fired[1])


def test_rollouts_are_of_every_length_asked_for(monkeypatch):
    lengths = []
    monkeypatch.setattr(backend_torch, "step", lambda parameters, state, *others: lengths.append(1) or state)
    made = learner(warmup_updates=0, train_steps=(2, 4))
    seen = set()
    for number in range(20):
        lengths.clear()
        made.training_step(batch(1), number)
        seen.add(len(lengths))
    assert seen == {2, 3, 4}


def test_a_state_that_runs_away_is_pulled_back():
    made = learner(warmup_updates=0)
    given = batch()
    given.state[:, :, 4] = 9
    made.training_step(given, 0)
    logged = {}
    made.log_dict = lambda values, **keywords: logged.update(values)
    made.training_step(given, 0)
    assert float(logged["overflow"].detach()) > 1


def test_the_pool_fills_up_and_stays_at_its_size():
    made = learner(warmup_updates=0)
    sizes = []
    for number in range(4):
        made.training_step(batch(seed=number), number)
        sizes.append(len(made.pool))
    assert sizes == [3, 6, 6, 6]
    for kept in made.pool:
        assert kept.planes.shape == (1, 8, 16, 16)
        assert kept.state.shape == (1, 6, 16, 16)
        assert kept.target.shape == (1, 3, 16, 16)
        assert kept.weight.tolist() == [1]
        assert not kept.state.requires_grad


@pytest.mark.parametrize("depth", [1, 3], ids=["slices", "stacks"])
def test_a_part_of_the_batch_goes_on_from_the_pool_with_all_that_belongs_to_it(depth):
    made = learner(from_pool=0.4, warmup_updates=0)
    fresh = batch(5, depth=depth)
    assert all(torch.equal(one, other) for one, other in zip(made._continue_some(fresh), fresh, strict=True))
    earlier = batch(5, seed=7, depth=depth)
    earlier.weight[:] = torch.rand(5, depth)
    made._keep(earlier)
    mixed = made._continue_some(fresh)
    for name, values in fresh._asdict().items():
        assert getattr(mixed, name).shape == values.shape
        assert torch.equal(getattr(mixed, name)[2:], values[2:])
    places = []
    for item in range(2):
        place = [torch.equal(mixed.planes[item], kept.planes) for kept in made.pool].index(True)
        places.append(place)
        for name, values in made.pool[place]._asdict().items():
            assert torch.equal(getattr(mixed, name)[item], values)
    assert len(set(places)) == 2


def test_a_kept_state_does_not_change_when_its_batch_does():
    made = learner(warmup_updates=0)
    given = batch(2)
    made._keep(given)
    kept = copy.deepcopy(made.pool)
    for values in given:
        values.zero_()
    for one, other in zip(made.pool, kept, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_a_checkpoint_keeps_pool_and_chance():
    made = learner(warmup_updates=0)
    for number in range(3):
        made.training_step(batch(seed=number), number)
    checkpoint = {}
    made.on_save_checkpoint(checkpoint)
    checkpoint = copy.deepcopy(checkpoint)
    weights = copy.deepcopy(made.state_dict())
    losses = [float(made.training_step(batch(seed=9), 0).detach()) for _ in range(2)]
    other = learner(seed=5, warmup_updates=0)
    other.load_state_dict(weights)
    other.on_load_checkpoint(checkpoint)
    assert [float(other.training_step(batch(seed=9), 0).detach()) for _ in range(2)] == losses


def test_a_tiny_automaton_learns_one_sample():
    case = toy_case("a")
    stack = frame_case(case, [("net", failed(case.labels))], 1.6)
    changes = {"channels": 8, "hidden": 16, "warmup_updates": 0, "train_steps": (4, 4), "from_pool": 0.0}
    chosen = settings(**changes)
    sample = RepairSamples([stack], chosen.model_copy(update={"natural": 1.0}), 1, 0)[0]
    one = Sample(*(values[None] for values in sample))
    made = quiet(AutomatonLearner(chosen, seed=0))
    optimizer = torch.optim.AdamW(made.parameters(), 5e-3)
    losses = []
    for number in range(60):
        optimizer.zero_grad()
        loss = made.training_step(one, number)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(made.parameters(), 1.0)
        optimizer.step()
        losses.append(float(loss.detach()))
    assert np.mean(losses[-5:]) < 0.6 * np.mean(losses[:5])


# The optimiser


def test_the_rate_rises_stays_through_the_warm_up_and_falls_to_a_hundredth():
    made = learner(warmup_updates=300, updates=400, learning_rate=2e-3)
    configured = made.configure_optimizers()
    rate = configured["lr_scheduler"]["scheduler"].lr_lambdas[0]
    assert configured["lr_scheduler"]["interval"] == "step"
    assert [rate(update) for update in (0, 49, 99, 300)] == pytest.approx([0.01, 0.5, 1, 1])
    assert rate(500) == pytest.approx(0.01 + 0.99 * (1 + math.cos(math.pi / 2)) / 2)
    assert rate(700) == rate(9000) == pytest.approx(0.01)
    falling = [rate(update) for update in range(300, 701, 50)]
    assert falling == sorted(falling, reverse=True)


def test_every_parameter_is_trained_and_the_weights_decay():
    made = learner()
    decayed, free = made.configure_optimizers()["optimizer"].param_groups
    assert decayed["weight_decay"] > 0 == free["weight_decay"]
    decaying = {id(value) for value in decayed["params"]}
    assert all(id(value) in decaying for name, value in made.named_parameters() if name.endswith("weight"))
    assert len(decayed["params"]) + len(free["params"]) == len(list(made.parameters()))


def test_validation_logs_what_the_automaton_alone_does():
    class Recorded:
        def measure(self, parameters, architecture, chosen):
            assert not any(value.requires_grad for value in parameters.values())
            return {"rings": 0.5, "names": float(len(parameters)), "steps": float(chosen.steps)}

    made = AutomatonLearner(settings(), 0, Recorded())
    logged = {}
    made.log_dict = lambda values, **keywords: logged.update(values)
    made.validation_step(None, 0)
    assert logged == {"rings": 0.5, "names": float(len(made.architecture.shapes())), "steps": 4.0}
    made.validation = None
    made.validation_step(None, 0)
