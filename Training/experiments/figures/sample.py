"""Pictures of the bundled photograph with broken and repaired mask."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from rncarefine.io.sample import vessel_sample_files
from rncarefine.nca.model import Model
from rncarefine.refine.picture import repair_picture
from rncarefine.report.close_ups import overview, to_rgb
from rncarefine.report.pictures import Pixels
from rncarefine.stack import Mask
from rncarefine.tasks.tubular.picture import Picture
from rncarefine_training.data.sources.pictures import read_image, read_mask

NAMES = ("vessels-before.jpg", "vessels-after.jpg")
QUALITY = 88
"""JPEG quality."""


def draw_sample(model: Model, folder: Path, side: int | None = None) -> list[Path]:
    """Repair the bundled photograph and draw it before and after: outlines, additions in blue, removals in orange.

    Args:
        model: Vessel model.
        folder: Output folder for :data:`NAMES`.
        side: Size of a centre crop in pixels; ``None`` draws the whole picture.
    """
    files = vessel_sample_files()
    picture = Picture.create(read_image(files.image), read_mask(files.broken), name="the sample")
    repaired = repair_picture(picture, model)
    written = [folder / name for name in NAMES]
    for path, after in zip(written, (picture.mask, repaired.mask), strict=True):
        image = sitk.GetImageFromArray(_drawn(picture, after, side), isVector=True)
        sitk.WriteImage(image, str(path), useCompression=True, compressionLevel=QUALITY)
    return written


def _drawn(picture: Picture, after: Mask, side: int | None) -> Pixels:
    whole = overview(picture, to_rgb(picture), after)
    if side is None:
        return whole
    rows, columns = ndimage.find_objects(picture.field_of_view.astype(np.uint8))[0]
    start = [(one.start + one.stop - side) // 2 for one in (rows, columns)]
    return np.ascontiguousarray(whole[start[0] : start[0] + side, start[1] : start[1] + side])
