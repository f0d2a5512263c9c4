"""Read a labelled stack with its segmentations, and check that the grids match."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rncarefine.io.grid import Grid
from rncarefine.io.label_map import read_label_map, read_volume

from .entry import Entry

SEGMENTATION = ".seg.nrrd"


@dataclass(frozen=True, eq=False)
class LabelledImage:
    """Labelled stack with the original labels. Arrays have the shape ``(k, j, i)``.

    Attributes:
        image: Intensities.
        label: Truth.
        predictions: Segmentations by network.
        spacing: mm along ``(k, j, i)``.
    """

    image: NDArray[np.float32]
    label: NDArray[Any]
    predictions: dict[str, NDArray[Any]]
    spacing: tuple[float, float, float]


def read_entry(entry: Entry) -> LabelledImage:
    """Read an image and its label maps; orientation and slice order are kept.

    Raises:
        ValueError: A file cannot be read, is not three-dimensional, or has another grid than the image; the message
            names it.
    """
    values, grid = read_volume(entry.image, "image")
    image = values.astype(np.float32)
    if not np.isfinite(image).all():
        raise ValueError(f"{entry.image}: the image has infinite or missing intensities. Remove the stack.")
    i, j, k = grid.spacing
    return LabelledImage(
        image,
        _labels_on(grid, entry.label, entry.image),
        {name: _labels_on(grid, path, entry.image) for name, path in entry.predictions.items()},
        (k, j, i),
    )


def _labels_on(grid: Grid, path: Path, image: Path) -> NDArray[Any]:
    if path.name.lower().endswith(SEGMENTATION):
        raise ValueError(f"{path} is a segmentation of 3D Slicer. Export it as a label map (.nii.gz, .nrrd) first.")
    found = read_label_map(path)
    if not grid.coincides_with(found.grid):
        raise ValueError(
            f"The grid of {path} ({found.grid}) differs from that of {image} ({grid}). Resample it to the image "
            "(nearest neighbour), or use the image that it was drawn on."
        )
    return found.values
