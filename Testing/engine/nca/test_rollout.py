"""The rollout: the same on both backends, for every batch and crop, stopped early or by a person, on what there is."""

from __future__ import annotations

import builtins
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from engine.toy_models import (
    SMALL,
    circle_architecture,
    circle_parameters,
    random_inputs,
    random_parameters,
    zero_parameters,
)
from rncarefine.nca import backend_torch
from rncarefine.nca import rollout as automaton
from rncarefine.nca.architecture import Architecture
from rncarefine.nca.channels import SLICE_DISTANCE_MM, seed_state
from rncarefine.nca.channels import planes as condition_planes
from rncarefine.nca.fire import cell_keys, fires
from rncarefine.nca.model import available_models, load_model
from rncarefine.nca.neighbours import link
from rncarefine.nca.rollout import choose_device, rollout
from rncarefine.progress import Cancelled
from rncarefine.refine.metrics import dice
from rncarefine.tasks.ring.readout import is_ring, read_wall

BACKENDS = ["numpy", "cpu"]


def walls(*radii, size=32, spacing_mm=1.6):
    """Return planes and states of half rings about the middle, one for each radius in mm."""
    rows, columns = np.indices((size, size))
    distance = np.hypot(rows - (size - 1) / 2, columns - (size - 1) / 2) * spacing_mm
    seen, states = [], []
    for radius in radii:
        wall = ((np.abs(distance - radius) < 3) & (columns < 0.6 * size)).astype(np.float32)
        nothing = np.zeros_like(wall)
        image = np.clip(1 - distance / 30, 0, 1).astype(np.float32)
        seen.append(condition_planes(image, wall, nothing, nothing, nothing, spacing_mm))
        states.append(seed_state(wall, circle_architecture().channels))
    return np.stack(seen), np.stack(states)


def roll(parameters, architecture, planes, state, k=None, **options):
    options = {"steps": 12, "fire_rate": 0.5, "seed": 3, "device": "numpy", "patience": None, **options}
    return rollout(parameters, architecture, planes, state, np.arange(len(planes)) if k is None else k, **options)


def roll_circles(*radii, k=None, **options):
    planes, state = walls(*radii)
    return roll(circle_parameters(), circle_architecture(), planes, state, k, **{"steps": 32, **options})


# Agreement


@pytest.mark.parametrize("architecture", [SMALL, Architecture(channels=16, hidden=48, encoder=(8, 12, 16, 20))])
def test_numpy_and_torch_end_with_the_same_state_and_mask_after_32_steps(architecture):
    parameters = random_parameters(architecture, update=0.05)
    planes, state = random_inputs(2, (24, 32), architecture)
    one = roll(parameters, architecture, planes, state, steps=32, device="numpy")
    other = roll(parameters, architecture, planes, state, steps=32, device="cpu")
    np.testing.assert_allclose(one.state, other.state, atol=1e-4)
    np.testing.assert_array_equal(one.state[..., :3] > 0.5, other.state[..., :3] > 0.5)
    assert (one.state[..., :3] > 0.5).any()
    assert ((one.state > 0.5) != (state > 0.5)).mean() > 0.05
    assert (one.backend, one.device, other.backend, other.device) == ("numpy", "cpu", "torch", "cpu")


def shipped(name):
    """Return a shipped model, its architecture, planes and seed state of two drawn hearts, and what links them."""
    model = load_model(name)
    architecture = Architecture.of(model.card.shapes)
    planes, state = walls(14.0, 20.0, size=48, spacing_mm=model.card.spacing_mm)
    state = np.concatenate([state[..., :3], np.zeros((*state.shape[:3], architecture.channels - 3), np.float32)], -1)
    if not architecture.volumetric:
        return model, architecture, planes, state, None
    distance = np.full((*planes.shape[:3], 1), 8 / SLICE_DISTANCE_MM, np.float32)
    links = link(np.zeros(2, np.int64), np.arange(2), np.full(2, 8.0))
    return model, architecture, np.concatenate([planes, distance], -1), state, links


@pytest.mark.parametrize("name", [card.name for card in available_models()])
def test_both_backends_agree_on_the_shipped_weights(name):
    model, architecture, planes, state, links = shipped(name)
    options = {"steps": 32, "fire_rate": model.card.fire_rate, "links": links}
    ends = [roll(model.parameters, architecture, planes, state, device=device, **options) for device in BACKENDS]
    np.testing.assert_allclose(ends[0].state, ends[1].state, atol=1e-4)
    np.testing.assert_array_equal(ends[0].state[..., :3] > 0.5, ends[1].state[..., :3] > 0.5)


@pytest.mark.parametrize("name", [card.name for card in available_models()])
def test_the_shipped_weights_hold_a_wall_far_beyond_the_steps_they_are_used_for(name):
    model, architecture, planes, state, links = shipped(name)
    options = {"fire_rate": model.card.fire_rate, "links": links}
    ends = [
        roll(model.parameters, architecture, planes, state, steps=steps, **options) for steps in (model.card.steps, 500)
    ]
    for short, long in zip(*(ended.state for ended in ends), strict=True):
        near, far = (read_wall(fields[..., :3].transpose(2, 0, 1)) for fields in (short, long))
        assert is_ring(far)
        assert dice(near, far) > 0.8


@pytest.mark.parametrize("device", BACKENDS)
def test_a_rollout_is_its_steps_with_the_hashed_fires(device):
    parameters = random_parameters()
    planes, state = random_inputs()
    ended = roll(parameters, SMALL, planes, state, k=np.array([5, 0, 2]), steps=3, seed=9, device=device)
    keys = cell_keys(np.array([5, 0, 2]), *planes.shape[1:3])
    backend = backend_torch.TorchBackend(parameters, SMALL, "cpu")
    cells, constant = backend.put(state), backend.condition(backend.put(planes))
    for number in range(3):
        cells = backend.step(cells, constant, fires(keys, 9, number, 0.5))
    np.testing.assert_allclose(ended.state, backend.get(cells), atol=1e-5)
    np.testing.assert_array_equal(ended.steps, [3, 3, 3])


@pytest.mark.parametrize("device", BACKENDS)
def test_the_arguments_are_left_as_they_were(device):
    parameters = random_parameters(update=1.0)
    planes, state = random_inputs()
    kept = planes.copy(), state.copy(), {name: value.copy() for name, value in parameters.items()}
    ended = roll(parameters, SMALL, planes, state, steps=3, device=device)
    np.testing.assert_array_equal(planes, kept[0])
    np.testing.assert_array_equal(state, kept[1])
    for name, value in parameters.items():
        np.testing.assert_array_equal(value, kept[2][name])
    assert not np.shares_memory(ended.state, state)
    assert (ended.state != state).any()


@pytest.mark.parametrize("device", BACKENDS)
def test_weights_of_zero_leave_the_state_as_it_is(device):
    planes, state = random_inputs()
    np.testing.assert_array_equal(roll(zero_parameters(), SMALL, planes, state, device=device).state, state)


@pytest.mark.parametrize("device", BACKENDS)
def test_all_channels_are_updated(device):
    planes, state = random_inputs()
    ended = roll(random_parameters(), SMALL, planes, state, device=device)
    assert (ended.state != state).mean(axis=(0, 1, 2)).min() > 0.9


# Whatever the batch, the order, the crop


@pytest.mark.parametrize("device", BACKENDS)
def test_a_slice_ends_alike_alone_and_in_every_order(device):
    planes, state = random_inputs(4)
    k = np.array([7, 1, 4, 2])
    parameters = random_parameters()
    whole = roll(parameters, SMALL, planes, state, k, device=device)
    order = np.array([2, 0, 3, 1])
    turned = roll(parameters, SMALL, planes[order], state[order], k[order], device=device)
    np.testing.assert_allclose(turned.state, whole.state[order], atol=1e-5)
    for item in range(4):
        part = slice(item, item + 1)
        alone = roll(parameters, SMALL, planes[part], state[part], k[part], device=device)
        np.testing.assert_allclose(alone.state[0], whole.state[item], atol=1e-5)


def test_a_crop_ends_as_the_whole_does_away_from_its_border():
    # One level of encoder sees 2 pixels and every step 1 more: what lies deeper knows nothing of the crop.
    architecture = Architecture(channels=4, hidden=5, encoder=(3,))
    parameters = random_parameters(architecture)
    planes, state = random_inputs(1, (30, 34), architecture)
    whole = roll(parameters, architecture, planes, state, steps=4)
    window = (slice(None), slice(6, 28), slice(9, 31))
    part = roll(parameters, architecture, planes[window], state[window], steps=4, origin=(6, 9))
    inside = slice(6, -6)
    np.testing.assert_allclose(part.state[:, inside, inside], whole.state[window][:, inside, inside], atol=1e-6)
    unmoved = roll(parameters, architecture, planes[window], state[window], steps=4)
    assert np.abs(unmoved.state[:, inside, inside] - whole.state[window][:, inside, inside]).max() > 1e-3


def test_the_same_seed_repeats_and_another_does_not():
    planes, state = random_inputs()
    one, again, other = (roll(random_parameters(), SMALL, planes, state, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.state, again.state)
    assert np.abs(one.state - other.state).max() > 1e-3


def test_an_empty_batch_ends_at_once():
    planes, state = random_inputs(2)
    ended = roll(random_parameters(), SMALL, planes[:0], state[:0])
    assert ended.state.shape == (0, *state.shape[1:])
    assert ended.steps.shape == (0,)


# Early stop


@pytest.mark.parametrize("device", BACKENDS)
def test_the_hand_made_automaton_ends_with_the_wall_about_its_circle(device):
    ended = roll_circles(16.0, 20.0, device=device)
    ring, outer, inner = (ended.state[..., channel] > 0.5 for channel in range(3))
    np.testing.assert_array_equal(ring, outer & ~inner)
    # Half of the disc of a circle that was fitted to a half ring still fits the half ring.
    assert outer.sum(axis=(1, 2)) * 1.6**2 == pytest.approx(np.pi * np.array([20.0, 24.0]) ** 2, rel=0.1)


@pytest.mark.parametrize("device", BACKENDS)
def test_a_rollout_that_stops_early_ends_with_the_mask_of_the_full_one(device):
    full = roll_circles(12.0, 16.0, 20.0, steps=64, device=device)
    early = roll_circles(12.0, 16.0, 20.0, steps=64, patience=8, device=device)
    np.testing.assert_array_equal(full.steps, [64, 64, 64])
    assert (early.steps < 64).all()
    np.testing.assert_array_equal(full.state[..., :3] > 0.5, early.state[..., :3] > 0.5)


def test_an_item_stops_only_after_as_many_quiet_steps_as_asked_for():
    planes, state = random_inputs()
    for patience, expected in ((4, 4), (8, 8), (10, 12), (12, 12)):
        ended = roll(zero_parameters(), SMALL, planes, state, steps=40, patience=patience)
        np.testing.assert_array_equal(ended.steps, expected)


@pytest.mark.parametrize("device", BACKENDS)
def test_an_item_that_stops_early_does_not_change_the_others(device):
    # Items that start as they should be stop first; the others go on beside them as they do alone.
    planes, state = walls(12.0, 16.0, 20.0, 24.0)
    done = roll(circle_parameters(), circle_architecture(), planes, state, steps=64)
    state[1], state[3] = done.state[1], done.state[3]
    k = np.array([4, 5, 6, 7])
    parts = [slice(item, item + 1) for item in range(4)]
    together = roll(circle_parameters(), circle_architecture(), planes, state, k, steps=48, patience=8, device=device)
    assert len(set(together.steps.tolist())) > 1
    np.testing.assert_array_equal(together.steps[[1, 3]], 8)
    for item, part in enumerate(parts):
        alone = roll(
            circle_parameters(), circle_architecture(), planes[part], state[part], k[part], steps=48, patience=8
        )
        assert together.steps[item] == alone.steps[0]
        np.testing.assert_allclose(together.state[item], alone.state[0], atol=1e-5)


@pytest.mark.parametrize("device", BACKENDS)
def test_the_others_go_on_with_their_own_fires_when_an_item_has_stopped(device):
    planes, state = walls(12.0, 16.0, 20.0)
    state[0] = roll(circle_parameters(), circle_architecture(), planes, state, steps=64).state[0]
    # So few cells fire that the two others are far from done.
    options = {"steps": 12, "fire_rate": 0.1, "device": device}
    together = roll(circle_parameters(), circle_architecture(), planes, state, patience=8, **options)
    np.testing.assert_array_equal(together.steps, [8, 12, 12])
    without = roll(circle_parameters(), circle_architecture(), planes, state, patience=None, **options)
    np.testing.assert_allclose(together.state, without.state, atol=1e-5)


def test_the_hidden_channels_do_not_keep_a_rollout_going():
    parameters = zero_parameters()
    parameters["condition.bias"][:] = 1
    parameters["update.weight"][3:] = 0.1
    planes, state = random_inputs()
    ended = roll(parameters, SMALL, planes, state, steps=40, patience=8)
    np.testing.assert_array_equal(ended.steps, 8)
    assert (ended.state[..., 3:] > 0.5).any()


# Progress and cancel


@pytest.mark.parametrize("device", BACKENDS)
def test_progress_is_told_after_every_step(device):
    told = []
    planes, state = random_inputs()
    progress = lambda fraction, text: told.append((fraction, text))  # noqa: E731
    roll(random_parameters(), SMALL, planes, state, steps=5, device=device, progress=progress)
    assert [fraction for fraction, _ in told] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert told[1][1] == "Step 2 of 5, 3 slices"


@pytest.mark.parametrize("device", BACKENDS)
@pytest.mark.parametrize("last", range(5))
def test_a_rollout_is_cancelled_at_every_step(device, last):
    asked = []

    def progress(fraction, text):
        asked.append(fraction)
        return len(asked) <= last

    planes, state = random_inputs()
    kept = state.copy()
    with pytest.raises(Cancelled, match=f"Step {last + 1} of 5"):
        roll(random_parameters(), SMALL, planes, state, steps=5, device=device, progress=progress)
    assert len(asked) == last + 1
    np.testing.assert_array_equal(state, kept)


# Devices


def without_torch(monkeypatch):
    """Make ``import torch`` fail as it does where there is none."""
    original = builtins.__import__

    def refuse(name, *arguments, **keywords):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
        return original(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", refuse)


def pretend_torch(monkeypatch, **parts):
    """Put a module in the place of PyTorch."""
    pretended = ModuleType("torch")
    vars(pretended).update(parts)
    monkeypatch.setitem(sys.modules, "torch", pretended)


def working_torch(cuda, mps):
    return {
        "ones": np.ones,
        "cuda": SimpleNamespace(is_available=lambda: cuda),
        "backends": SimpleNamespace(mps=SimpleNamespace(is_available=lambda: mps)),
    }


def test_auto_takes_torch_where_it_works():
    import torch

    assert choose_device("auto") == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize(("cuda", "expected"), [(True, "cuda"), (False, "cpu")])
def test_auto_takes_the_gpu_if_there_is_one_but_never_apples(monkeypatch, cuda, expected):
    pretend_torch(monkeypatch, **working_torch(cuda=cuda, mps=True))
    assert choose_device("auto") == expected
    assert choose_device("mps") == "mps"


def test_without_torch_auto_is_numpy_and_the_rollout_works(monkeypatch):
    without_torch(monkeypatch)
    assert choose_device("auto") == "numpy"
    planes, state = random_inputs()
    assert roll(random_parameters(), SMALL, planes, state, device="auto").backend == "numpy"


@pytest.mark.parametrize("device", ["cpu", "cuda", "mps"])
def test_asking_for_torch_without_it_is_an_error_that_says_what_to_do(monkeypatch, device):
    without_torch(monkeypatch)
    with pytest.raises(ValueError, match=rf"'{device}' needs PyTorch.*Install it, or use device 'numpy'"):
        choose_device(device)


@pytest.mark.parametrize(
    "parts",
    [
        {},  # a folder left behind by a failed installation imports as an empty namespace package
        {"ones": lambda count: (_ for _ in ()).throw(OSError("libtorch_cpu.so: cannot open shared object file"))},
        {"ones": np.zeros},
    ],
    ids=["empty", "broken library", "wrong sums"],
)
def test_a_half_installed_torch_counts_as_absent(monkeypatch, parts):
    pretend_torch(monkeypatch, **parts)
    assert choose_device("auto") == "numpy"
    with pytest.raises(ValueError, match="needs PyTorch"):
        choose_device("cpu")


def test_numpy_never_looks_for_torch(monkeypatch):
    monkeypatch.setattr(automaton, "_working_torch", lambda: pytest.fail("looked for torch"))
    assert choose_device("numpy") == "numpy"


def test_an_unknown_device_is_an_error_that_names_the_known_ones():
    with pytest.raises(ValueError, match=r"Unknown device 'abacus'.*auto, numpy, cpu, cuda, mps"):
        choose_device("abacus")


@pytest.mark.parametrize(("device", "maker"), [("cuda", "NVIDIA"), ("mps", "Apple")])
def test_a_gpu_that_is_not_there_is_an_error_that_says_what_to_do(monkeypatch, device, maker):
    pretend_torch(monkeypatch, **working_torch(cuda=False, mps=False))
    with pytest.raises(ValueError, match=f"'{device}'.*{maker}.*[Uu]se device 'auto'"):
        choose_device(device)


def failing_gpu(monkeypatch, error, after=0):
    """Pretend that there is a GPU, and let it fail after some steps."""

    class Failing(backend_torch.TorchBackend):
        def __init__(self, parameters, architecture, device):
            super().__init__(parameters, architecture, "cpu")
            self.asked, self.left = device, after

        def step(self, state, constant, fire, links=None):
            if self.asked == "cuda":
                self.left -= 1
                if self.left < 0:
                    raise error
            return super().step(state, constant, fire, links)

    monkeypatch.setattr(automaton, "choose_device", lambda device: "cuda")
    monkeypatch.setattr(backend_torch, "TorchBackend", Failing)


@pytest.mark.parametrize("after", [0, 3])
def test_out_of_memory_on_the_gpu_goes_on_on_the_cpu_and_says_so(monkeypatch, after):
    import torch

    planes, state = random_inputs()
    expected = roll(random_parameters(), SMALL, planes, state, device="cpu")
    failing_gpu(monkeypatch, torch.OutOfMemoryError("CUDA out of memory."), after)
    ended = roll(random_parameters(), SMALL, planes, state, device="cuda")
    np.testing.assert_array_equal(ended.state, expected.state)
    assert ended.device == "cpu"
    assert ended.notes == ["The cuda device ran out of memory; the repair went on on the CPU."]


def test_another_failure_of_the_gpu_is_not_hidden(monkeypatch):
    failing_gpu(monkeypatch, RuntimeError("an illegal memory access was encountered"))
    planes, state = random_inputs()
    with pytest.raises(RuntimeError, match="illegal memory access"):
        roll(random_parameters(), SMALL, planes, state, device="cuda")


def test_cancelling_on_the_gpu_is_not_taken_for_a_failure(monkeypatch):
    failing_gpu(monkeypatch, RuntimeError(), after=99)
    planes, state = random_inputs()
    with pytest.raises(Cancelled):
        roll(random_parameters(), SMALL, planes, state, device="cuda", progress=lambda fraction, text: False)


# Bad input


@pytest.mark.parametrize("device", BACKENDS)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda planes, state, k: (planes[:, :-1], state, k), "multiples of 2"),
        (lambda planes, state, k: (planes[0], state, k), "multiples of 2"),
        (lambda planes, state, k: (planes[..., :-1], state, k), "planes have shape"),
        (lambda planes, state, k: (planes, state[:-1], k), "state have shape"),
        (lambda planes, state, k: (planes, state[..., :-1], k), "state have shape"),
        (lambda planes, state, k: (planes, state, k[:-1]), "2 slice indices for 3 slices"),
    ],
)
def test_shapes_that_do_not_fit_are_errors(device, change, message):
    planes, state, k = change(*random_inputs(), np.arange(3))
    with pytest.raises(ValueError, match=message):
        roll(random_parameters(), SMALL, planes, state, k, device=device)
