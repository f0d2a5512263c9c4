"""Draws ``Resources/before-after.png``, the picture of README and the extension index, from the sample data.

Run it from anywhere, with RNCARefine installed (``pip install -e ".[cli,training]"``).
"""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from RNCARefineLib.files import Choice, read_case
from RNCARefineLib.model import load_model
from RNCARefineLib.repair import repair
from RNCARefineLib.stack import Mask

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "RNCARefine" / "Resources" / "SampleData"
SLICES = (6, 7, 8)
HALF = 40
WALL, ADDED, REMOVED = "#f0e442", "#56b4e9", "#e6781e"


def outline(axes: Axes, mask: Mask, colour: str) -> None:
    """Draw the edge of a mask."""
    axes.contour(mask, levels=[0.5], colors=[colour], linewidths=1.6)


def shade(axes: Axes, mask: Mask, colour: str) -> None:
    """Fill a mask."""
    axes.contourf(mask, levels=[0.5, 1.5], colors=[colour], alpha=0.75)


def main() -> None:
    """Repair the sample and draw its apical slices."""
    case = read_case(
        SAMPLE / "SunnybrookBroken-image.nrrd",
        SAMPLE / "SunnybrookBroken-segmentation.seg.nrrd",
        Choice(segment="myocardium"),
    )
    stack = case.stack
    after = repair(stack, load_model()).mask
    figure, grid = plt.subplots(len(SLICES), 4, figsize=(8.2, 6.3), facecolor="white")
    for row, k in zip(grid, SLICES, strict=True):
        middle = np.argwhere(after[k]).mean(axis=0).astype(int)
        window = tuple(slice(at - HALF, at + HALF) for at in middle)
        old, new = stack.mask[k][window], after[k][window]
        for axes in row:
            axes.imshow(stack.image[k][window], cmap="gray")
            axes.set_axis_off()
        outline(row[1], old, WALL)
        outline(row[2], new, WALL)
        outline(row[3], new, WALL)
        shade(row[3], new & (1 - old), ADDED)
        shade(row[3], old & (1 - new), REMOVED)
    for axes, title in zip(grid[0], ("image", "before", "after", "added and removed"), strict=True):
        axes.set_title(title, fontsize=11)
    figure.subplots_adjust(left=0.01, right=0.99, top=0.95, bottom=0.01, wspace=0.03, hspace=0.03)
    figure.savefig(ROOT / "Resources" / "before-after.png", dpi=100, metadata={"Software": None})


if __name__ == "__main__":
    main()
