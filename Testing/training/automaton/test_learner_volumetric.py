"""The learner of a volumetric automaton: it trains what the engine rolls out, on whole windows of slices."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rncarefine.nca.architecture import VOLUMETRIC_PLANES, closeness
from rncarefine.nca.neighbours import link
from rncarefine.nca.rollout import rollout
from rncarefine_training.automaton.learner import build_architecture
from training.toy_learners import batch, learner, parameters_of

N, DEPTH, SIDE = 3, 4, 16
DISTANCES = (4.0, 8.0, 12.5)


def volumetric(**changes):
    return learner(volumetric=True, depth=DEPTH, **{"warmup_updates": 0, "from_pool": 0.0, **changes})


def stacks(seed=0):
    made = batch(N, SIDE, seed, depth=DEPTH, planes=len(VOLUMETRIC_PLANES))
    return made._replace(closeness=torch.tensor([closeness(distance) for distance in DISTANCES]))


def ended(made, given):
    """Return the states that a training rollout of every cell ended with, shape ``(n, depth, channels, j, i)``."""
    made.pool.clear()
    made.training_step(given, 0)
    return torch.stack([kept.state for kept in made.pool])


def test_its_weights_are_those_of_a_volumetric_architecture():
    made = volumetric()
    assert made.architecture == build_architecture(made.settings)
    assert made.architecture.volumetric
    assert made.architecture.planes == len(VOLUMETRIC_PLANES)
    shapes = {name: tuple(value.shape) for name, value in made.parameters_for_use().items()}
    assert shapes == made.architecture.shapes()
    assert shapes["across.weight"] == (8, 6)


@pytest.mark.parametrize("device", ["numpy", "cpu"])
def test_what_is_trained_is_what_the_engine_rolls_out(device):
    # Cells that all fire leave nothing to chance.
    made = volumetric(fire_rate=1.0, train_steps=(5, 5))
    with torch.no_grad():
        made.weights["update_weight"].mul_(0.1)
    given = stacks()
    states = ended(made, given)
    owner, k = np.repeat(np.arange(N), DEPTH), np.tile(np.arange(DEPTH), N)
    engine = rollout(
        {name: value.numpy() for name, value in parameters_of(made).items()},
        made.architecture,
        given.planes.flatten(0, 1).permute(0, 2, 3, 1).numpy(),
        given.state.flatten(0, 1).permute(0, 2, 3, 1).numpy(),
        k,
        steps=5,
        fire_rate=1.0,
        device=device,
        patience=None,
        links=link(owner, k, np.repeat(DISTANCES, DEPTH)),
    )
    trained = states.flatten(0, 1).permute(0, 2, 3, 1).numpy()
    # The engine keeps states within a limit that training does without: these do not come near it.
    assert np.abs(trained).max() < 1.4
    np.testing.assert_allclose(engine.state, trained, atol=1e-4)
    with torch.no_grad():
        made.weights["across_weight"].zero_()
    assert (ended(made, given) - states).abs().max() > 0.01


def test_what_a_slice_has_to_say_reaches_its_own_stack_and_no_other():
    made = volumetric(fire_rate=1.0, train_steps=(2, 2))
    given = stacks()
    before = ended(made, given)
    given.state[1, 0, 3] += 0.5
    moved = (ended(made, given) - before).abs().amax((2, 3, 4)) > 1e-6
    # Two steps carry it two slices up, and not into the stacks beside in the batch.
    assert moved.tolist() == [[False] * 4, [True, True, True, False], [False] * 4]


@pytest.mark.parametrize("warmup", [0, 5], ids=["rollout", "warm-up"])
def test_a_slice_without_weight_is_not_in_the_loss(warmup):
    def loss(change):
        given = stacks()
        given.weight[1, 2] = 0
        change(given)
        torch.manual_seed(0)  # of the auxiliary head
        return float(volumetric(warmup_updates=warmup).training_step(given, 0).detach())

    as_it_is = loss(lambda given: None)
    assert loss(lambda given: given.target[1, 2].zero_()) == as_it_is
    assert loss(lambda given: given.target[1, 1].zero_()) != as_it_is
    assert np.isfinite(loss(lambda given: given.weight.zero_()))


def test_the_rollout_trains_what_passes_between_slices():
    made = volumetric()
    made.training_step(stacks(), 0).backward()
    assert made.weights["across_weight"].grad.abs().max() > 0


def test_the_pool_keeps_whole_stacks():
    made = volumetric()
    given = stacks()
    given.weight[0, 1] = 0
    made.training_step(given, 0)
    assert len(made.pool) == N
    for n, kept in enumerate(made.pool):
        assert kept.state.shape == (DEPTH, 6, SIDE, SIDE)
        assert not torch.equal(kept.state, given.state[n])
        for name in ("planes", "target", "weight", "closeness"):
            assert torch.equal(getattr(kept, name), getattr(given, name)[n])


def test_states_stay_32_bit_where_the_rest_is_rounded_to_16():
    given = stacks()
    exact = ended(volumetric(fire_rate=1.0, train_steps=(2, 2)), given)
    made = volumetric(fire_rate=1.0, train_steps=(2, 2))
    with torch.autocast("cpu", torch.bfloat16):
        rounded = ended(made, given)
    assert rounded.dtype == torch.float32
    assert 0 < (rounded - exact).abs().max() < 0.05
