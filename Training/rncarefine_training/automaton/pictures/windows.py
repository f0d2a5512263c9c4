"""Samples for an automaton of thin structures: windows of pictures, mostly around errors of a network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch.utils.data import Dataset

from rncarefine.anatomy.shape import EIGHT
from rncarefine.nca.channels import picture_channels
from rncarefine.nca.crop import Crop, crop_around

from ...config import Automaton
from ...data.augment import random_affine, random_photograph
from ...data.cases import VESSEL, TrainingCase, load_prediction, matches, subject_of
from ..samples import WINDOW_PIXELS, Sample, blank
from ..validation import Validation
from .damage import damage_vessels

Field = NDArray[np.float32]
Bytes = NDArray[np.uint8]
MAX_PLACES = 600
"""Maximum number of error locations kept per prediction."""
AROUND_FAILURE = 0.75
"""Share of windows centred near an error of the network; the others are centred near any vessel."""
SPECKS = (0, 20, 80, 250)
"""Component sizes in pixels; one is drawn and smaller components of the prediction are removed."""


@dataclass(frozen=True, eq=False)
class ScaledPrediction:
    """Prediction of one network at the spacing of the automaton.

    Attributes:
        source: ``<member>@<fraction>``.
        mask: Vessels, 0 to 255, shape ``(j, i)``.
        places: Pixels of errors, ``(j, i)``, shape ``(n, 2)``.
    """

    source: str
    mask: Bytes
    places: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ScaledPicture:
    """A picture at the spacing of the automaton. Arrays have the shape ``(j, i)``.

    Attributes:
        name: Name of the case.
        grey: Flattened image with bright vessels.
        field_of_view: 0 to 255.
        truth: Vessels, 0 to 255.
        vessels: Pixels of true vessels, ``(j, i)``, shape ``(n, 2)``.
        predictions: Predictions of networks that were not trained on the subject.
    """

    name: str
    grey: NDArray[np.float16]
    field_of_view: Bytes
    truth: Bytes
    vessels: NDArray[np.int64]
    predictions: list[ScaledPrediction] = field(default_factory=list)

    @property
    def subject(self) -> str:
        """Subject of the picture."""
        return subject_of(self.name)


def load_pictures(
    cases: Path, predictions: Path, subjects: Iterable[str], spacing: float, sources: Iterable[str]
) -> list[ScaledPicture]:
    """Load the pictures of subjects with predictions of networks.

    Args:
        cases: Folder of cases.
        predictions: Folder that :func:`rncarefine_training.networks.failures.collect` wrote.
        subjects: Subjects to load.
        spacing: Pixel spacing of the automaton in thousandths of the diameter of the field of view.
        sources: ``<member>@<fraction>``; missing predictions are skipped.

    Raises:
        ValueError: There are no cases, or no predictions.
    """
    sources = list(sources)
    paths = [path for subject in subjects for path in sorted(cases.glob(f"{subject}_*.npz"))]
    pictures = [_load(TrainingCase.load(path), predictions, spacing, sources) for path in paths]
    if not any(picture.predictions for picture in pictures):
        raise ValueError(f"No predictions of these subjects in {predictions}. Run `rncarefine-train failures` first.")
    return pictures


class WindowSamples(Dataset[Sample]):
    """Random training samples; sample n depends only on the seed and n.

    Args:
        pictures: Training pictures.
        settings: Section ``automaton`` of the configuration.
        length: Number of samples.
        seed: Random seed.
    """

    def __init__(self, pictures: list[ScaledPicture], settings: Automaton, length: int, seed: int) -> None:
        self.pictures = [picture for picture in pictures if len(picture.vessels)]
        self.failing = [(picture, each) for picture in self.pictures for each in picture.predictions]
        self.favoured = [pair for pair in self.failing if matches(pair[0].subject, settings.favoured)]
        self.settings, self.length, self.seed = settings, length, seed

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng([self.seed, index])
        if self.failing and rng.random() < self.settings.natural:
            among = self.favoured if self.favoured and rng.random() < self.settings.favour else self.failing
            picture, prediction = among[int(rng.integers(len(among)))]
            around = prediction.places if len(prediction.places) and rng.random() < AROUND_FAILURE else picture.vessels
            parts = _cut(picture, prediction.mask, _somewhere(around, self.settings.size / 3, rng))
            parts[2] = _without_specks(parts[2], int(rng.choice(SPECKS)))
        else:
            picture = self.pictures[int(rng.integers(len(self.pictures)))]
            parts = _cut(picture, picture.truth, _somewhere(picture.vessels, self.settings.size / 3, rng))
            if rng.random() > self.settings.already_right / max(1 - self.settings.natural, 1e-6):
                parts[2] = damage_vessels(parts[2], rng)
        if rng.random() < self.settings.misled:
            parts[2] = np.rot90(parts[2], int(rng.integers(1, 4)))
        return self._augment(parts, rng)

    def _augment(self, parts: Field, rng: np.random.Generator) -> Sample:
        """Apply spatial and intensity augmentation to image, field of view, mask and truth."""
        settings = self.settings
        draws = torch.Generator().manual_seed(int(rng.integers(2**62)))
        moved = random_affine(
            torch.from_numpy(parts)[None],
            draws,
            rotation_deg=180,
            scale=0.3,
            shear=0.08,
            shift=0.0,
            elastic=0.008,
            size=settings.size,
        )
        grey, seen, mask, truth = moved.split(1, dim=1)
        grey = random_photograph(grey, seen, draws, settings.contrast)
        if rng.random() < settings.withheld:
            mask = torch.zeros_like(mask)
        elif rng.random() < 0.7:
            # Resampled masks are soft, others are binary: train on both.
            mask = (mask >= 0.5).float()
        channels = picture_channels(*(part[0, 0].numpy() for part in (grey, mask, seen)))
        if settings.without:
            channels = blank(channels, settings)
        shown = torch.from_numpy(np.ascontiguousarray(channels.transpose(2, 0, 1)))
        return Sample(shown[None], truth.contiguous(), torch.ones(1, 1), torch.tensor(1.0))


def validation_windows(pictures: list[ScaledPicture], settings: Automaton, most: int, seed: int) -> Validation:
    """Draw ``most`` windows centred on errors in the validation set.

    Raises:
        ValueError: There are no errors.
    """
    rng = np.random.default_rng(seed)
    failing = [(picture, each) for picture in pictures for each in picture.predictions if len(each.places)]
    if not failing:
        raise ValueError("No network failed on a picture of the validation set: add subjects to it.")
    drawn = []
    for number in range(most):
        picture, prediction = failing[number % len(failing)]
        parts = _cut(
            picture, prediction.mask, prediction.places[int(rng.integers(len(prediction.places)))], settings.size
        )
        grey, seen, mask, truth = parts
        drawn.append((picture_channels(grey, mask, seen).transpose(2, 0, 1), truth >= 0.5))
    channels = torch.from_numpy(np.stack([channels for channels, _ in drawn]))
    everything = np.arange(most)
    return Validation(
        channels.contiguous(memory_format=torch.channels_last),
        np.stack([truth for _, truth in drawn]),
        np.ones(most, bool),
        everything,
        everything,
        np.ones(most),
    )


def _load(case: TrainingCase, predictions: Path, spacing: float, sources: list[str]) -> ScaledPicture:
    grey = case.image[0]
    middle = (grey.shape[0] - 1) / 2, (grey.shape[1] - 1) / 2
    pixel = case.spacing[1], case.spacing[2]
    size = tuple(int(np.ceil(side * mm / spacing - 1e-6)) for side, mm in zip(grey.shape, pixel, strict=True))
    crop = crop_around(middle, (size[0], size[1]), spacing, pixel, grey.shape)
    truth = _bytes(crop, case.labels[0] == VESSEL)
    files = [(source, predictions / source / f"{case.name}.npz") for source in sources]
    masks = ((source, _bytes(crop, load_prediction(file)[0] == VESSEL)) for source, file in files if file.exists())
    scaled = [ScaledPrediction(source, mask, _disagreements(mask, truth)) for source, mask in masks]
    # The image of a case is exactly 0 outside the field of view, and rarely inside.
    field_of_view = _bytes(crop, ndimage.binary_closing(np.pad(grey != 0, 2), iterations=2)[2:-2, 2:-2])
    return ScaledPicture(
        case.name, crop.take(grey[None])[0].astype(np.float16), field_of_view, truth, np.argwhere(truth >= 128), scaled
    )


def _disagreements(mask: Bytes, truth: Bytes) -> NDArray[np.int64]:
    """Return up to :data:`MAX_PLACES` random pixels of false negatives and false positives, tolerating one pixel."""
    ours, theirs = mask >= 128, truth >= 128
    missed = theirs & ~ndimage.binary_dilation(ours, EIGHT)
    made_up = ours & ~ndimage.binary_dilation(theirs, EIGHT)
    found = np.argwhere(missed | made_up)
    return found[np.random.default_rng(len(found)).permutation(len(found))[:MAX_PLACES]]


def _somewhere(places: NDArray[np.int64], jitter: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return a random element of ``places``, displaced by up to ``jitter`` pixels, ``(j, i)``."""
    return places[int(rng.integers(len(places)))] + np.round(rng.uniform(-jitter, jitter, 2)).astype(np.int64)


def _cut(picture: ScaledPicture, mask: Bytes, place: NDArray[np.int64], side: int = WINDOW_PIXELS) -> Field:
    """Crop image, field of view, mask and truth, zero-padded. Shape ``(4, side, side)``."""
    return np.stack(list(_squares(picture, mask, place - side // 2, side)))


def _squares(picture: ScaledPicture, mask: Bytes, start: NDArray[np.int64], side: int) -> Iterator[Field]:
    low = np.maximum(start, 0)
    high = np.maximum(np.minimum(start + side, picture.truth.shape), low)
    inside = tuple(slice(a - s, b - s) for a, b, s in zip(low, high, start, strict=True))
    for values, scale in ((picture.grey, 1), (picture.field_of_view, 255), (mask, 255), (picture.truth, 255)):
        square = np.zeros((side, side), np.float32)
        square[inside] = values[low[0] : high[0], low[1] : high[1]].astype(np.float32) / scale
        yield square


def _without_specks(mask: Field, pixels: int) -> Field:
    """Return a mask without components smaller than ``pixels``, except those that touch the border."""
    labels, count = ndimage.label(mask >= 0.5, EIGHT)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    small = sizes < pixels
    small[np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])] = False
    return np.where(small[labels], 0, mask).astype(np.float32)


def _bytes(crop: Crop, mask: NDArray[np.bool_]) -> Bytes:
    return np.asarray(np.rint(crop.take(mask[None])[0] * 255), np.uint8)
