"""The learner: what is trained is what the engine rolls out, and training moves it towards the truth."""

import copy
import math

import numpy as np
import pytest
import torch

from rncarefine.nca import backend_torch
from rncarefine.nca.architecture import MASK, STATE_LIMIT
from rncarefine.nca.fire import cell_keys, fires
from rncarefine.nca.rollout import Runner
from rncarefine_training.automaton.learner import AutomatonLearner, check_start
from rncarefine_training.automaton.samples import RepairSamples, Sample, crop_case
from rncarefine_training.automaton.tasks import repair_loss, segmentation_loss
from training.toy_data import failed, toy_case, toy_config
from training.toy_learners import batch, learner, parameters_of, quiet, same


def settings(**changes):
    return toy_config().automaton.model_copy(update=changes)


def started(made, given):
    """Return the constant half of the hidden layer, the evidence as logits, and the first states of a rollout."""
    parameters = parameters_of(made)
    channels = given.channels.flatten(0, 1)
    features = backend_torch.encode(parameters, made.architecture, channels)
    logits = backend_torch.evidence_logits(parameters, features)
    evidence = logits.sigmoid()
    state = backend_torch.seed(made.architecture, evidence, channels[:, MASK : MASK + 1])
    return backend_torch.condition(parameters, features, evidence), logits, state


# Weights


def test_initial_weights_keep_variance_and_state():
    made = AutomatonLearner(settings(encoder=[32, 48]), 0)
    for name, value in parameters_of(made).items():
        if name.endswith("scale"):
            assert bool((value == 1).all())
        elif name.endswith(("bias", "shift")) or name.startswith("update"):
            assert not value.any()
        else:
            assert float(value.std()) == pytest.approx(math.sqrt(2 / value[0].numel()), rel=0.35)


def test_the_weights_of_another_automaton_are_copied():
    other, made = learner(seed=4), learner(seed=5)
    check_start(made.settings, other.architecture)
    made.start_from({name: value.numpy() for name, value in parameters_of(other).items()})
    assert same(parameters_of(made), parameters_of(other))


def test_a_volumetric_automaton_starts_from_a_slice_wise_one_and_ignores_other_slices():
    other, made = learner(seed=4), learner(seed=5, volumetric=True, depth=3)
    check_start(made.settings, other.architecture)
    made.start_from({name: value.numpy() for name, value in parameters_of(other).items()})
    weights = parameters_of(made)
    assert not weights.pop("across.weight").any()
    assert same(weights, parameters_of(other))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"encoder": [4, 7]}, r"encoder \(4, 7\).*encoder \(4, 6\)"),
        ({"encoder": [4, 6, 8]}, r"encoder \(4, 6, 8\).*encoder \(4, 6\)"),
        ({"channels": 7, "hidden": 9}, r"channels 7, hidden 9.*channels 6, hidden 8"),
        ({"volumetric": True, "depth": 3}, r"volumetric True.*volumetric False"),
        ({"task": "tubular"}, r"inputs 3, fields 1.*inputs 7, fields 3"),
    ],
)
def test_a_start_of_another_architecture_is_an_error(changes, said):
    with pytest.raises(ValueError, match=rf"automaton\.start: first has {said}"):
        check_start(settings(start="first"), learner(**changes).architecture)


@pytest.mark.parametrize("device", ["numpy", "cpu"])
def test_what_is_trained_is_what_the_engine_rolls_out(device):
    made, given = learner(), batch()
    parameters = parameters_of(made)
    constant, _, state = started(made, given)
    keys = cell_keys(np.arange(3), 16, 16)
    cells = state
    for number in range(8):
        fire = torch.from_numpy(fires(keys, 5, number, 0.5)[:, None]).float()
        cells = backend_torch.step(parameters, cells, constant, fire).clamp(-STATE_LIMIT, STATE_LIMIT)
    runner = Runner({name: value.numpy() for name, value in parameters.items()}, made.architecture, device)
    encoding = runner.encode(given.channels[:, 0].permute(0, 2, 3, 1).numpy())
    ended = runner.roll(encoding, np.arange(3), steps=8, fire_rate=0.5, seed=5, patience=None)
    np.testing.assert_allclose(ended.state, cells.permute(0, 2, 3, 1).numpy(), atol=1e-4)
    assert (cells - state).std() > 0.05


# Training


def test_at_first_the_encoder_alone_is_trained_and_then_everything():
    # Without a trainer a learner is at update 0.
    for warmup, rolled in ((5, False), (0, True)):
        made = learner(warmup_updates=warmup)
        made.training_step(batch(), 0).backward()
        moved = {name for name, value in made.weights.items() if value.grad is not None and value.grad.any()}
        assert {"down0a_weight", "up0b_shift", "evidence_weight", "evidence_bias"} <= moved
        for name in ("perceive_weight", "condition_weight", "condition_bias", "update_weight"):
            assert (name in moved) == rolled
        assert bool(made.buffer) == rolled


def test_an_encoder_with_rate_0_is_not_trained_after_the_warm_up():
    for warmup, trained in ((5, True), (0, False)):
        made = learner(warmup_updates=warmup, encoder_rate=0.0)
        made.training_step(batch(), 0).backward()
        moved = {name for name, value in made.weights.items() if value.grad is not None and value.grad.any()}
        assert ("down0a_weight" in moved, "evidence_weight" in moved) == (trained, trained)
        assert ("update_weight" in moved) is not trained


def test_the_loss_of_the_warm_up_is_that_of_the_evidence():
    made, given = learner(warmup_updates=5), batch()
    _, logits, _ = started(made, given)
    expected = segmentation_loss(logits, given.target[:, 0], given.weight[:, 0])
    assert float(made.training_step(given, 0).detach()) == pytest.approx(float(expected), rel=1e-5)


def test_rollout_loss_has_evidence_early_and_final_terms():
    made = learner(warmup_updates=0, fire_rate=1.0, train_steps=(1, 1))
    given = batch()
    constant, logits, state = started(made, given)
    after = backend_torch.step(parameters_of(made), state, constant, torch.ones(3, 1, 16, 16))
    target, weight = given.target[:, 0], given.weight[:, 0]
    final = repair_loss(after[:, :3], target, weight)
    overflow = (after.abs() - 2).clamp_min(0).square().mean()
    # The only step is the early one, too.
    expected = 0.5 * segmentation_loss(logits, target, weight) + 1.5 * final + overflow
    assert float(made.training_step(given, 0).detach()) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("warmup", [0, 5], ids=["rollout", "warm-up"])
def test_a_channel_without_weight_is_not_in_the_loss(warmup):
    def loss(change):
        given = batch()
        given.weight[1, 0, :2] = 0
        change(given.target[1, 0])
        return float(learner(warmup_updates=warmup).training_step(given, 0).detach())

    as_it_is = loss(lambda target: None)
    assert loss(lambda target: target[:2].zero_()) == as_it_is
    assert loss(lambda target: target[2].zero_()) != as_it_is


def test_cells_fire_at_their_rate_and_independently_in_every_step(monkeypatch):
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


def test_a_state_that_runs_away_is_pulled_back():
    made = learner(warmup_updates=0, from_buffer=1.0)
    given = batch()
    runaway = torch.full((3, 1, 6, 16, 16), 9.0)
    made._keep(given, runaway)
    logged = {}
    made.log_dict = lambda values, **keywords: logged.update(values)
    made.training_step(given, 0)
    assert float(logged["overflow"].detach()) > 1


# The replay buffer


def test_the_buffer_fills_up_and_stays_at_its_size():
    made = learner(warmup_updates=0)
    sizes = []
    for number in range(4):
        made.training_step(batch(seed=number), number)
        sizes.append(len(made.buffer))
    assert sizes == [3, 6, 6, 6]
    for sample, state in made.buffer:
        assert sample.channels.shape == (1, 7, 16, 16)
        assert sample.target.shape == (1, 3, 16, 16)
        assert sample.weight.tolist() == [[1, 1, 1]]
        assert state.shape == (1, 6, 16, 16)
        assert not state.requires_grad


@pytest.mark.parametrize("depth", [1, 3], ids=["slices", "stacks"])
def test_part_of_the_batch_is_taken_from_the_replay_buffer(depth):
    made = learner(from_buffer=0.4, warmup_updates=0)
    fresh = batch(5, depth=depth)
    same, nothing = made._resume_some(fresh)
    assert nothing is None
    assert all(torch.equal(one, other) for one, other in zip(same, fresh, strict=True))
    earlier = batch(5, seed=7, depth=depth)
    earlier.weight[:] = torch.rand(5, depth, 3)
    states = torch.rand(5, depth, 6, 16, 16)
    made._keep(earlier, states)
    mixed, resumed = made._resume_some(fresh)
    assert resumed.shape == (2, depth, 6, 16, 16)
    for name, values in fresh._asdict().items():
        assert getattr(mixed, name).shape == values.shape
        assert torch.equal(getattr(mixed, name)[2:], values[2:])
    places = []
    for item in range(2):
        place = [torch.equal(mixed.channels[item], sample.channels) for sample, _ in made.buffer].index(True)
        places.append(place)
        assert torch.equal(resumed[item], states[place])
        for name, values in made.buffer[place][0]._asdict().items():
            assert torch.equal(getattr(mixed, name)[item], values)
    assert len(set(places)) == 2


def test_rollouts_start_from_kept_states_or_from_evidence(monkeypatch):
    made = learner(from_buffer=0.4, warmup_updates=0)
    earlier, states = batch(5, seed=7), torch.rand(5, 1, 6, 16, 16)
    made._keep(earlier, states)
    starts = []
    original = backend_torch.step
    monkeypatch.setattr(backend_torch, "step", lambda *arguments: starts.append(arguments[1]) or original(*arguments))
    fresh = batch(5)
    made.training_step(fresh, 0)
    for item in range(2):
        assert any(torch.equal(starts[0][item], state[0]) for state in states)
    torch.testing.assert_close(starts[0][2:], started(made, fresh)[2][2:])


def test_a_checkpoint_keeps_buffer_and_random_state():
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


@pytest.mark.parametrize("warmup", [0, 1000], ids=["rollout", "encoder"])
def test_a_tiny_automaton_learns_one_sample(warmup):
    case = toy_case("a")
    stack = crop_case(case, [("net", failed(case.labels))], 1.6)
    changes = {"size": 32, "channels": 8, "hidden": 16, "train_steps": (4, 4), "from_buffer": 0.0}
    chosen = settings(**changes, warmup_updates=warmup)
    sample = RepairSamples([stack], chosen.model_copy(update={"natural": 1.0}), 1, 0)[0]
    one = Sample(*(values[None] for values in sample))
    made = quiet(AutomatonLearner(chosen, seed=0))
    optimizer = torch.optim.AdamW(made.parameters(), 5e-3)
    losses = []
    for number in range(30):
        optimizer.zero_grad()
        loss = made.training_step(one, number)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(made.parameters(), 1.0)
        optimizer.step()
        losses.append(float(loss.detach()))
    assert np.mean(losses[-3:]) < 0.7 * np.mean(losses[:3])


# The optimiser


def rates_of(**changes):
    made = learner(**changes)
    configured = made.configure_optimizers()
    assert configured["lr_scheduler"]["interval"] == "step"
    return made, configured["optimizer"], configured["lr_scheduler"]["scheduler"].lr_lambdas


def test_learning_rate_has_one_wave_per_phase():
    chosen = {"warmup_updates": 300, "updates": 400, "learning_rate": 2e-3, "encoder_rate": 0.1}
    _, optimizer, (encoder, rule) = rates_of(**chosen)
    assert optimizer.defaults["lr"] == 2e-3

    def wave(update, updates):
        return min(1, (update + 1) / 100) * (0.02 + 0.98 * (1 + math.cos(math.pi * min(1, update / updates))) / 2)

    for update in (0, 49, 99, 150, 299):
        assert encoder(update) == rule(update) == pytest.approx(wave(update, 300))
    for update in (300, 349, 399, 500, 700, 9000):
        assert rule(update) == pytest.approx(wave(update - 300, 400))
        assert encoder(update) == pytest.approx(0.1 * rule(update))
    assert encoder(0) < encoder(99) > encoder(299)
    assert rule(300) < rule(399) > rule(700) == rule(9000) == pytest.approx(0.02)


def test_encoder_and_local_rule_are_the_two_groups_of_parameters():
    made, optimizer, _ = rates_of()
    encoder, rule = ({id(value) for value in group["params"]} for group in optimizer.param_groups)
    for name, value in made.weights.items():
        of_rule = name.startswith(("condition", "perceive", "across", "update"))
        assert (id(value) in rule) == of_rule
        assert (id(value) in encoder) == (not of_rule)
    assert len(encoder) + len(rule) == len(list(made.parameters()))
    assert all(group["weight_decay"] > 0 for group in optimizer.param_groups)


# Validation


def test_validation_logs_the_metrics_of_the_automaton_alone():
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
