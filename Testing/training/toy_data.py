"""A tiny data set of drawn hearts, with failures that no network had to be trained for, and a configuration for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import yaml
from numpy.typing import NDArray

from rncarefine_training.config import Automaton, Config
from rncarefine_training.data.cases import MYOCARDIUM, POOL, RV, TrainingCase
from rncarefine_training.evaluate.measure import Failure, failures_of

SPACING = (8.0, 1.6, 1.6)
SHAPE = (4, 72, 72)
CENTRE = (35.0, 37.0)


def radius() -> NDArray[np.float64]:
    """Return the distance of every pixel to the middle of the heart in pixels."""
    rows, columns = np.indices(SHAPE[1:])
    return np.hypot(rows - CENTRE[0], columns - CENTRE[1])


def toy_case(subject: str, phase: str = "ED", seed: int = 0) -> TrainingCase:
    """Draw a heart of four slices: three rings that taper and a slice without a heart.

    :func:`engine.toy_models.seeing_model` sees the wall in the image; the right ventricle is dim.
    """
    rng = np.random.default_rng(seed)
    labels = np.zeros(SHAPE, np.uint8)
    rows, columns = np.indices(SHAPE[1:])
    for k in range(3):
        inner, outer = 10 - 1.5 * k, 15 - 1.5 * k
        labels[k][np.hypot(rows - CENTRE[0], columns - CENTRE[1] + 18) < 9] = RV
        labels[k][radius() < outer] = MYOCARDIUM
        labels[k][radius() < inner] = POOL
    grey = np.array([40.0, 70.0, 150.0, 260.0])[labels]
    return TrainingCase(
        f"{subject}_{phase}", subject, (grey + rng.normal(0, 12, SHAPE)).astype(np.float32), labels, SPACING
    )


def failed(labels: NDArray[np.uint8], k: int = 1, width_deg: float = 70) -> NDArray[np.uint8]:
    """Return labels with a gap in the wall of slice k, called pool."""
    rows, columns = np.indices(SHAPE[1:])
    away = np.abs(np.degrees(np.arctan2(rows - CENTRE[0], columns - CENTRE[1])))
    result = labels.copy()
    result[k][(away < width_deg / 2) & (labels[k] == MYOCARDIUM)] = POOL
    return result


def description(**changes: Any) -> dict[str, Any]:
    """Return a configuration as plain values; ``a__b=c`` sets field b of section a."""
    values: dict[str, Any] = {
        "name": "toy-2d",
        "title": "A toy",
        "seed": 3,
        "training_data": "drawn hearts",
        "licence": "CC0-1.0",
        "citation": "nobody",
        "subjects": {"develop": ["a", "b", "c", "d"], "test": ["t"], "select_every": 2},
        "base": {
            "crop": 64,
            "batch": 2,
            "networks": {"small": {"architecture": "unet", "channels": [4, 8, 8], "subjects": 2, "updates": 3}},
        },
        "automaton": {
            "size": 48,
            "channels": 6,
            "hidden": 8,
            "encoder": [4, 6],
            "steps": 4,
            "train_steps": [2, 3],
            "batch": 2,
            "buffer": 6,
            "warmup_updates": 2,
            "updates": 4,
            "validate_every": 3,
        },
    }
    for path, value in changes.items():
        section = values
        *parents, field = path.split("__")
        for parent in parents:
            section = section[parent]
        section[field] = value
    return values


def toy_config(**changes: Any) -> Config:
    """Return the configuration that :func:`description` describes."""
    return Config.model_validate(description(**changes))


def automaton_settings(**changes: Any) -> Automaton:
    """Return the settings of the automaton with changes, validated."""
    return Automaton.model_validate(toy_config().automaton.model_dump() | changes)


def write_config(path: Path, **changes: Any) -> Path:
    """Write the configuration that :func:`description` describes."""
    path.write_text(yaml.safe_dump(description(**changes)), encoding="utf-8")
    return path


def write_cases(folder: Path, subjects: str = "abcdt") -> dict[str, TrainingCase]:
    """Write one case for every subject."""
    folder.mkdir(parents=True, exist_ok=True)
    cases = {subject: toy_case(subject, seed=number) for number, subject in enumerate(subjects)}
    for case in cases.values():
        case.save(folder)
    return cases


def write_predictions(folder: Path, sources: list[str], cases: dict[str, TrainingCase]) -> None:
    """Write a failure of every case for every source."""
    for source in sources:
        (folder / source).mkdir(parents=True, exist_ok=True)
        for case in cases.values():
            np.savez_compressed(folder / source / f"{case.name}.npz", labels=failed(case.labels))


def toy_failures(folder: Path, subjects: str = "ab", sources: Sequence[str] = ("small-0@1",)) -> list[Failure]:
    """Write cases with a failure for every source and return the failures."""
    write_predictions(folder / "predictions", list(sources), write_cases(folder / "cases", subjects))
    return failures_of(folder / "cases", folder / "predictions", sources, list(subjects))


def write_acdc(
    folder: Path,
    patient: str,
    frame: int,
    image: NDArray[Any],
    labels: NDArray[np.uint8],
    spacing: tuple[float, float, float] = (1.4, 1.5, 10.0),
) -> None:
    """Write a frame as ACDC does; spacing is in mm along (i, j, k)."""
    (folder / patient).mkdir(parents=True, exist_ok=True)
    for ending, values in ((".nii.gz", image), ("_gt.nii.gz", labels)):
        picture = sitk.GetImageFromArray(values)
        picture.SetSpacing(spacing)
        sitk.WriteImage(picture, str(folder / patient / f"{patient}_frame{frame:02d}{ending}"))
