"""The two backends do the same, and what a plain reading of the formulas says."""

from __future__ import annotations

import numpy as np
import pytest

from engine.toy_models import SMALL, naive_condition, naive_step, random_inputs, random_parameters
from rncarefine.nca.architecture import STATE_LIMIT, Architecture
from rncarefine.nca.backend_numpy import NumpyBackend
from rncarefine.nca.backend_torch import TorchBackend, out_of_memory
from rncarefine.nca.neighbours import link

ARCHITECTURES = {
    "one level": Architecture(channels=5, hidden=7, encoder=(4,)),
    "two levels": SMALL,
    "four levels": Architecture(channels=16, hidden=24, encoder=(6, 8, 10, 12)),
}


def torch_backend(parameters, architecture):
    return TorchBackend(parameters, architecture, "cpu")


BACKENDS = {"numpy": NumpyBackend, "torch": torch_backend}


@pytest.fixture(params=ARCHITECTURES)
def architecture(request):
    return ARCHITECTURES[request.param]


@pytest.fixture(params=BACKENDS)
def make(request):
    return BACKENDS[request.param]


def fire_of(planes, seed=0):
    return np.random.default_rng(seed).random(planes.shape[:3]) < 0.5


def test_the_constant_half_is_what_the_formulas_say(make, architecture):
    parameters = random_parameters(architecture)
    planes, _ = random_inputs(2, (8, 16), architecture)
    backend = make(parameters, architecture)
    constant = backend.get(backend.condition(backend.put(planes)))
    assert constant.shape == (2, 8, 16, architecture.hidden)
    for item, expected in zip(constant, planes, strict=True):
        np.testing.assert_allclose(item, naive_condition(parameters, architecture, expected), atol=2e-5)


def test_a_step_is_what_the_formulas_say(make, architecture):
    parameters = random_parameters(architecture)
    planes, state = random_inputs(2, (8, 16), architecture)
    fire = fire_of(planes)
    backend = make(parameters, architecture)
    after = backend.get(backend.step(backend.put(state), backend.condition(backend.put(planes)), fire))
    for item in range(2):
        constant = naive_condition(parameters, architecture, planes[item])
        np.testing.assert_allclose(after[item], naive_step(parameters, state[item], constant, fire[item]), atol=2e-5)


def test_a_volumetric_step_takes_half_of_either_neighbour_by_their_closeness(make):
    architecture = Architecture(channels=5, hidden=7, encoder=(4,), planes=9, volumetric=True)
    parameters = random_parameters(architecture)
    planes, state = random_inputs(4, (8, 8), architecture)
    fire = fire_of(planes)
    # Slices 0-2 are a stack 10 mm apart, slice 3 a stack of its own.
    links = link(np.array([0, 0, 0, 1]), np.array([4, 5, 6, 5]), np.array([10.0, 10.0, 10.0, 8.0]))
    backend = make(parameters, architecture)
    after = backend.get(backend.step(backend.put(state), backend.condition(backend.put(planes)), fire, links))
    nothing = np.zeros_like(state[0])
    halves = [(nothing, state[1]), (state[0], state[2]), (state[1], nothing), (nothing, nothing)]
    for item, (below, above) in enumerate(halves):
        constant = naive_condition(parameters, architecture, planes[item])
        around = 0.5 * (below + above) / 2
        expected = naive_step(parameters, state[item], constant, fire[item], around)
        np.testing.assert_allclose(after[item], expected, atol=2e-5)


def test_cells_that_do_not_fire_keep_their_state_to_the_bit(make):
    planes, state = random_inputs()
    fire = fire_of(planes)
    backend = make(random_parameters(update=1.0), SMALL)
    after = backend.get(backend.step(backend.put(state), backend.condition(backend.put(planes)), fire))
    np.testing.assert_array_equal(after[~fire], state[~fire])
    assert (after[fire] != state[fire]).any(axis=-1).mean() > 0.95


def test_every_channel_of_a_firing_cell_is_updated(make):
    planes, state = random_inputs()
    backend = make(random_parameters(update=1.0), SMALL)
    fire = np.ones(planes.shape[:3], bool)
    after = backend.get(backend.step(backend.put(state), backend.condition(backend.put(planes)), fire))
    assert (after != state).any(axis=(0, 1, 2)).all()


def test_what_is_put_is_a_copy_and_comes_back_as_it_was(make):
    _, state = random_inputs()
    kept = state.copy()
    backend = make(random_parameters(update=1.0), SMALL)
    held = backend.put(state)
    np.testing.assert_array_equal(backend.get(held), kept)
    state[:] = 7
    np.testing.assert_array_equal(backend.get(held), kept)


def test_taken_items_go_on_as_they_would_have(make):
    planes, state = random_inputs(4)
    fire = fire_of(planes)
    backend = make(random_parameters(), SMALL)
    constant = backend.condition(backend.put(planes))
    items = np.array([2, 0])
    part = backend.step(backend.take(backend.put(state), items), backend.take(constant, items), fire[items])
    whole = backend.step(backend.put(state), constant, fire)
    np.testing.assert_allclose(backend.get(part), backend.get(whole)[items], atol=1e-6)


def test_the_border_of_a_slice_is_seen_as_zeros(make):
    # A state that is 1 everywhere and a rule that adds a tenth of every neighbour shows how much lies outside.
    architecture = Architecture(channels=3, hidden=1, encoder=(1,))
    parameters = {name: np.zeros(shape, np.float32) for name, shape in architecture.shapes().items()}
    parameters["perceive.weight"][0, 0] = 1
    parameters["update.weight"][1, 0] = 0.1
    planes, state = random_inputs(1, (4, 5), architecture)
    state[..., 0], state[..., 1] = 1, 0
    backend = make(parameters, architecture)
    after = backend.get(
        backend.step(backend.put(state), backend.condition(backend.put(planes)), np.ones((1, 4, 5), bool))
    )
    expected = [[4, 6, 6, 6, 4], [6, 9, 9, 9, 6], [6, 9, 9, 9, 6], [4, 6, 6, 6, 4]]
    np.testing.assert_allclose(10 * after[0, :, :, 1], expected, rtol=1e-6)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_rule_that_runs_away_is_stopped_at_the_limit(make, sign):
    architecture = Architecture(channels=3, hidden=1, encoder=(1,))
    parameters = {name: np.zeros(shape, np.float32) for name, shape in architecture.shapes().items()}
    parameters["condition.bias"][0] = 1
    parameters["update.weight"][1, 0] = sign
    planes, state = random_inputs(1, (4, 5), architecture)
    backend = make(parameters, architecture)
    constant, cells = backend.condition(backend.put(planes)), backend.put(np.zeros_like(state))
    for _ in range(5):
        cells = backend.step(cells, constant, np.ones((1, 4, 5), bool))
    assert (backend.get(cells)[..., 1] == sign * STATE_LIMIT).all()


def test_both_backends_agree_step_by_step_over_32_steps(architecture):
    parameters = random_parameters(architecture)
    planes, state = random_inputs(2, (16, 24), architecture)
    ours, theirs = NumpyBackend(parameters, architecture), torch_backend(parameters, architecture)
    one, other = ours.put(state), theirs.put(state)
    first, second = ours.condition(ours.put(planes)), theirs.condition(theirs.put(planes))
    np.testing.assert_allclose(ours.get(first), theirs.get(second), atol=1e-5)
    for number in range(32):
        fire = fire_of(planes, number)
        one, other = ours.step(one, first, fire), theirs.step(other, second, fire)
        np.testing.assert_allclose(ours.get(one), theirs.get(other), atol=1e-4, err_msg=f"step {number}")
    assert 0.2 < np.abs(ours.get(one) - state).max() < 100


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB"), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 5 GB)"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("no"), False),
    ],
)
def test_an_exception_is_told_to_be_out_of_memory_or_not(error, expected):
    assert out_of_memory(error) is expected


def test_pytorchs_own_exception_is_out_of_memory():
    import torch

    assert out_of_memory(torch.OutOfMemoryError("CUDA error"))
