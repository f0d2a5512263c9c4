"""Base networks: what they see, how they are trained, and that their predictions lie on the case's own grid."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from lightning.pytorch.callbacks import ModelCheckpoint

from rncarefine_training.config import BaseNetwork
from rncarefine_training.data.cases import MYOCARDIUM, POOL, TrainingCase
from rncarefine_training.networks import base
from rncarefine_training.networks.base import (
    BaseLearner,
    Crops,
    build_network,
    cut,
    load_network,
    normalise,
    predict,
    resample,
    train_member,
    updates_kept,
)
from rncarefine_training.networks.members import members
from training.toy_data import SHAPE, toy_case, toy_config

DESCRIPTIONS = {
    "unet": [4, 8, 8],
    "attentionunet": [4, 8],
    "segresnet": [8],
    "basicunet": [4, 4, 8, 8],
}


def network(architecture="unet", **changes):
    values = {"architecture": architecture, "channels": DESCRIPTIONS[architecture], "subjects": 2, "updates": 3}
    return BaseNetwork(**{**values, **changes})


# What they see


def test_grey_values_are_scaled_by_percentiles():
    scaled = normalise(np.arange(1001, dtype=np.float32).reshape(1, 7, 143))
    assert np.percentile(scaled, [1, 99]) == pytest.approx([0, 1], abs=1e-3)
    assert np.isfinite(normalise(np.full((1, 4, 4), 3, np.float32))).all()


@pytest.mark.parametrize(("spacing", "size"), [((1.5, 1.5), (40, 50)), ((3.0, 0.75), (80, 25)), ((1.0, 2.0), (27, 67))])
def test_slices_are_resampled_to_square_pixels(spacing, size):
    slices = torch.rand(2, 1, 40, 50)
    assert resample(slices, spacing, 1.5, "bilinear").shape == (2, 1, *size)
    labels = torch.randint(0, 4, (2, 1, 40, 50)).float()
    nearest = resample(labels, spacing, 1.5, "nearest")
    assert nearest.shape == (2, 1, *size)
    assert set(nearest.unique().tolist()) <= {0, 1, 2, 3}


@given(j=st.integers(-20, 30), i=st.integers(-20, 30), size=st.integers(1, 12))
def test_a_cut_is_zero_where_it_reaches_outside(j, i, size):
    image = torch.rand(9, 11) + 1
    expected = torch.zeros(size, size)
    for row in range(size):
        for column in range(size):
            if 0 <= j + row < 9 and 0 <= i + column < 11:
                expected[row, column] = image[j + row, i + column]
    assert torch.equal(cut(image, [j, i], size), expected)


def test_crops_hold_the_heart_with_its_labels_and_repeat():
    config = toy_config()
    crops, again = (Crops([toy_case("a")], config.base, 12, seed=5) for _ in range(2))
    assert len(crops) == 12
    hearts = 0
    for index in range(12):
        image, labels = crops[index]
        assert image.shape == labels.shape == (64, 64)
        for one, other in zip(crops[index], again[index], strict=True):
            assert torch.equal(one, other)
        hearts += bool((labels == MYOCARDIUM).any())
        if bool((labels == POOL).any()):
            assert float(image[labels == POOL].mean()) > float(image[labels == MYOCARDIUM].mean()) + 0.3
    assert hearts >= 6
    assert not torch.equal(crops[0][0], Crops([toy_case("a")], config.base, 12, seed=6)[0][0])


# The networks


@pytest.mark.parametrize("architecture", DESCRIPTIONS)
def test_architectures_return_logits_per_pixel(architecture):
    description = network(architecture)
    built = build_network(description, 4)
    logits = built(torch.rand(2, 1, 64, 48))
    assert logits.shape == (2, 4, 64, 48)
    assert bool(torch.isfinite(logits).all())


def test_finished_member_is_not_trained_again(tmp_path):
    config = toy_config(base__networks__small__snapshots=[0.3, 1.0])
    member = members(config)[0]
    cases = [toy_case(subject) for subject in member.subjects]
    paths = train_member(config, member, cases, tmp_path, progress=False)
    assert [path.name for path in paths] == ["snapshot-0.3.pt", "snapshot-1.pt"]
    description = config.base.networks["small"]
    early, late = (load_network(description, path, 4).state_dict() for path in paths)
    assert any(not torch.equal(early[name], late[name]) for name in early)
    times = [path.stat().st_mtime_ns for path in paths]
    assert train_member(config, member, cases, tmp_path, progress=False) == paths
    assert [path.stat().st_mtime_ns for path in paths] == times


def checkpoints_often(monkeypatch):
    """Write a checkpoint after every fifth update."""

    def often(folder, every_n_train_steps, **others):
        return ModelCheckpoint(folder, every_n_train_steps=every_n_train_steps // 20, **others)

    monkeypatch.setattr(base, "ModelCheckpoint", often)


def test_interrupted_training_resumes_from_the_checkpoint(tmp_path, monkeypatch):
    checkpoints_often(monkeypatch)
    config = toy_config(base__networks__small__updates=11)
    member = members(config)[0]
    cases = [toy_case(subject) for subject in member.subjects]
    original, updates = BaseLearner.training_step, []

    def counted(self, batch, index):
        updates.append(self.global_step)
        if len(updates) == 9:
            raise RuntimeError("power cut")
        return original(self, batch, index)

    monkeypatch.setattr(BaseLearner, "training_step", counted)
    with pytest.raises(RuntimeError, match="power cut"):
        train_member(config, member, cases, tmp_path / "here", progress=False)
    updates.clear()
    # Wherever the folder was moved to in between.
    (tmp_path / "here").rename(tmp_path / "there")
    (path,) = train_member(config, member, cases, tmp_path / "there", progress=False)
    assert updates == [5, 6, 7, 8, 9, 10]
    assert [file.name for file in (tmp_path / "there" / member.name).glob("*.ckpt")] == ["last.ckpt"]
    monkeypatch.setattr(BaseLearner, "training_step", original)
    (uninterrupted,) = train_member(config, member, cases, tmp_path / "elsewhere", progress=False)
    weights, others = (torch.load(each, weights_only=True) for each in (path, uninterrupted))
    assert all(torch.equal(weights[name], others[name]) for name in others)


def test_missing_snapshot_restarts_the_training(tmp_path, monkeypatch):
    checkpoints_often(monkeypatch)
    config = toy_config(base__networks__small__updates=6, base__networks__small__snapshots=[0.5, 1.0])
    member, description = members(config)[0], config.base.networks["small"]
    cases = [toy_case(subject) for subject in member.subjects]
    early, _ = train_member(config, member, cases, tmp_path, progress=False)
    first = early.read_bytes()
    assert updates_kept(description, tmp_path / member.name) == 5
    early.unlink()
    assert updates_kept(description, tmp_path / member.name) == 0
    assert train_member(config, member, cases, tmp_path, progress=False)[0].read_bytes() == first


def test_a_snapshot_is_there_whole_or_not_at_all(tmp_path, monkeypatch):
    def cut_off(weights, file):
        file.write(b"half")
        raise RuntimeError("power cut")

    config = toy_config()
    member = members(config)[0]
    monkeypatch.setattr(torch, "save", cut_off)
    with pytest.raises(RuntimeError, match="power cut"):
        train_member(config, member, [toy_case(name) for name in member.subjects], tmp_path, progress=False)
    assert not list((tmp_path / member.name).glob("*.pt"))


def test_untrained_network_raises(tmp_path):
    with pytest.raises(ValueError, match=r"snapshot-1\.pt.*rncarefine-train base"):
        load_network(network(), tmp_path / "snapshot-1.pt", 4)


# Predictions


class BrightIsPool(torch.nn.Module):
    """A network that knows nothing but intensities: bright is pool, dark is background, the rest is myocardium."""

    def forward(self, image):
        dark, bright = image < 0.2, image > 0.7
        middle = ~dark & ~bright
        nothing = torch.zeros_like(image)
        return torch.cat([dark.float(), nothing, middle.float(), bright.float()], 1)


@pytest.mark.parametrize("side", [SHAPE[1], 71, 65])
def test_a_prediction_lies_on_the_grid_of_the_case(side):
    case = toy_case("a")
    small = TrainingCase(
        case.name, case.subject, case.image[:, :side, :side], case.labels[:, :side, :side], case.spacing
    )
    labels = predict(BrightIsPool(), small, spacing_mm=1.6)
    assert labels.shape == small.labels.shape
    assert labels.dtype == np.uint8
    for label in (MYOCARDIUM, POOL):
        one, other = labels[:3] == label, small.labels[:3] == label
        # The drawn RV is as bright as the pool and its edge as grey as the wall.
        overlap = (one & other).sum() / other.sum()
        assert overlap > 0.9


def test_a_prediction_on_another_spacing_lies_where_the_heart_does():
    case = toy_case("a")
    stretched = TrainingCase(case.name, case.subject, case.image, case.labels, (8.0, 2.4, 1.2))
    labels = predict(BrightIsPool(), stretched, spacing_mm=1.5)
    pool = case.labels == POOL
    assert ((labels == POOL) & pool).sum() > 0.9 * pool.sum()
    assert labels.shape == case.labels.shape
