"""Two-dimensional triplets of image, damaged mask and truth: the data set published with rNCA, or a similar one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import SimpleITK as sitk
from numpy.typing import NDArray

from rncarefine.anatomy.topology import betti_2d
from rncarefine.refine.metrics import betti_error, cldice, dice

Field = NDArray[np.float32]
KINDS = ("images", "states", "labels")
SCORES = ("mse", "dice", "b0 error", "b1 error", "ring", "cldice")


@dataclass(frozen=True, eq=False)
class Triplets:
    """Images with damaged masks and truth.

    Attributes:
        images: 0 to 1, shape ``(n, j, i)``, float32.
        states: Soft damaged masks, 0 to 1, same shape.
        labels: 0 and 1, same shape.
    """

    images: Field
    states: Field
    labels: Field

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, part: slice) -> Triplets:
        return Triplets(self.images[part], self.states[part], self.labels[part])


def read_triplets(folder: Path) -> Triplets:
    """Read grayscale PNG files of the same names from ``images``, ``states`` and ``labels``.

    Raises:
        ValueError: A folder is missing or empty, file names do not match, or sizes differ.
    """
    names = sorted(path.name for path in (folder / KINDS[0]).glob("*.png"))
    if not names:
        raise ValueError(f"{folder / KINDS[0]} has no PNG files. Use a folder with {', '.join(KINDS)}.")
    read: list[Field] = []
    for kind in KINDS:
        others = sorted(path.name for path in (folder / kind).glob("*.png"))
        if others != names:
            odd = min(set(others) ^ set(names))
            raise ValueError(
                f"{folder}: {odd} is not in all of {', '.join(KINDS)}. Every picture must be in all three."
            )
        pictures = [_grey(folder / kind / name) for name in names]
        shapes = {picture.shape for picture in pictures}
        if len(shapes) > 1:
            raise ValueError(f"{folder / kind} has pictures of several sizes, {sorted(shapes)}. Crop them to one.")
        read.append(np.stack(pictures).astype(np.float32) / np.float32(255))
    images, states, labels = read
    if not images.shape == states.shape == labels.shape:
        raise ValueError(f"{folder}: images, states and labels differ in size. Crop them to one.")
    return Triplets(images, states, (labels > 0.5).astype(np.float32))


def write_triplets(triplets: Triplets, folder: Path) -> None:
    """Write triplets in the format of :func:`read_triplets`, numbered from 1.

    Raises:
        ValueError: The folder already contains pictures.
    """
    if any(folder.glob("*/*.png")):
        raise ValueError(f"{folder} has pictures already. Use another folder, or remove them.")
    for kind in KINDS:
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for number, picture in enumerate(getattr(triplets, kind), start=1):
            grey = sitk.GetImageFromArray((picture * 255).round().astype(np.uint8))
            sitk.WriteImage(grey, str(folder / kind / f"example_{number:03d}.png"))


def _grey(path: Path) -> NDArray[np.generic]:
    picture = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    if picture.ndim != 2 or picture.dtype != np.uint8:
        raise ValueError(f"{path} is not an 8-bit grayscale picture. Convert it.")
    return np.asarray(picture)


def score(soft: Field, masks: NDArray[np.bool_], truths: Field) -> pd.DataFrame:
    """Compare masks with the truth.

    Args:
        soft: Soft outputs for the squared error, about 0 to 1, shape ``(n, j, i)``.
        masks: Binary masks, same shape.
        truths: 0 and 1, same shape.

    Returns:
        One row per mask; the columns are :data:`SCORES`, ``ring`` is 1 if (b0, b1) = (1, 1).
    """
    rows = []
    for output, mask, truth in zip(soft, masks, truths, strict=True):
        square = float(np.mean((output.astype(float) - truth) ** 2))
        ring = float(betti_2d(mask) == (1, 1))
        rows.append((square, dice(mask, truth), *betti_error(mask, truth), ring, cldice(mask, truth)))
    return pd.DataFrame(rows, columns=list(SCORES))
