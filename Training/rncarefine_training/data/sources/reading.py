"""Read a labelled stack with its segmentations, and name the file that does not fit."""

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
    """A labelled stack as it is on disk; labels are those of the files. Arrays have the shape ``(k, j, i)``.

    Attributes:
        image: Intensities.
        label: The truth.
        predictions: What networks made of it, by name.
        spacing: mm along ``(k, j, i)``.
    """

    image: NDArray[np.float32]
    label: NDArray[Any]
    predictions: dict[str, NDArray[Any]]
    spacing: tuple[float, float, float]


def read_entry(entry: Entry) -> LabelledImage:
    """Read an image and its label maps; orientation and order of the slices are kept as they are stored.

    Raises:
        ValueError: A file cannot be read, is not three-dimensional, or does not lie on the image's grid; the message
            names it.
    """
    values, grid = read_volume(entry.image, "image")
    image = values.astype(np.float32)
    if not np.isfinite(image).all():
        raise ValueError(f"{entry.image}: the image has infinite or missing intensities. Leave the stack out.")
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
            f"{path} does not lie on the grid of {image}. It: {found.grid}. Image: {grid}. "
            "Resample it to the image (nearest neighbour), or give the image that it was drawn on."
        )
    return found.values
