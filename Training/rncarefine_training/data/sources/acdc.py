"""ACDC's training folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import SimpleITK as sitk

from ..cases import Case


def is_acdc(folder: Path) -> bool:
    """Return whether a folder looks like ACDC's training folder."""
    return any(folder.glob("patient*/patient*_frame*_gt.nii.gz"))


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
