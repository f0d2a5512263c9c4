"""Draws the thumbnails of the samples in Slicer's module Sample Data: image and broken segmentation.

Run it from anywhere, with RNCARefine installed (``pip install -e ".[cli,training]"``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray

from rncarefine.anatomy.topology import largest_component
from rncarefine.io.choice import StructureChoice
from rncarefine.io.files import read_case
from rncarefine.io.picture_files import read_picture
from rncarefine.io.sample import SAMPLE, VESSEL_SAMPLE, sample_files, vessel_sample_files
from rncarefine.stack import Mask

ICONS = Path(__file__).resolve().parent.parent / "RNCARefine" / "Resources" / "Icons"
SIZE = (260, 280)
"""Width and height in pixels, those of Slicer's own thumbnails."""
COLOUR = "#f0e442"


def draw_thumbnail(
    name: str, image: NDArray[Any], mask: Mask, centre: tuple[float, float], half_width: float, bright: float
) -> None:
    """Draw a part of an image, its mask in colour, without any margin.

    Args:
        name: Name of the sample.
        image: Grey or RGB.
        mask: Its broken segmentation.
        centre: Row and column in the middle of the thumbnail.
        half_width: Half the width of the part, in pixels of the image.
        bright: Grey value that is shown as white; not used for RGB.
    """
    width, height = SIZE
    figure = plt.figure(figsize=(width / 100, height / 100), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.imshow(image, cmap="gray", vmin=0, vmax=bright, interpolation="bicubic")
    axes.contourf(mask, levels=[0.5, 1.5], colors=[COLOUR], alpha=0.4)
    axes.contour(mask, levels=[0.5], colors=[COLOUR], linewidths=1.6)
    (j, i), half_height = centre, half_width * height / width
    axes.set_xlim(i - half_width, i + half_width)
    axes.set_ylim(j + half_height, j - half_height)
    figure.savefig(ICONS / f"RNCARefine{name}.png", dpi=100, metadata={"Software": None})
    plt.close(figure)


def draw_heart(k: int = 6, half_width: float = 34) -> None:
    """Draw a slice of the sample stack, centred on its wall."""
    image, broken, _ = sample_files()
    stack = read_case(image, broken, StructureChoice(segment="myocardium")).stack
    j, i = np.argwhere(largest_component(stack.mask[k])).mean(axis=0)
    bright = float(np.percentile(stack.image[k], 97))
    draw_thumbnail(SAMPLE, stack.image[k], stack.mask[k], (j, i), half_width, bright)


def draw_vessels(centre: tuple[float, float] = (640, 640), half_width: float = 100) -> None:
    """Draw a part of the sample photograph."""
    image, broken, _ = vessel_sample_files()
    picture = read_picture(image, broken).picture
    draw_thumbnail(VESSEL_SAMPLE, picture.image.astype(np.uint8), picture.mask, centre, half_width, 255)


if __name__ == "__main__":
    draw_heart()
    draw_vessels()
