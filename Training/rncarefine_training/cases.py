"""Cases: labelled stacks on disk, one ``.npz`` each, whatever data set they came from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

BACKGROUND, RV, MYOCARDIUM, POOL = 0, 1, 2, 3
"""The labels of a case, in ACDC's order."""


@dataclass(frozen=True, eq=False)
class Case:
    """One labelled stack.

    Attributes:
        name: ``<subject>_<phase>``, unique in a data set.
        subject: Who was scanned; a subject is never split between training and test.
        image: float32, shape ``(k, j, i)``.
        labels: uint8, shape ``(k, j, i)``, see the constants of this module.
        spacing: mm along ``(k, j, i)``.
    """

    name: str
    subject: str
    image: NDArray[np.float32]
    labels: NDArray[np.uint8]
    spacing: tuple[float, float, float]

    def __post_init__(self) -> None:
        # Files are found by the part of their name before the first underscore.
        if "_" in self.subject or not self.name.startswith(f"{self.subject}_"):
            raise ValueError(
                f"Case {self.name!r} of subject {self.subject!r}: call it <subject>_<phase>, with no underscore in the "
                "subject."
            )

    def save(self, folder: Path) -> Path:
        """Write the case to ``folder/<name>.npz`` and return the path."""
        path = folder / f"{self.name}.npz"
        np.savez_compressed(
            path,
            name=self.name,
            subject=self.subject,
            image=self.image,
            labels=self.labels,
            spacing=np.asarray(self.spacing, np.float64),
        )
        return path

    @classmethod
    def load(cls, path: Path) -> Case:
        """Read a case written by :meth:`save`."""
        with np.load(path, allow_pickle=False) as file:
            k, j, i = (float(value) for value in file["spacing"])
            return cls(str(file["name"]), str(file["subject"]), file["image"], file["labels"], (k, j, i))


def load_cases(folder: Path, subjects: Iterable[str] | None = None) -> list[Case]:
    """Load the cases in ``folder``, all of them or those of some subjects, in the order of their names.

    Raises:
        ValueError: There is none.
    """
    wanted = None if subjects is None else set(subjects)
    paths = sorted(folder.glob("*.npz"))
    cases = [Case.load(path) for path in paths if wanted is None or path.name.split("_")[0] in wanted]
    if not cases:
        raise ValueError(f"No cases in {folder}. Run `rncarefine-train prepare` first.")
    return cases


def read_acdc(folder: Path) -> Iterator[Case]:
    """Read ACDC's training subjects: ``patientNNN/patientNNN_frameFF.nii.gz`` and ``..._gt.nii.gz``.

    Raises:
        ValueError: The folder holds no labelled frame, or an image and its labels differ in size.
    """
    truths = sorted(folder.glob("patient*/patient*_frame*_gt.nii.gz"))
    if not truths:
        raise ValueError(f"{folder} has no patientNNN/patientNNN_frameFF_gt.nii.gz. Is it ACDC's training folder?")
    # ACDC's headers make ITK warn about sform scales on every file; the spacing it reads is right.
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    for truth in truths:
        name = re.sub(r"_gt\.nii\.gz$", "", truth.name)
        image = sitk.ReadImage(str(truth.with_name(f"{name}.nii.gz")), sitk.sitkFloat32)
        labels = sitk.ReadImage(str(truth), sitk.sitkUInt8)
        if image.GetSize() != labels.GetSize():
            raise ValueError(f"{name}: image {image.GetSize()} and labels {labels.GetSize()} differ in size.")
        i, j, k = image.GetSpacing()
        yield Case(name, truth.parent.name, sitk.GetArrayFromImage(image), sitk.GetArrayFromImage(labels), (k, j, i))
