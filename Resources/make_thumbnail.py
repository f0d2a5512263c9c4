"""Draws the thumbnail of the sample in Slicer's module Sample Data: a broken slice, its wall in colour.

Run it from anywhere, with RNCARefine installed (``pip install -e ".[cli,training]"``).
"""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

from rncarefine.anatomy.topology import largest_component
from rncarefine.io.choice import Choice
from rncarefine.io.files import read_case
from rncarefine.stack import Stack

RESOURCES = Path(__file__).resolve().parent.parent / "RNCARefine" / "Resources"
THUMBNAIL = RESOURCES / "Icons" / "RNCARefineSunnybrookBroken.png"
SLICE, HALF_WIDTH = 6, 34
SIZE = (260, 280)
"""Width and height in pixels, those of Slicer's own thumbnails."""
WALL = "#f0e442"


def draw_thumbnail(stack: Stack) -> None:
    """Draw a broken slice of the sample, its wall in colour, without any margin."""
    width, height = SIZE
    figure = plt.figure(figsize=(width / 100, height / 100), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    image, wall = stack.image[SLICE], stack.mask[SLICE]
    j, i = np.argwhere(largest_component(wall)).mean(axis=0)
    axes.imshow(image, cmap="gray", vmin=0, vmax=float(np.percentile(image, 97)), interpolation="bicubic")
    axes.contourf(wall, levels=[0.5, 1.5], colors=[WALL], alpha=0.4)
    axes.contour(wall, levels=[0.5], colors=[WALL], linewidths=1.6)
    half_height = HALF_WIDTH * height / width
    axes.set_xlim(i - HALF_WIDTH, i + HALF_WIDTH)
    axes.set_ylim(j + half_height, j - half_height)
    figure.savefig(THUMBNAIL, dpi=100, metadata={"Software": None})


def main() -> None:
    """Draw the thumbnail."""
    case = read_case(
        RESOURCES / "SampleData" / "SunnybrookBroken-image.nrrd",
        RESOURCES / "SampleData" / "SunnybrookBroken-segmentation.seg.nrrd",
        Choice(segment="myocardium"),
    )
    draw_thumbnail(case.stack)


if __name__ == "__main__":
    main()
