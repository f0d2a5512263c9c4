"""Import of the ACDC training folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import SimpleITK as sitk

from ..cases import TrainingCase


def is_acdc(folder: Path) -> bool:
    """Return whether a folder is the ACDC training folder."""
    return any(folder.glob("patient*/patient*_frame*_gt.nii.gz"))


def read_acdc(folder: Path) -> Iterator[TrainingCase]:
    """Read ACDC's training subjects: ``patientNNN/patientNNN_frameFF.nii.gz`` and ``..._gt.nii.gz``.

    Raises:
        ValueError: The folder contains no labelled frame, or an image and its labels differ in size.
    """
    truths = sorted(folder.glob("patient*/patient*_frame*_gt.nii.gz"))
    if not truths:
        raise ValueError(f"{folder} has no patientNNN/patientNNN_frameFF_gt.nii.gz. Is it ACDC's training folder?")
    # ITK warns about the sform scales of ACDC files, but reads the correct spacing.
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    for truth in truths:
        name = re.sub(r"_gt\.nii\.gz$", "", truth.name)
        image = sitk.ReadImage(str(truth.with_name(f"{name}.nii.gz")), sitk.sitkFloat32)
        labels = sitk.ReadImage(str(truth), sitk.sitkUInt8)
        if image.GetSize() != labels.GetSize():
            raise ValueError(f"{name}: image {image.GetSize()} and labels {labels.GetSize()} differ in size.")
        i, j, k = image.GetSpacing()
        yield TrainingCase(
            name, truth.parent.name, sitk.GetArrayFromImage(image), sitk.GetArrayFromImage(labels), (k, j, i)
        )
