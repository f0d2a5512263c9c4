"""The picture: one photograph or slice with a vessel mask, validated once on creation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from ...anatomy.topology import fill_holes, largest_component
from ...stack import Image, Mask, binary_mask

Bools = NDArray[np.bool_]

DARK = 0.12
"""Outside the field of view, all channels are darker than this share of the 95th percentile."""
MIN_DARK = 0.02
"""Least dark share of a picture for the field of view to be detected; otherwise it is the whole picture."""
RIM = 0.01
"""Width of the rim of the field of view as a share of its diameter. Nothing is added there."""
MAX_VESSEL = 0.4
"""Largest share of the field of view that a vessel mask covers."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture with the vessel mask to repair. Create it with :meth:`create`, which validates the input.

    Attributes:
        image: Intensities, shape ``(j, i, channels)`` with 1 or 3 channels (red, green, blue), finite.
        mask: Vessels, shape ``(j, i)``, 0 and 1.
        field_of_view: Field of view, boolean, shape ``(j, i)``.
        probability: Probability map that the mask was thresholded from, 0 to 1; ``None`` if unknown.
        name: Name of the picture in messages.
        others: Union of other labels, which are not changed, shape ``(j, i)``; ``None`` without any.
        mask_name: Name of the mask in messages; empty if it has none of its own.
    """

    image: Image
    mask: Mask
    field_of_view: Bools
    probability: Image | None = None
    name: str = "picture"
    others: Bools | None = None
    mask_name: str = ""

    @classmethod
    def create(
        cls,
        image: ArrayLike,
        mask: ArrayLike,
        field_of_view: ArrayLike | None = None,
        probability: ArrayLike | None = None,
        name: str = "picture",
        mask_name: str = "",
    ) -> Picture:
        """Validate the arrays and create a picture.

        Example:
            >>> image = np.arange(60.0).reshape(6, 10)
            >>> picture = Picture.create(image, image == 24)
            >>> picture.shape, picture.channels, picture.diameter
            ((6, 10), 1, 10.0)

        Args:
            image: Intensities, shape ``(j, i)`` or ``(j, i, channels)``, with 1, 3 or 4 channels (a fourth, opacity, is
                ignored); any numeric type.
            mask: Vessels, shape ``(j, i)``; bool, or numbers that are 0 or 1.
            field_of_view: Field of view, like ``mask``; detected in the picture if not given.
            probability: Probability map that the mask was thresholded from, shape ``(j, i)``, 0 to 1.
            name: Name of the picture in messages.
            mask_name: Name of the mask in messages, such as its file; that of the picture if not given.

        Raises:
            ValueError: An input is invalid. The message names the input and the remedy.
        """
        pixels = np.asarray(image)
        if pixels.ndim == 2:
            pixels = pixels[..., None]
        if pixels.ndim != 3 or pixels.shape[2] not in (1, 3, 4) or pixels.size == 0:
            raise ValueError(
                f"{name}: the image has shape {np.shape(image)}, a picture is (rows, columns) or (rows, columns, "
                "channels) with 3 channels. Give a single photograph or slice."
            )
        pixels = np.ascontiguousarray(pixels[..., :3], dtype=np.float32)
        if not np.isfinite(pixels).all():
            raise ValueError(f"{name}: the image has NaN or infinite values. Replace them before the repair.")
        if float(pixels.min()) == float(pixels.max()):
            raise ValueError(f"{name}: the image is constant. Check that the right file was chosen.")
        vessels = binary_mask(mask, pixels.shape[:2], f"{mask_name or name}: the vessel mask")
        if field_of_view is None:
            seen = find_field_of_view(pixels)
        else:
            seen = binary_mask(field_of_view, vessels.shape, f"{name}: the field of view") > 0
        if not seen.any():
            raise ValueError(f"{name}: the field of view is empty. Give one that shows the retina.")
        share = float((vessels[seen] > 0).mean())
        if share > MAX_VESSEL:
            raise ValueError(
                f"{mask_name or name}: the mask covers {100 * share:.0f} % of the field of view, vessels cover at most "
                f"{100 * MAX_VESSEL:.0f} %. Check the label, or whether vessels are 0 and background 1 in it."
            )
        soft = None
        if probability is not None:
            soft = np.array(probability, np.float32)
            if soft.shape != vessels.shape or not np.isfinite(soft).all() or soft.min() < 0 or soft.max() > 1:
                raise ValueError(f"{name}: the probability must have the shape {vessels.shape} and values 0 to 1.")
        return cls(pixels, vessels, seen, soft, name, mask_name=mask_name)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and columns."""
        return self.mask.shape[0], self.mask.shape[1]

    @property
    def channels(self) -> int:
        """1 for a scalar picture, 3 for colour."""
        return int(self.image.shape[2])

    @property
    def diameter(self) -> float:
        """Diameter of the field of view in pixels: the longer side of its bounding box."""
        rows, columns = ndimage.find_objects(self.field_of_view.astype(np.uint8))[0]
        return float(max(rows.stop - rows.start, columns.stop - columns.start))

    @property
    def may_change(self) -> Bools:
        """Pixels that may be added or removed, shape ``(j, i)``: in the field of view and in no other label."""
        return self.field_of_view if self.others is None else self.field_of_view & ~self.others

    @property
    def away_from_rim(self) -> Bools:
        """Pixels that may be added: :attr:`may_change` without the rim, whose edge resembles a vessel."""
        inside = ndimage.distance_transform_edt(np.pad(self.field_of_view, 1))[1:-1, 1:-1]
        whole = bool(self.field_of_view.all())
        return self.may_change if whole else np.asarray(self.may_change & (inside > RIM * self.diameter))

    def grey(self, channel: str = "green", polarity: str = "dark") -> Image:
        """Return the channel with the best vessel contrast, locally normalised, with bright vessels.

        Args:
            channel: "green" for a colour picture; ignored for a scalar picture.
            polarity: "dark" if vessels are darker than the background, "bright" if they are brighter.

        Returns:
            Intensities with local mean 0 and local standard deviation 1, shape ``(j, i)``.
        """
        place = 1 if channel == "green" and self.channels == 3 else 0
        return flattened(self.image[..., place] * (-1 if polarity == "dark" else 1), self.field_of_view, self.diameter)


def find_field_of_view(image: Image) -> Bools:
    """Detect the field of view: the largest component that is not black, with its holes filled.

    Args:
        image: Shape ``(j, i, channels)``. Without a black border, the field of view is the whole picture.
    """
    bright = image.max(axis=2)
    low = float(bright.min())
    level = low + DARK * (float(np.percentile(bright, 95)) - low)
    smooth = ndimage.uniform_filter(bright, 5)
    dark = smooth <= level
    edge = np.concatenate([dark[0], dark[-1], dark[:, 0], dark[:, -1]])
    if dark.mean() < MIN_DARK or not edge.any():
        return np.ones(bright.shape, bool)
    return fill_holes(largest_component(~dark, connectivity=4)) > 0


def flattened(values: Image, field_of_view: Bools, diameter: float) -> Image:
    """Normalise an image to local mean 0 and standard deviation 1, in windows of a tenth of the field of view.

    Args:
        values: Shape ``(j, i)``.
        field_of_view: Field of view; the result is 0 outside.
        diameter: Diameter of the field of view in pixels.
    """
    size = max(3, int(diameter / 10) | 1)
    inside = field_of_view.astype(np.float32)
    weight = np.maximum(ndimage.uniform_filter(inside, size), 1e-3)
    mean = ndimage.uniform_filter(np.where(field_of_view, values, 0).astype(np.float32), size) / weight
    centred = np.where(field_of_view, values - mean, 0).astype(np.float32)
    # Rounding of the filter's running sums can give negative values.
    spread = np.sqrt(np.maximum(ndimage.uniform_filter(centred * centred, size), np.float32(0)) / weight)
    typical = float(np.median(spread[field_of_view]))
    return np.asarray(centred / np.maximum(spread, max(0.3 * typical, 1e-6)), np.float32)
