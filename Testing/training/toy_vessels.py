"""Small photographs of drawn vessels, with masks that a network broke, as files and as cases of a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from rncarefine_training.automaton.pictures.windows import ScaledPicture, load_pictures
from rncarefine_training.data.sources.pictures import prepare_pictures, read_folders

SIDE = 120
NETWORK = "ours"


def field_of_view() -> NDArray[np.bool_]:
    """Return a disc that fills the picture but for a border."""
    rows, columns = np.indices((SIDE, SIDE))
    return np.hypot(rows - SIDE / 2 + 0.5, columns - SIDE / 2 + 0.5) < SIDE / 2 - 4


def vessels(seed: int) -> NDArray[np.bool_]:
    """Return a trunk with branches, whose place depends on the seed."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((SIDE, SIDE), bool)
    row = int(rng.integers(50, 70))
    mask[row - 2 : row + 3] = True
    for column in rng.integers(20, SIDE - 20, 3):
        mask[row:, column : column + 3] = True
        mask[:row, column + 12 : column + 14] = True
    return mask & field_of_view()


def broken(mask: NDArray[np.bool_], seed: int) -> NDArray[np.bool_]:
    """Return a mask with gaps of 8 pixels, and a fragment that is no vessel."""
    rng = np.random.default_rng([seed, 1])
    result = mask.copy()
    for place in rng.integers(25, SIDE - 25, 5):
        result[:, place : place + 8] &= rng.random() < 0.3
        result[place : place + 6] &= rng.random() < 0.5
    result[20:23, 50:56] = True
    return result


def photograph(mask: NDArray[np.bool_], seed: int) -> NDArray[np.uint8]:
    """Return a colour picture in which vessels are darker, black outside the field of view."""
    rng = np.random.default_rng([seed, 2])
    green = 120 - 45 * ndimage.gaussian_filter(mask.astype(float), 0.7) + rng.normal(0, 4, mask.shape)
    picture = np.stack([green + 60, green, green - 50], axis=-1) * field_of_view()[..., None]
    return np.clip(picture, 0, 255).astype(np.uint8)


def write_pictures(folder: Path, names: tuple[str, ...] = ("01L", "01R", "02_h", "03_h")) -> Path:
    """Write a folder of one site with pictures, masks, fields of view and the masks of a network; return it."""
    for seed, name in enumerate(names):
        mask = vessels(seed)
        made = np.where(broken(mask, seed), 230, 20).astype(np.uint8)
        for path, values in (
            (f"eyes/images/{name}.png", photograph(mask, seed)),
            (f"eyes/masks_1st/{name}.png", mask.astype(np.uint8)),
            (f"eyes/fov/{name}.png", field_of_view().astype(np.uint8) * 255),
            (f"predictions/eyes/{NETWORK}/{name}.png", made),
        ):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            sitk.WriteImage(sitk.GetImageFromArray(values, isVector=values.ndim == 3), str(folder / path))
    return folder


def toy_pictures(folder: Path, spacing: float) -> list[ScaledPicture]:
    """Return scaled pictures with the masks of a network."""
    entries = read_folders(write_pictures(folder / "source"))
    prepare_pictures(entries, folder / "cases", folder / "predictions")
    subjects = dict.fromkeys(entry.subject for entry in entries)
    return load_pictures(folder / "cases", folder / "predictions", subjects, spacing, [f"{NETWORK}@1"])
