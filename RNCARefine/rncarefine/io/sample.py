"""The bundled sample: a short-axis stack of the Sunnybrook Cardiac Data, a broken segmentation, and the truth."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

SAMPLE_FOLDERS = (
    Path(__file__).parents[2] / "Resources" / "SampleData",  # in the repository and in Slicer
    Path(__file__).parents[1] / "SampleData",  # in a wheel
)
SAMPLE = "SunnybrookBroken"
IMAGE, BROKEN, TRUTH = f"{SAMPLE}-image.nrrd", f"{SAMPLE}-segmentation.seg.nrrd", f"{SAMPLE}-truth.seg.nrrd"
MYOCARDIUM, POOL = "myocardium", "blood pool"
"""Names of the segments in the sample."""


class SampleFiles(NamedTuple):
    """The files of the sample."""

    image: Path
    broken: Path
    truth: Path


def sample_folder() -> Path:
    """Return the folder of the sample.

    Raises:
        ValueError: The sample is not installed, or not all of it.
    """
    for folder in SAMPLE_FOLDERS:
        if all((folder / name).is_file() for name in (IMAGE, BROKEN, TRUTH)):
            return folder
    raise ValueError(f"The sample data ({IMAGE}, {BROKEN}, {TRUTH}) is not installed. Install RNCARefine again.")


def sample_files() -> SampleFiles:
    """Return the files of the sample: image, broken segmentation and truth.

    Example:
        >>> sample_files().image.name
        'SunnybrookBroken-image.nrrd'

    Raises:
        ValueError: The sample is not installed, or not all of it.
    """
    folder = sample_folder()
    return SampleFiles(folder / IMAGE, folder / BROKEN, folder / TRUTH)
