"""Overview picture of the prepared data: truth of some cases, and real failures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from rncarefine.atomic import written_whole
from rncarefine.nca.channels import intensity_range

from ..cases import MYOCARDIUM, POOL, RV, TrainingCase, broken, load_prediction

T = TypeVar("T")
COLUMNS = 6
MAX_SEARCHED = 4 * COLUMNS
"""Maximum number of segmentations of a network to search for broken slices."""
COLOURS = {RV: "#4da3ff", MYOCARDIUM: "#f0e342", POOL: "#e0323c"}
NAMES = {RV: "right ventricle", MYOCARDIUM: "myocardium", POOL: "blood pool"}
MARGIN_MM = 15.0


@dataclass(frozen=True, eq=False)
class _Tile:
    """Slice to draw: caption, image, labels and spacing in mm along ``(j, i)``."""

    caption: str
    image: NDArray[np.float32]
    labels: NDArray[np.uint8]
    spacing: tuple[float, float]


def draw_prepared(run: Path, path: Path) -> Path:
    """Draw a row of truths, and a row of broken slices per network, evenly spaced over the cases.

    Returns:
        ``path``.
    """
    cases = sorted((run / "cases").glob("*.npz"))
    rows = [("Truth", [_truth(TrainingCase.load(each)) for each in _spread(cases)])]
    for folder in sorted((run / "predictions").glob("*@*")):
        there = [path for path in sorted(folder.glob("*.npz")) if (run / "cases" / path.name).exists()]
        tiles: list[_Tile] = []
        for prediction in _spread(there, MAX_SEARCHED):
            tiles += _failure(TrainingCase.load(run / "cases" / prediction.name), load_prediction(prediction))
        rows.append((f"Broken by {folder.name.removesuffix('@1')}", _spread(tiles)))
    figure = Figure((2.0 * COLUMNS, 2.4 * len(rows)), layout="constrained", facecolor="white")
    heights = [0.1, *[1.0] * len(rows)]
    legend, *parts = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    for row, (title, tiles) in zip(parts, rows, strict=True):
        row.suptitle(title if tiles else f"{title}: none", fontsize=10, x=0.01, ha="left", weight="bold")
        for number, axes in enumerate(row.subplots(1, COLUMNS)):
            axes.axis("off")
            if number < len(tiles):
                _draw(axes, tiles[number])
    lines = [Line2D([], [], color=colour, label=NAMES[number], linewidth=3) for number, colour in COLOURS.items()]
    legend.legend(handles=lines, loc="center right", ncols=len(lines), fontsize=8, frameon=False)
    with written_whole(path) as (temporary,):
        figure.savefig(temporary, dpi=100)
    return path


def _spread(items: list[T], count: int = COLUMNS) -> list[T]:
    """Return up to ``count`` evenly spaced items."""
    if len(items) <= count:
        return items
    return [items[index] for index in np.linspace(0, len(items) - 1, count).round().astype(int)]


def _truth(case: TrainingCase) -> _Tile:
    """Return the slice with the largest myocardium."""
    k = int((case.labels == MYOCARDIUM).sum(axis=(1, 2)).argmax())
    return _tile(case, case.labels, k)


def _failure(case: TrainingCase, prediction: NDArray[np.uint8]) -> list[_Tile]:
    """Return the middle one of the broken slices, if any."""
    area = case.spacing[1] * case.spacing[2]
    failed = [k for k in range(len(prediction)) if broken(prediction[k], case.labels[k], area)]
    return [_tile(case, prediction, failed[len(failed) // 2])] if failed else []


def _tile(case: TrainingCase, labels: NDArray[np.uint8], k: int) -> _Tile:
    """Crop a square around all labels of a slice."""
    labelled = (labels[k] > 0) | (case.labels[k] > 0)
    found = [np.flatnonzero(labelled.any(axis=axis)) for axis in (1, 0)]
    ends = [
        (each[0], each[-1]) if len(each) else (0, side - 1) for each, side in zip(found, labelled.shape, strict=True)
    ]
    spacing = case.spacing[1:]
    half = max((last - first + 1) * mm for (first, last), mm in zip(ends, spacing, strict=True)) / 2 + MARGIN_MM
    ranges = []
    for (first, last), mm, side in zip(ends, spacing, labelled.shape, strict=True):
        middle, reach = (first + last) / 2, half / mm
        ranges.append(slice(max(0, round(middle - reach)), min(side, round(middle + reach) + 1)))
    low, high = intensity_range(case.image)
    image = ((case.image[k] - low) / (high - low)).clip(0, 1)
    return _Tile(f"{case.name}, slice {k}", image[tuple(ranges)], labels[k][tuple(ranges)], spacing)


def _draw(axes: Axes, tile: _Tile) -> None:
    axes.imshow(tile.image, cmap="gray", vmin=0, vmax=1, aspect=tile.spacing[0] / tile.spacing[1])
    for number, colour in COLOURS.items():
        if (tile.labels == number).any():
            axes.contour(tile.labels == number, [0.5], colors=[colour], linewidths=1.1)
    axes.set_title(tile.caption, fontsize=7)
