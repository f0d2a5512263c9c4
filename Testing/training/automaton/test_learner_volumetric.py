"""The learner of a volumetric automaton: it trains what the engine rolls out, on whole windows of slices."""

import numpy as np
import pytest
import torch

from rncarefine.nca.architecture import neighbour_weight
from rncarefine.nca.neighbours import link
from rncarefine.nca.rollout import Runner
from training.toy_learners import batch, learner, parameters_of

N, DEPTH, SIDE = 3, 4, 16
SPACINGS_MM = (4.0, 8.0, 12.5)


def volumetric(**changes):
    return learner(volumetric=True, depth=DEPTH, **{"warmup_updates": 0, "from_buffer": 0.0, "buffer": N, **changes})


def stacks(seed=0):
    weights = torch.tensor([neighbour_weight(spacing) for spacing in SPACINGS_MM])
    return batch(N, SIDE, seed, depth=DEPTH)._replace(neighbour_weight=weights)


def ended(made, given):
    """Return the states that a training rollout ended with, shape ``(n, depth, channels, j, i)``."""
    made.buffer.clear()
    made.training_step(given, 0)
    return torch.stack([state for _, state in made.buffer])


@pytest.mark.parametrize("device", ["numpy", "cpu"])
def test_what_is_trained_is_what_the_engine_rolls_out(device):
    # Cells that all fire leave nothing to chance.
    made = volumetric(fire_rate=1.0, train_steps=(5, 5))
    with torch.no_grad():
        made.weights["update_weight"].mul_(0.1)
    given = stacks()
    states = ended(made, given)
    owner, k = np.repeat(np.arange(N), DEPTH), np.tile(np.arange(DEPTH), N)
    runner = Runner({name: value.numpy() for name, value in parameters_of(made).items()}, made.architecture, device)
    engine = runner.roll(
        runner.encode(given.channels.flatten(0, 1).permute(0, 2, 3, 1).numpy()),
        k,
        steps=5,
        fire_rate=1.0,
        patience=None,
        links=link(owner, k, np.repeat(SPACINGS_MM, DEPTH)),
    )
    trained = states.flatten(0, 1).permute(0, 2, 3, 1).numpy()
    # The engine keeps states within a limit that training does without: these do not come near it.
    assert np.abs(trained).max() < 1.45
    np.testing.assert_allclose(engine.state, trained, atol=1e-4)
    with torch.no_grad():
        made.weights["across_weight"].zero_()
    assert (ended(made, given) - states).abs().max() > 0.001


def test_a_slice_reaches_its_own_stack_and_no_other():
    made = volumetric(fire_rate=1.0, train_steps=(2, 2))
    given = stacks()
    before = ended(made, given)
    given.channels[1, 0, 0] += torch.rand(SIDE, SIDE)
    moved = (ended(made, given) - before).abs().amax((2, 3, 4)) > 1e-6
    # Two steps carry it two slices up, and not into the other stacks of the batch.
    assert moved.tolist() == [[False] * 4, [True, True, True, False], [False] * 4]


@pytest.mark.parametrize("warmup", [0, 5], ids=["rollout", "warm-up"])
def test_a_slice_without_weight_is_not_in_the_loss(warmup):
    def loss(change):
        given = stacks()
        given.weight[1, 2] = 0
        change(given)
        return float(volumetric(warmup_updates=warmup).training_step(given, 0).detach())

    as_it_is = loss(lambda given: None)
    assert loss(lambda given: given.target[1, 2].zero_()) == as_it_is
    assert loss(lambda given: given.target[1, 1].zero_()) != as_it_is
    assert np.isfinite(loss(lambda given: given.weight.zero_()))


def test_the_rollout_trains_what_passes_between_slices():
    made = volumetric()
    made.training_step(stacks(), 0).backward()
    assert made.weights["across_weight"].grad.abs().max() > 0


def test_states_stay_32_bit_where_the_rest_is_rounded_to_16():
    given = stacks()
    exact = ended(volumetric(fire_rate=1.0, train_steps=(2, 2)), given)
    made = volumetric(fire_rate=1.0, train_steps=(2, 2))
    with torch.autocast("cpu", torch.bfloat16):
        rounded = ended(made, given)
    assert rounded.dtype == torch.float32
    assert 0 < (rounded - exact).abs().max() < 0.3
