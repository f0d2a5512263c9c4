"""The rollout: the same on both backends and in every batch; early stop, cancelling, devices."""

import builtins
import sys
import warnings
from dataclasses import replace
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from engine.toy_models import (
    SEEING,
    SMALL,
    naive_rollout,
    random_channels,
    random_parameters,
    spreading_parameters,
    zero_parameters,
)
from rncarefine.nca import backend_torch
from rncarefine.nca import rollout as module
from rncarefine.nca.architecture import MASK, Architecture
from rncarefine.nca.card import TUBULAR
from rncarefine.nca.channels import stacked
from rncarefine.nca.model import available_models, load_model
from rncarefine.nca.neighbours import link
from rncarefine.nca.rollout import Runner, choose_device
from rncarefine.progress import Cancelled
from rncarefine.tasks.ring.readout import is_ring, read_wall

BACKENDS = ["numpy", "cpu"]


def drawn(*radii, size=64, spacing_mm=1.6):
    """Return what the encoder sees of rings about the middle, one per radius in mm; the masks are half rings."""
    rows, columns = np.indices((size, size))
    distance = np.hypot(rows - (size - 1) / 2, columns - (size - 1) / 2) * spacing_mm
    images = np.stack([np.select([distance < radius - 3, distance < radius + 3], [1.0, 0.5], 0.0) for radius in radii])
    walls = (images == 0.5) & (columns < size / 2)
    return np.stack(
        [
            stacked(image[None].astype(np.float32), wall[None], None, 0)
            for image, wall in zip(images, walls, strict=True)
        ]
    )


def rolled(runner, channels, k=None, **options):
    """Encode and roll out, by default without early stop."""
    options = {"steps": 12, "fire_rate": 0.5, "seed": 3, "patience": None, **options}
    return runner.roll(runner.encode(channels), np.arange(len(channels)) if k is None else k, **options)


def roll(parameters, architecture, channels, k=None, device="numpy", **options):
    return rolled(Runner(parameters, architecture, device), channels, k, **options)


def spread(channels, k=None, **options):
    return roll(spreading_parameters(), SEEING, channels, k, **options)


def masks(state):
    return state[..., :3] > 0.5


# What a rollout computes


@pytest.mark.parametrize("device", BACKENDS)
@pytest.mark.parametrize("architecture", [SMALL, Architecture(channels=7, hidden=8, encoder=(4,), fields=1)])
def test_rollout_agrees_with_the_formulas(device, architecture):
    parameters, channels = random_parameters(architecture), random_channels(3, (8, 12), architecture)
    k = np.array([5, 0, 2])
    ended = roll(parameters, architecture, channels, k, device, steps=4, seed=9)
    expected = naive_rollout(parameters, architecture, channels, k, steps=4, fire_rate=0.5, seed=9)
    np.testing.assert_allclose(ended.state, expected, atol=2e-4)
    np.testing.assert_array_equal(ended.steps, [4, 4, 4])


@pytest.mark.parametrize("device", BACKENDS)
def test_volumetric_rollout_agrees_with_the_formulas(device):
    architecture = replace(SMALL, volumetric=True)
    parameters, channels = random_parameters(architecture), random_channels(3, (8, 12), architecture)
    k, spacing_mm = np.array([2, 1, 4]), 8.0
    links = link(np.zeros(3, np.int64), k, np.full(3, spacing_mm))
    ended = roll(parameters, architecture, channels, k, device, steps=4, seed=9, links=links)
    options = {"steps": 4, "fire_rate": 0.5, "seed": 9}
    expected = naive_rollout(parameters, architecture, channels, k, **options, spacing_mm=spacing_mm)
    np.testing.assert_allclose(ended.state, expected, atol=2e-4)
    apart = naive_rollout(parameters, architecture, channels, k, **options)
    assert np.abs(apart - expected).max() > 0.01
    # Slice 4 has no neighbours.
    np.testing.assert_allclose(apart[2], expected[2])


@pytest.mark.parametrize("device", BACKENDS)
def test_snapshots_are_the_states_of_shorter_rollouts(device):
    options = {"device": device, "fire_rate": 0.5}
    ended = roll(random_parameters(), SMALL, random_channels(), steps=6, snapshots=(0, 2, 5, 6), **options)
    assert sorted(ended.snapshots) == [0, 2, 5, 6]
    for steps in (2, 5):
        shorter = roll(random_parameters(), SMALL, random_channels(), steps=steps, **options)
        np.testing.assert_array_equal(ended.snapshots[steps], shorter.state)
    np.testing.assert_array_equal(ended.snapshots[6], ended.state)


# The shipped models

with warnings.catch_warnings():
    # Weights of an earlier format are left out with a warning.
    warnings.simplefilter("ignore", UserWarning)
    SHIPPED = {card.name: card for card in available_models()}
RINGS = [name for name, card in SHIPPED.items() if card.task != TUBULAR]


def shipped(name):
    """Return a shipped model, its architecture, what it sees of two drawn hearts, and the links between them.

    A model of vessels sees as many channels of them as it has.
    """
    model = load_model(name)
    architecture = Architecture.of(model.card.shapes)
    channels = drawn(14.0, 20.0, size=96, spacing_mm=model.card.spacing_mm)[..., : architecture.inputs]
    links = link(np.zeros(2, np.int64), np.arange(2), np.full(2, 8.0)) if architecture.volumetric else None
    return model, architecture, channels, links


@pytest.mark.parametrize("name", SHIPPED)
def test_both_backends_agree_on_the_shipped_weights(name):
    model, architecture, channels, links = shipped(name)
    options = {"steps": 32, "fire_rate": model.card.fire_rate, "links": links}
    ends = [roll(model.parameters, architecture, channels, device=device, **options) for device in BACKENDS]
    np.testing.assert_allclose(ends[0].state, ends[1].state, atol=1e-3)
    assert (masks(ends[0].state) == masks(ends[1].state)).mean() > 0.999


@pytest.mark.parametrize("name", RINGS)
def test_bundled_weights_are_stable_in_long_rollouts(name):
    model, architecture, channels, links = shipped(name)
    ended = roll(
        model.parameters,
        architecture,
        channels,
        steps=200,
        fire_rate=model.card.fire_rate,
        links=links,
        snapshots=(model.card.steps,),
    )
    for fields in zip(ended.snapshots[model.card.steps], ended.state, strict=True):
        near, far = (read_wall(np.moveaxis(each[..., :3], -1, 0)) for each in fields)
        assert is_ring(far)
        assert 2 * (near & far).sum() / (near.sum() + far.sum()) > 0.8


# Whatever the batch, the order, the crop


@pytest.mark.parametrize("device", BACKENDS)
def test_a_slice_ends_alike_alone_and_in_every_order(device):
    channels, k = random_channels(4), np.array([7, 1, 4, 2])
    parameters = random_parameters()
    whole = roll(parameters, SMALL, channels, k, device)
    order = np.array([2, 0, 3, 1])
    turned = roll(parameters, SMALL, channels[order], k[order], device)
    np.testing.assert_allclose(turned.state, whole.state[order], atol=1e-4)
    for item in range(4):
        alone = roll(parameters, SMALL, channels[item : item + 1], k[item : item + 1], device)
        np.testing.assert_allclose(alone.state[0], whole.state[item], atol=1e-4)


@pytest.mark.parametrize("device", BACKENDS)
def test_many_slices_are_encoded_in_parts(monkeypatch, device):
    channels = random_channels(5)
    whole = roll(random_parameters(), SMALL, channels, device=device)
    runner = Runner(random_parameters(), SMALL, device)
    monkeypatch.setattr(runner._backend, "at_once", 2)
    original, sizes = runner._backend.encode, []
    monkeypatch.setattr(runner._backend, "encode", lambda part: sizes.append(len(part)) or original(part))
    np.testing.assert_allclose(rolled(runner, channels).state, whole.state, atol=1e-5)
    assert sizes == [2, 2, 1]


def test_part_of_the_crop_fires_as_the_whole():
    # The encoder sees nothing here, so that cells know of the border only what has reached them, a pixel per step.
    architecture = Architecture(channels=5, hidden=5, encoder=(3,))
    parameters = random_parameters(architecture)
    for name in ("down0a.weight", "down0b.weight"):
        parameters[name][:] = 0
    channels = random_channels(1, (30, 34), architecture)
    whole = roll(parameters, architecture, channels, steps=4)
    window = (slice(None), slice(6, 28), slice(9, 31))
    inside = slice(6, -6)
    expected = whole.state[window][:, inside, inside]
    part = roll(parameters, architecture, channels[window], steps=4, origin=(6, 9))
    np.testing.assert_allclose(part.state[:, inside, inside], expected, atol=1e-6)
    unmoved = roll(parameters, architecture, channels[window], steps=4)
    assert np.abs(unmoved.state[:, inside, inside] - expected).max() > 1e-3


@pytest.mark.parametrize("device", BACKENDS)
@pytest.mark.parametrize("patience", [None, 8])
def test_an_empty_batch_ends_at_once(device, patience):
    ended = roll(random_parameters(), SMALL, random_channels(2)[:0], device=device, patience=patience)
    assert ended.state.shape == (0, 12, 16, SMALL.channels)
    assert ended.steps.shape == (0,)


# Early stop


@pytest.mark.parametrize("device", BACKENDS)
def test_early_stop_gives_the_masks_of_the_full_rollout(device):
    channels = drawn(10.0, 14.0, 20.0)
    full = spread(channels, device=device, steps=96)
    early = spread(channels, device=device, steps=96, patience=8)
    np.testing.assert_array_equal(full.steps, [96, 96, 96])
    assert (early.steps < 96).all()
    assert len(set(early.steps.tolist())) > 1
    np.testing.assert_array_equal(masks(full.state), masks(early.state))


def test_early_stop_waits_for_the_patience():
    for patience, expected in ((4, 4), (8, 8), (10, 12), (12, 12)):
        ended = roll(zero_parameters(), SMALL, random_channels(), steps=40, patience=patience)
        np.testing.assert_array_equal(ended.steps, expected)


@pytest.mark.parametrize("device", BACKENDS)
def test_stopped_items_do_not_change_the_others(device):
    channels = drawn(10.0, 14.0, 20.0)
    channels[0, ..., 0] = channels[0, ..., MASK] = 0  # nothing to see, nothing to do
    options = {"device": device, "steps": 24, "fire_rate": 0.5}
    together = spread(channels, patience=8, **options)
    np.testing.assert_array_equal(together.steps, [8, 24, 24])
    without = spread(channels, patience=None, **options)
    np.testing.assert_allclose(together.state[1:], without.state[1:], atol=1e-5)


def test_linked_slices_stop_together():
    architecture = replace(SEEING, volumetric=True)
    parameters = {**spreading_parameters(architecture)}
    channels = drawn(10.0, 20.0)
    links = link(np.zeros(2, np.int64), np.arange(2), np.full(2, 8.0))
    apart = spread(channels, steps=96, patience=8)
    ended = roll(parameters, architecture, channels, steps=96, patience=8, links=links)
    assert apart.steps[0] < apart.steps[1]
    assert ended.steps.tolist() == [apart.steps[1]] * 2


def test_the_hidden_channels_do_not_keep_a_rollout_running():
    parameters = zero_parameters()
    parameters["condition.bias"][:] = 1
    parameters["update.weight"][3:] = 0.1
    ended = roll(parameters, SMALL, random_channels(), steps=40, patience=8)
    np.testing.assert_array_equal(ended.steps, 8)
    assert (ended.state[..., 4:] > 0.5).any()


# Progress and cancel


@pytest.mark.parametrize("device", BACKENDS)
def test_progress_is_reported_after_every_step(device):
    fractions = []
    progress = lambda fraction, text: fractions.append(fraction)  # noqa: E731
    roll(random_parameters(), SMALL, random_channels(), steps=5, device=device, progress=progress)
    assert fractions == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])


@pytest.mark.parametrize("device", BACKENDS)
@pytest.mark.parametrize("last", range(5))
def test_a_rollout_is_cancelled_at_every_step(device, last):
    asked = []

    def progress(fraction, text):
        asked.append(fraction)
        return len(asked) <= last

    with pytest.raises(Cancelled):
        roll(random_parameters(), SMALL, random_channels(), steps=5, device=device, progress=progress)
    assert len(asked) == last + 1


# Devices


def without_torch(monkeypatch):
    """Make ``import torch`` fail as it does where PyTorch is not installed."""
    original = builtins.__import__

    def refuse(name, *arguments, **keywords):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
        return original(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", refuse)


def pretend_torch(monkeypatch, **parts):
    """Replace PyTorch by a module with these parts."""
    pretended = ModuleType("torch")
    vars(pretended).update(parts)
    monkeypatch.setitem(sys.modules, "torch", pretended)


def working_torch(cuda, mps):
    return {
        "ones": np.ones,
        "cuda": SimpleNamespace(is_available=lambda: cuda),
        "backends": SimpleNamespace(mps=SimpleNamespace(is_available=lambda: mps)),
    }


@pytest.mark.parametrize(("cuda", "expected"), [(True, "cuda"), (False, "cpu")])
def test_auto_takes_cuda_where_it_is_available_but_never_mps(monkeypatch, cuda, expected):
    pretend_torch(monkeypatch, **working_torch(cuda=cuda, mps=True))
    assert choose_device("auto") == expected
    assert choose_device("mps") == "mps"


def test_without_torch_auto_is_numpy_and_the_rollout_works(monkeypatch):
    without_torch(monkeypatch)
    assert choose_device("auto") == "numpy"
    runner = Runner(random_parameters(), SMALL, "auto")
    assert (runner.backend, runner.device) == ("numpy", "cpu")
    assert np.isfinite(rolled(runner, random_channels()).state).all()


@pytest.mark.parametrize("device", ["cpu", "cuda", "mps"])
def test_a_torch_device_without_torch_is_an_error(monkeypatch, device):
    without_torch(monkeypatch)
    with pytest.raises(ValueError, match="needs PyTorch"):
        choose_device(device)


@pytest.mark.parametrize(
    "parts",
    [
        {},  # the folder of a failed installation imports as an empty namespace package
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


def test_an_unknown_device_is_an_error():
    with pytest.raises(ValueError, match="abacus"):
        choose_device("abacus")


@pytest.mark.parametrize(("device", "maker"), [("cuda", "NVIDIA"), ("mps", "Apple")])
def test_a_gpu_that_is_not_there_is_an_error(monkeypatch, device, maker):
    pretend_torch(monkeypatch, **working_torch(cuda=False, mps=False))
    with pytest.raises(ValueError, match=maker):
        choose_device(device)


class Gpu:
    """A backend that passes for a GPU, and fails in some calls of a method."""

    name, device = "torch", "cuda"

    def __init__(self, parameters, architecture, failing, error, after):
        self.inner = backend_torch.TorchBackend(parameters, architecture, "cpu")
        self.at_once = self.inner.at_once
        self.failing, self.error, self.left = failing, error, after

    def __getattr__(self, name):
        def call(*arguments):
            if name == self.failing:
                self.left -= 1
                if self.left < 0:
                    raise self.error
            return getattr(self.inner, name)(*arguments)

        return call


def gpu_runner(monkeypatch, failing="", error=None, after=0):
    """Return a runner on a GPU whose method ``failing`` raises ``error`` after some calls."""
    monkeypatch.setattr(module, "choose_device", lambda device: "cuda")
    start = Runner._start

    def begin(self, device):
        if device != "cuda":
            return start(self, device)
        return Gpu(self.parameters, self.architecture, failing, error, after)

    monkeypatch.setattr(Runner, "_start", begin)
    runner = Runner(random_parameters(), SMALL, "cuda")
    assert (runner.device, runner.out_of_memory) == ("cuda", False)
    return runner


def full():
    import torch

    return torch.OutOfMemoryError("CUDA out of memory.")


@pytest.mark.parametrize(("failing", "after"), [("encode", 0), ("encode", 1), ("step", 0), ("step", 3), ("join", 0)])
def test_where_the_gpu_runs_out_of_memory_the_cpu_takes_over(monkeypatch, failing, after):
    monkeypatch.setitem(backend_torch.SLICES_AT_ONCE, "cpu", 2)
    expected = roll(random_parameters(), SMALL, random_channels(), device="cpu")
    runner = gpu_runner(monkeypatch, failing, full(), after)
    ended = rolled(runner, random_channels())
    np.testing.assert_array_equal(ended.state, expected.state)
    np.testing.assert_array_equal(ended.steps, expected.steps)
    assert (runner.device, runner.out_of_memory) == ("cpu", True)


def test_an_encoding_made_before_the_cpu_took_over_still_serves(monkeypatch):
    runner = gpu_runner(monkeypatch, "step", full(), after=7)
    encoding = runner.encode(random_channels())
    first, second = (runner.roll(encoding, np.arange(3), steps=5, fire_rate=0.5).state for _ in range(2))
    assert runner.out_of_memory
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("failing", ["encode", "step"])
def test_another_failure_of_the_gpu_is_not_hidden(monkeypatch, failing):
    runner = gpu_runner(monkeypatch, failing, RuntimeError("an illegal memory access was encountered"))
    with pytest.raises(RuntimeError, match="illegal memory access"):
        rolled(runner, random_channels())
    assert not runner.out_of_memory


# Bad input


@pytest.mark.parametrize("change", [np.s_[:, :-1], np.s_[0], np.s_[..., :-1], np.s_[:, :, :-1]])
def test_channels_of_another_shape_are_an_error(change):
    with pytest.raises(ValueError, match="multiples of 2"):
        Runner(random_parameters(), SMALL, "numpy").encode(random_channels()[change])


def test_arguments_that_do_not_fit_together_are_errors():
    links = link(np.zeros(3, np.int64), np.arange(3), np.full(3, 8.0))
    volumetric = replace(SMALL, volumetric=True)
    with pytest.raises(ValueError, match="2 slice indices"):
        roll(random_parameters(), SMALL, random_channels(), np.arange(2))
    with pytest.raises(ValueError, match="links"):
        roll(random_parameters(), SMALL, random_channels(), links=links)
    with pytest.raises(ValueError, match="links"):
        roll(random_parameters(volumetric), volumetric, random_channels())
    with pytest.raises(ValueError, match="patience"):
        roll(random_parameters(), SMALL, random_channels(), snapshots=(2,), patience=8)
