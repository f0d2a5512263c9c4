"""A tiny lab's own data: images, truths and segmentations as NIfTI files, as a CSV or as nnU-Net's folders."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from training.toy_data import SPACING, failed, toy_case

ACDC_NAMES = {"background": 0, "RV": 1, "MLV": 2, "LVC": 3}
MNMS_NAMES = {"background": 0, "LVBP": 1, "LVM": 2, "RV": 3}
TO_MNMS = {0: 0, 1: 3, 2: 2, 3: 1}
"""M&Ms' labels in place of ACDC's."""


def write_volume(
    path: Path, values: NDArray[Any], spacing: tuple[float, ...] = SPACING, origin: tuple[float, ...] = (0, 0, 0)
) -> Path:
    """Write an array, axes (k, j, i), with its spacing in mm along these, origin along (i, j, k)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = sitk.GetImageFromArray(values, isVector=False)
    picture.SetSpacing(spacing[::-1])
    picture.SetOrigin((*origin, *(0,) * (values.ndim - 3)))
    sitk.WriteImage(picture, str(path))
    return path


def relabelled(labels: NDArray[np.uint8], mapping: Mapping[int, int]) -> NDArray[np.uint8]:
    """Return the labels of another convention."""
    result = np.zeros_like(labels)
    for old, new in mapping.items():
        result[labels == old] = new
    return result


def write_table(path: Path, rows: Sequence[Mapping[str, Any]], delimiter: str = ",") -> Path:
    """Write a CSV with the columns of the first row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        table.writeheader()
        table.writerows(rows)
    return path


def write_csv_lab(
    folder: Path, subjects: str = "abcdefgh", mapping: Mapping[int, int] | None = None, network: str = "ours"
) -> Path:
    """Write files of some subjects and a CSV of them; truth and segmentations are relabelled if asked for."""
    rows = []
    for number, subject in enumerate(subjects):
        case = toy_case(subject, seed=number)
        for what, values in (("image", case.image), ("label", case.labels), ("made", failed(case.labels))):
            kept = values if what == "image" or mapping is None else relabelled(values, mapping)
            write_volume(folder / f"{what}s" / f"{subject}_ED.nii.gz", kept)
        names = {what: f"{what}s/{subject}_ED.nii.gz" for what in ("image", "label", "made")}
        rows.append({"image": names["image"], "label": names["label"], f"prediction:{network}": names["made"]})
    return write_table(folder / "stacks.csv", rows)


def write_nnunet_lab(
    raw: Path,
    results: Path,
    cases: Sequence[str] = ("p1_ED", "p1_ES", "p2_ED", "p3_ED", "p4_ED", "p5_ED", "p6_ED"),
    names: Mapping[str, Any] = ACDC_NAMES,
    mapping: Mapping[int, int] | None = None,
    folds: int = 2,
) -> None:
    """Write a raw data set, and a cross-validated training that broke one slice of every case.

    A subject's cases are in the same fold.
    """
    raw.mkdir(parents=True, exist_ok=True)
    description = {"channel_names": {"0": "cine"}, "labels": dict(names), "file_ending": ".nii.gz"}
    (raw / "dataset.json").write_text(json.dumps(description))
    subjects = sorted({case.split("_")[0] for case in cases})
    for number, case in enumerate(cases):
        subject = case.split("_")[0]
        drawn = toy_case("x", seed=number)
        labels, made = drawn.labels, failed(drawn.labels)
        if mapping is not None:
            labels, made = relabelled(labels, mapping), relabelled(made, mapping)
        write_volume(raw / "imagesTr" / f"{case}_0000.nii.gz", drawn.image)
        write_volume(raw / "labelsTr" / f"{case}.nii.gz", labels)
        fold = f"fold_{subjects.index(subject) % folds}"
        write_volume(results / fold / "validation" / f"{case}.nii.gz", made)
