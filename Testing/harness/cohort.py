"""Cases on disk: the drawn heart, saved once and copied under many names."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import slicer

from .hearts import draw_heart


def write_cases(folder: Path, names: Iterable[str], margin: int = 0, scar: bool = True) -> None:
    """Write a folder with ``image.nrrd`` and ``segmentation.seg.nrrd`` for each name; the scene is empty afterwards.

    All are the heart of :func:`~.hearts.draw_heart`, with its segments ``myo``, ``pool``, ``rv`` and ``scar``.

    Args:
        folder: Where the folders are made.
        names: The cases.
        margin: Rows and columns of noise to add to the image.
        scar: Whether to write the scar; a wall that covers it is flagged.
    """
    heart = draw_heart()
    if not scar:
        heart.segmentation.GetSegmentation().RemoveSegment("scar")
    if margin:
        image = np.pad(slicer.util.arrayFromVolume(heart.volume), ((0, 0), (0, margin), (0, margin)))
        noise = np.random.default_rng(0).integers(0, 9, image.shape, image.dtype)
        slicer.util.updateVolumeFromArray(heart.volume, image + noise)
    first: Path | None = None
    for name in names:
        case = folder / name
        if first is not None:
            shutil.copytree(first, case)
            continue
        case.mkdir(parents=True)
        first = case
        assert slicer.util.saveNode(heart.volume, str(case / "image.nrrd"), properties={})
        assert slicer.util.saveNode(heart.segmentation, str(case / "segmentation.seg.nrrd"), properties={})
    slicer.mrmlScene.Clear()


def break_case(folder: Path) -> None:
    """Make the image of a case constant, so that it cannot be repaired."""
    volume = slicer.util.loadVolume(str(folder / "image.nrrd"), properties={})
    slicer.util.updateVolumeFromArray(volume, np.full_like(slicer.util.arrayFromVolume(volume), 7))
    assert slicer.util.saveNode(volume, str(folder / "image.nrrd"), properties={})
    slicer.mrmlScene.Clear()
