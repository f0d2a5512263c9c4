"""Bundled samples: broken segmentations of a heart and of vessels, each with image and truth.

Sources are the Sunnybrook Cardiac Data and CHASE_DB1; see the README of their folder for the licences.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

SAMPLE_FOLDERS = (
    Path(__file__).parents[2] / "Resources" / "SampleData",  # in the repository and in Slicer
    Path(__file__).parents[1] / "SampleData",  # in a wheel
)
SAMPLE = "SunnybrookBroken"
MYOCARDIUM, POOL = "myocardium", "blood pool"
"""Segment names of the sample."""
VESSEL_SAMPLE = "ChaseBroken"


class SampleFiles(NamedTuple):
    """Files of a sample."""

    image: Path
    broken: Path
    truth: Path


def sample_files() -> SampleFiles:
    """Return the files of the sample stack: image, broken segmentation and truth.

    Example:
        >>> sample_files().image.name
        'SunnybrookBroken-image.nrrd'

    Raises:
        ValueError: The files are missing.
    """
    return _files(*(f"{SAMPLE}-{part}" for part in ("image.nrrd", "segmentation.seg.nrrd", "truth.seg.nrrd")))


def vessel_sample_files() -> SampleFiles:
    """Return the files of the sample photograph: picture, broken mask and truth.

    Example:
        >>> vessel_sample_files().image.name
        'ChaseBroken-photograph.jpg'

    Raises:
        ValueError: The files are missing.
    """
    return _files(*(f"{VESSEL_SAMPLE}-{part}" for part in ("photograph.jpg", "mask.png", "truth.png")))


def _files(*names: str) -> SampleFiles:
    for folder in SAMPLE_FOLDERS:
        if all((folder / name).is_file() for name in names):
            return SampleFiles(*(folder / name for name in names))
    raise ValueError(f"The sample data ({', '.join(names)}) is not installed. Install RNCARefine again.")
