"""Both backends compute what a plain reading of the formulas gives."""

import numpy as np
import pytest

from engine.toy_models import (
    SMALL,
    naive_encode,
    naive_seed,
    naive_step,
    random_channels,
    random_parameters,
    random_states,
    zero_parameters,
)
from rncarefine.nca import backend_torch
from rncarefine.nca.architecture import MASK, STATE_LIMIT, Architecture
from rncarefine.nca.backend_numpy import NumpyBackend
from rncarefine.nca.backend_torch import TorchBackend, out_of_memory
from rncarefine.nca.neighbours import link

ARCHITECTURES = {
    "one level": Architecture(channels=5, hidden=7, encoder=(4,)),
    "two levels": SMALL,
    "four levels": Architecture(channels=16, hidden=24, encoder=(6, 8, 10, 12)),
    "one field": Architecture(channels=4, hidden=5, encoder=(3, 4), fields=1),
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


def fire_of(values, seed=0):
    return np.random.default_rng(seed).random(values.shape[:3]) < 0.5


def everywhere(values):
    return np.ones(values.shape[:3], bool)


def constant_of(backend, channels):
    return backend.encode(backend.put(channels))[0]


# The encoder


def test_encoding_agrees_with_the_formulas(make, architecture):
    parameters = random_parameters(architecture)
    channels = random_channels(2, (8, 16), architecture)
    backend = make(parameters, architecture)
    constant, evidence = (backend.get(part) for part in backend.encode(backend.put(channels)))
    assert constant.shape == (2, 8, 16, architecture.hidden)
    assert evidence.shape == (2, 8, 16, architecture.fields)
    assert evidence.dtype == np.float32
    for item, seen in enumerate(channels):
        expected = naive_encode(parameters, architecture, seen)
        np.testing.assert_allclose(constant[item], expected[0], atol=1e-4)
        np.testing.assert_allclose(evidence[item], expected[1], atol=2e-5)
    assert evidence.std() > 0.05


def test_channels_of_large_offset_are_normalised_as_well(make):
    # The variance is a difference of large numbers then.
    parameters = random_parameters()
    channels = random_channels() + np.float32(30)
    backend = make(parameters, SMALL)
    evidence = backend.get(backend.encode(backend.put(channels))[1])
    for item, seen in enumerate(channels):
        np.testing.assert_allclose(evidence[item], naive_encode(parameters, SMALL, seen)[1], atol=1e-3)


def test_a_channel_without_any_contrast_is_normalised_to_its_shift(make):
    parameters = zero_parameters()
    parameters["up0b.shift"][:] = np.array([0.5, -1, 0, 0, 0])
    parameters["evidence.weight"][0, :2] = 1, 100
    backend = make(parameters, SMALL)
    evidence = backend.get(backend.encode(backend.put(np.zeros((1, 4, 6, 7), np.float32)))[1])
    # The leaky ReLU leaves -0.01 of -1.
    np.testing.assert_allclose(evidence[..., 0], 1 / (1 + np.exp(0.5)), atol=1e-6)
    np.testing.assert_array_equal(evidence[..., 1:], 0.5)


# Steps


def test_step_agrees_with_the_formulas(make, architecture):
    parameters = random_parameters(architecture)
    channels, state = random_channels(2, (8, 16), architecture), random_states(2, (8, 16), architecture)
    fire = fire_of(state)
    backend = make(parameters, architecture)
    after = backend.get(backend.step(backend.put(state), constant_of(backend, channels), fire))
    for item in range(2):
        constant, _ = naive_encode(parameters, architecture, channels[item])
        np.testing.assert_allclose(after[item], naive_step(parameters, state[item], constant, fire[item]), atol=1e-4)


def test_volumetric_step_agrees_with_the_formulas(make):
    architecture = Architecture(channels=5, hidden=7, encoder=(4,), volumetric=True)
    parameters = random_parameters(architecture)
    channels, state = random_channels(4, (8, 8), architecture), random_states(4, (8, 8), architecture)
    fire = fire_of(state)
    # Slices 0-2 are a stack 10 mm apart, slice 3 a stack of its own.
    links = link(np.array([0, 0, 0, 1]), np.array([4, 5, 6, 5]), np.array([10.0, 10.0, 10.0, 8.0]))
    backend = make(parameters, architecture)
    after = backend.get(backend.step(backend.put(state), constant_of(backend, channels), fire, links))
    nothing = np.zeros_like(state[0])
    halves = [(nothing, state[1]), (state[0], state[2]), (state[1], nothing), (nothing, nothing)]
    for item, (below, above) in enumerate(halves):
        constant, _ = naive_encode(parameters, architecture, channels[item])
        expected = naive_step(parameters, state[item], constant, fire[item], 0.5 * (below + above) / 2)
        np.testing.assert_allclose(after[item], expected, atol=1e-4)


def test_cells_that_do_not_fire_keep_their_state_to_the_bit(make):
    state = random_states()
    fire = fire_of(state)
    backend = make(random_parameters(update=1.0), SMALL)
    after = backend.get(backend.step(backend.put(state), constant_of(backend, random_channels()), fire))
    np.testing.assert_array_equal(after[~fire], state[~fire])
    assert (after[fire] != state[fire]).any(axis=-1).mean() > 0.95


def test_the_border_of_a_slice_is_seen_as_zeros(make):
    # A state that is 1 everywhere and a rule that adds a tenth of every neighbour shows how much lies outside.
    architecture = Architecture(channels=4, hidden=1, encoder=(1,))
    parameters = zero_parameters(architecture)
    parameters["perceive.weight"][0, 0] = 1
    parameters["update.weight"][1, 0] = 0.1
    state = np.zeros((1, 4, 5, 4), np.float32)
    state[..., 0] = 1
    backend = make(parameters, architecture)
    constant = constant_of(backend, random_channels(1, (4, 5), architecture))
    after = backend.get(backend.step(backend.put(state), constant, everywhere(state)))
    expected = [[4, 6, 6, 6, 4], [6, 9, 9, 9, 6], [6, 9, 9, 9, 6], [4, 6, 6, 6, 4]]
    np.testing.assert_allclose(10 * after[0, :, :, 1], expected, rtol=1e-6)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_rule_that_runs_away_is_stopped_at_the_limit(make, sign):
    architecture = Architecture(channels=4, hidden=1, encoder=(1,))
    parameters = zero_parameters(architecture)
    parameters["condition.bias"][0] = 1
    parameters["update.weight"][1, 0] = sign
    state = np.zeros((1, 4, 5, 4), np.float32)
    backend = make(parameters, architecture)
    cells, constant = backend.put(state), constant_of(backend, random_channels(1, (4, 5), architecture))
    for _ in range(5):
        cells = backend.step(cells, constant, everywhere(state))
    assert (backend.get(cells)[..., 1] == sign * STATE_LIMIT).all()


# Batches


def test_taken_and_joined_items_evolve_as_they_would_have(make):
    channels, state = random_channels(4), random_states(4)
    fire = fire_of(state)
    backend = make(random_parameters(), SMALL)
    constant = constant_of(backend, channels)
    items = np.array([2, 0])
    whole = backend.get(backend.step(backend.put(state), constant, fire))
    part = backend.step(backend.take(backend.put(state), items), backend.take(constant, items), fire[items])
    np.testing.assert_allclose(backend.get(part), whole[items], atol=1e-6)
    halves = backend.join([constant_of(backend, channels[:1]), constant_of(backend, channels[1:])])
    joined = backend.step(backend.put(state), halves, fire)
    np.testing.assert_allclose(backend.get(joined), whole, atol=1e-5)


# What training uses of PyTorch


def test_the_seed_is_evidence_mask_and_zeros():
    import torch

    channels = random_channels()
    evidence = torch.rand(3, 3, 12, 16, generator=torch.Generator().manual_seed(0))
    mask = torch.from_numpy(channels).permute(0, 3, 1, 2)[:, MASK : MASK + 1]
    state = backend_torch.seed(SMALL, evidence, mask)
    for item in range(3):
        expected = naive_seed(SMALL, evidence[item].permute(1, 2, 0).numpy(), channels[item, ..., MASK])
        np.testing.assert_array_equal(state[item].permute(1, 2, 0).numpy(), expected.astype(np.float32))


def test_evidence_is_the_sigmoid_of_its_logits():
    import torch

    parameters = {name: torch.from_numpy(value) for name, value in random_parameters().items()}
    channels = torch.from_numpy(random_channels()).permute(0, 3, 1, 2)
    features = backend_torch.encode(parameters, SMALL, channels)
    evidence = backend_torch.evidence_logits(parameters, features).sigmoid()
    backend = torch_backend(random_parameters(), SMALL)
    expected = backend.encode(backend.put(random_channels()))
    torch.testing.assert_close(evidence, expected[1])
    torch.testing.assert_close(backend_torch.condition(parameters, features, evidence), expected[0])
    assert (backend_torch.condition(parameters, features, 1 - evidence) - expected[0]).abs().max() > 0.1


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB"), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 5 GB)"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("no"), False),
    ],
)
def test_out_of_memory_is_discriminated_from_other_exceptions(error, expected):
    assert out_of_memory(error) is expected


def test_pytorchs_own_exception_is_out_of_memory():
    import torch

    assert out_of_memory(torch.OutOfMemoryError("CUDA error"))
