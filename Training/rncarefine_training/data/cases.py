"""Cases (labelled stacks, one ``.npz`` each) and predictions (labels by networks) on disk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rncarefine.anatomy.topology import betti_2d
from rncarefine.atomic import written_whole

BACKGROUND, RV, MYOCARDIUM, POOL = 0, 1, 2, 3
"""Labels of a case, as in ACDC."""
VESSEL = 1
"""Label of vessels in a picture, see :mod:`rncarefine_training.data.sources.pictures`."""

SMALLEST_MM2 = 50.0
"""Minimum wall area of a broken slice; smaller predictions count as missed."""


@dataclass(frozen=True, eq=False)
class TrainingCase:
    """One labelled stack.

    Attributes:
        name: ``<subject>_<phase>``, unique in a data set.
        subject: Subject; all cases of a subject belong to the same split.
        image: float32, shape ``(k, j, i)``.
        labels: uint8, shape ``(k, j, i)``, see the constants of this module.
        spacing: mm along ``(k, j, i)``.
        completed: The outer contours were drawn by a model, see
            :func:`rncarefine_training.automaton.completion.complete_outer_contours`.
    """

    name: str
    subject: str
    image: NDArray[np.float32]
    labels: NDArray[np.uint8]
    spacing: tuple[float, float, float]
    completed: bool = False

    def __post_init__(self) -> None:
        # See subject_of.
        if "_" in self.subject or not self.name.startswith(f"{self.subject}_"):
            raise ValueError(
                f"Case {self.name!r} of subject {self.subject!r}: call it <subject>_<phase>, with no underscore in the "
                "subject."
            )

    @property
    def uncompleted(self) -> NDArray[np.bool_]:
        """Slices of a completed case without an outer contour, since the model was unsure; shape ``(k,)``."""
        wall, pool = ((self.labels == label).any(axis=(1, 2)) for label in (MYOCARDIUM, POOL))
        return np.asarray(pool & ~wall & self.completed)

    def save(self, folder: Path) -> Path:
        """Write the case atomically to ``folder/<name>.npz`` and return the path."""
        path = folder / f"{self.name}.npz"
        with written_whole(path) as (temporary,):
            np.savez_compressed(
                temporary,
                name=self.name,
                subject=self.subject,
                image=self.image,
                labels=self.labels,
                spacing=np.asarray(self.spacing, np.float64),
                completed=self.completed,
            )
        return path

    @classmethod
    def load(cls, path: Path) -> TrainingCase:
        """Read a case written by :meth:`save`."""
        with np.load(path, allow_pickle=False) as file:
            k, j, i = (float(value) for value in file["spacing"])
            completed = "completed" in file and bool(file["completed"])
            return cls(str(file["name"]), str(file["subject"]), file["image"], file["labels"], (k, j, i), completed)


def load_cases(folder: Path, subjects: Iterable[str] | None = None) -> list[TrainingCase]:
    """Load the cases in ``folder``, all or those of some subjects, sorted by name.

    Raises:
        ValueError: There are no cases.
    """
    wanted = None if subjects is None else set(subjects)
    paths = sorted(folder.glob("*.npz"))
    cases = [TrainingCase.load(path) for path in paths if wanted is None or subject_of(path.name) in wanted]
    if not cases:
        raise ValueError(f"No cases in {folder}. Run `rncarefine-train prepare` first.")
    return cases


def subject_of(name: str) -> str:
    """Return the subject in the name of a case or of its file: the part before the first underscore."""
    return name.partition("_")[0]


def matches(subject: str, patterns: Iterable[str]) -> bool:
    """Return whether a subject matches one of the patterns, such as ``SC-*``; case-sensitive."""
    return any(fnmatchcase(subject, pattern) for pattern in patterns)


def mask_of(labels: NDArray[np.uint8], label: int = MYOCARDIUM) -> NDArray[np.uint8]:
    """Return the mask of one label, 0 and 1."""
    return (labels == label).astype(np.uint8)


def save_prediction(path: Path, labels: NDArray[np.uint8]) -> None:
    """Write the labels of a prediction atomically; create the folder if needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as (temporary,):
        np.savez_compressed(temporary, labels=labels)


def load_prediction(path: Path) -> NDArray[np.uint8]:
    """Read labels written by :func:`save_prediction`."""
    with np.load(path, allow_pickle=False) as file:
        return np.asarray(file["labels"])


def broken(prediction: NDArray[np.uint8], truth: NDArray[np.uint8], pixel_area: float) -> bool:
    """Return whether a slice is a real failure: a closed ring in the truth, but not in a large enough prediction.

    Args:
        prediction: Labels of one slice.
        truth: Labels of one slice.
        pixel_area: Area of a pixel in mm2.
    """
    wall = prediction == MYOCARDIUM
    return (
        bool(wall.sum() * pixel_area >= SMALLEST_MM2)
        and betti_2d(truth == MYOCARDIUM) == (1, 1)
        and betti_2d(wall) != (1, 1)
    )
