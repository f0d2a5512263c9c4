"""Import of Sunnybrook Cardiac Data (CC0) from PNG files, and the bundled sample data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import nrrd
import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..cases import MYOCARDIUM, POOL, TrainingCase

SPACING_MM = (8.0, 1.25, 1.25)
"""Slice thickness 8 mm and field of view 320 mm over 256 pixels, from the page of the challenge."""

SAMPLE_NAME = "SunnybrookBroken"
SEGMENTS = (("myocardium", MYOCARDIUM, "0.94 0.89 0.26"), ("blood pool", POOL, "0.85 0.10 0.12"))
PHASES = 20
"""Phases per slice."""
INNER_ONLY = "segnetcmr/Data"
"""Folder of images and inner contours in the full data set."""
INNER = "derived_myo_png"
"""Folder of images and labels in the full data set."""


def is_sunnybrook(folder: Path) -> bool:
    """Return whether a folder contains images and labels of Sunnybrook, or the full data set."""
    return any((_inner(folder) / "images").glob("SC-*.png"))


def read_sunnybrook(folder: Path) -> Iterator[TrainingCase]:
    """Read end-diastolic stacks: ``images/<subject>_<number>.png`` and ``labels/...``, slices sorted by number.

    Args:
        folder: Folder with ``images`` and ``labels`` (2 myocardium, 3 LV cavity), or with these in :data:`INNER`.

    Raises:
        ValueError: There are no images, or labels are missing.
    """
    folder = _inner(folder)
    images = sorted((folder / "images").glob("SC-*.png"))
    if not images:
        raise ValueError(f"{folder / 'images'} has no SC-*.png. Is it the folder with images/ and labels/?")
    for subject, group in groupby(images, lambda path: path.stem.rsplit("_", 1)[0]):
        paths = list(group)
        missing = [path.name for path in paths if not (folder / "labels" / path.name).exists()]
        if missing:
            raise ValueError(f"{folder / 'labels'} lacks {missing[0]}.")
        pixels = np.stack([_read_png(path) for path in paths]).astype(np.float32)
        labels = np.stack([_read_png(folder / "labels" / path.name) for path in paths])
        yield TrainingCase(f"{subject}_ED", subject, pixels, labels.astype(np.uint8), SPACING_MM)


def read_inner_contours(folder: Path) -> Iterator[TrainingCase]:
    """Read stacks with an inner contour only (label 3), two phases per subject: ``ENDO-<subject>_<phase>``.

    Subjects with an outer contour are skipped. A file ``SC-HF-I-01-IM-0001-0048.dcm.png`` is image 48 of a series with
    20 phases per slice.

    Args:
        folder: The full data set, with the folders :data:`INNER` and :data:`INNER_ONLY`.
    """
    known = {path.stem.rsplit("_", 1)[0] for path in (_inner(folder) / "images").glob("SC-*.png")}
    stacks: dict[tuple[str, int], dict[int, Path]] = {}
    for path in sorted((folder / INNER_ONLY).glob("*/Images/**/SC-*.png")):
        found = re.fullmatch(r"(SC-.+)-IM-\d+-(\d+)\.dcm\.png", path.name)
        if found and found[1] not in known:
            stacks.setdefault((found[1], int(found[2]) % PHASES), {})[int(found[2]) // PHASES] = path
    for (subject, phase), paths in stacks.items():
        slices = range(min(paths), max(paths) + 1)
        if len(slices) != len(paths):
            continue  # a slice is missing
        images = np.stack([_read_png(paths[k]) for k in slices]).astype(np.float32)
        pools = np.stack([_read_png(_label_of(paths[k])) for k in slices]) > 0
        name = f"ENDO-{subject.removeprefix('SC-')}"
        yield TrainingCase(f"{name}_{phase:02d}", name, images, pools * np.uint8(POOL), SPACING_MM)


def _label_of(image: Path) -> Path:
    return Path(*("Labels" if part == "Images" else part for part in image.parts))


def _inner(folder: Path) -> Path:
    return folder / INNER if (folder / INNER).is_dir() else folder


def write_sample(case: TrainingCase, prediction: NDArray[np.uint8], folder: Path) -> list[Path]:
    """Write a case and a prediction as sample data: image, segmentation and truth.

    Args:
        case: Case to write.
        prediction: Predicted labels, shaped like ``case.labels``.
        folder: Output folder for ``SunnybrookBroken-{image.nrrd,segmentation.seg.nrrd,truth.seg.nrrd}``.

    Returns:
        The paths of the three files.
    """
    image = sitk.GetImageFromArray(case.image.astype(np.uint8))
    image.SetSpacing(case.spacing[::-1])
    paths = [folder / f"{SAMPLE_NAME}-{part}" for part in ("image.nrrd", "segmentation.seg.nrrd", "truth.seg.nrrd")]
    sitk.WriteImage(image, str(paths[0]), useCompression=True)
    for path, labels in ((paths[1], prediction), (paths[2], case.labels)):
        _write_segmentation(path, labels, case.spacing)
    return paths


def _write_segmentation(path: Path, labels: NDArray[np.uint8], spacing: tuple[float, float, float]) -> None:
    """Write myocardium and pool as a segmentation of 3D Slicer, in one layer, with the geometry of the image."""
    kept = np.where(np.isin(labels, (MYOCARDIUM, POOL)), labels, 0).astype(np.uint8)
    header: dict[str, object] = {
        "space": "left-posterior-superior",
        "space directions": np.diag(spacing[::-1]),
        "space origin": np.zeros(3),
        "kinds": ["domain", "domain", "domain"],
        "encoding": "gzip",
        "Segmentation_MasterRepresentation": "Binary labelmap",
        "Segmentation_ContainedRepresentationNames": "Binary labelmap|",
        "Segmentation_ReferenceImageExtentOffset": "0 0 0",
    }
    k, j, i = labels.shape
    for number, (name, label, colour) in enumerate(SEGMENTS):
        header |= {
            f"Segment{number}_ID": name.replace(" ", ""),
            f"Segment{number}_Name": name,
            f"Segment{number}_NameAutoGenerated": "0",
            f"Segment{number}_Color": colour,
            f"Segment{number}_ColorAutoGenerated": "0",
            f"Segment{number}_Extent": f"0 {i - 1} 0 {j - 1} 0 {k - 1}",
            f"Segment{number}_LabelValue": str(label),
            f"Segment{number}_Layer": "0",
            f"Segment{number}_Tags": "",
        }
    nrrd.write(str(path), kept.transpose(2, 1, 0), header)


def _read_png(path: Path) -> NDArray[np.uint8]:
    pixels = np.asarray(sitk.GetArrayFromImage(sitk.ReadImage(str(path))))
    return pixels[..., 0] if pixels.ndim == 3 else pixels  # grayscale stored as RGB
