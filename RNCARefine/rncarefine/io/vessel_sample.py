"""The bundled sample of vessels: a photograph of CHASE_DB1, a broken mask of a network, and the truth."""

from __future__ import annotations

from .sample import SAMPLE_FOLDERS, SampleFiles

VESSEL_SAMPLE = "ChaseBroken"
NAMES = tuple(f"{VESSEL_SAMPLE}-{part}" for part in ("photograph.jpg", "mask.png", "truth.png"))
"""Photograph, broken mask and truth. Their source and licence (CC BY 4.0) stand in the README beside them."""


def vessel_sample_files() -> SampleFiles:
    """Return the files of the sample: photograph, broken mask and truth.

    Example:
        >>> vessel_sample_files().image.name
        'ChaseBroken-photograph.jpg'

    Raises:
        ValueError: The sample is not installed, or not all of it.
    """
    for folder in SAMPLE_FOLDERS:
        if all((folder / name).is_file() for name in NAMES):
            return SampleFiles(*(folder / name for name in NAMES))
    raise ValueError(f"The sample data ({', '.join(NAMES)}) is not installed. Install RNCARefine again.")
