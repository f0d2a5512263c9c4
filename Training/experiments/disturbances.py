"""Disturbances of images, grids and masks.

Every disturbance returns a changed stack; the truth is transformed with the anatomy. Intensities are first scaled to
0 to 1 (1st and 99th percentile), so that strengths are comparable between scanners.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from monai.transforms import AdjustContrast, GibbsNoise, RandBiasField, RandRicianNoise
from numpy.typing import NDArray
from scipy import ndimage

Image = NDArray[np.float32]
Mask = NDArray[np.uint8]
Disturb = Callable[["Disturbed", np.random.Generator], "Disturbed"]


@dataclass(frozen=True, eq=False)
class Disturbed:
    """A stack before or after a disturbance. Arrays have the shape ``(k, j, i)``.

    Attributes:
        image: Intensities.
        wall: Predicted wall.
        pool: Predicted blood pool.
        truth: True wall.
        spacing: mm along ``(k, j, i)``.
        slices: Index of each slice in the undisturbed stack, shape ``(k,)``.
        give_pool: Use the pool in the repair.
    """

    image: Image
    wall: Mask
    pool: Mask
    truth: Mask
    spacing: tuple[float, float, float]
    slices: NDArray[np.int64]
    give_pool: bool = False


def scale_percentiles(image: Image) -> Image:
    """Scale an image so that the 1st and 99th percentile are 0 and 1."""
    low, high = np.percentile(image, [1, 99])
    return np.asarray((image - low) / max(high - low, 1e-6), np.float32)


# Image


def _noise(share: float) -> Disturb:
    """Rician noise; standard deviation as a share of the intensity range."""

    def disturb(stack: Disturbed, rng: np.random.Generator) -> Disturbed:
        noise = RandRicianNoise(prob=1.0, std=share, sample_std=False)
        noise.set_random_state(int(rng.integers(2**31)))
        return replace(stack, image=_to_array(noise(scale_percentiles(stack.image).clip(0))))

    return disturb


def _bias(strength: float) -> Disturb:
    """Polynomial bias field of degree 3."""

    def disturb(stack: Disturbed, rng: np.random.Generator) -> Disturbed:
        field = RandBiasField(prob=1.0, degree=3, coeff_range=(-strength, strength))
        field.set_random_state(int(rng.integers(2**31)))
        # MONAI expects a channel axis.
        return replace(stack, image=_to_array(field(scale_percentiles(stack.image).clip(0)[None]))[0])

    return disturb


def _gamma(gamma: float) -> Disturb:
    return lambda stack, rng: replace(
        stack, image=_to_array(AdjustContrast(gamma)(scale_percentiles(stack.image).clip(0, 1)))
    )


def _inverted(stack: Disturbed, rng: np.random.Generator) -> Disturbed:
    return replace(stack, image=1 - scale_percentiles(stack.image))


def _gibbs(stack: Disturbed, rng: np.random.Generator) -> Disturbed:
    """Gibbs ringing from truncated k-space, slice by slice."""
    ring = GibbsNoise(alpha=0.5)
    return replace(stack, image=np.stack([_to_array(ring(piece[None]))[0] for piece in scale_percentiles(stack.image)]))


def _ghosts(strength: float) -> Disturb:
    """Motion ghosts: attenuate every fourth line of k-space."""

    def disturb(stack: Disturbed, rng: np.random.Generator) -> Disturbed:
        lines = np.fft.fftshift(np.fft.fft2(scale_percentiles(stack.image)), axes=(1, 2))
        middle = lines.shape[1] // 2
        weight = np.ones(lines.shape[1])
        weight[int(rng.integers(4)) :: 4] = 1 - strength
        weight[middle - 1 : middle + 2] = 1  # keep the mean intensity
        ghosted = np.fft.ifft2(np.fft.ifftshift(lines * weight[None, :, None], axes=(1, 2)))
        return replace(stack, image=np.abs(ghosted).astype(np.float32))

    return disturb


def _missing(stack: Disturbed, rng: np.random.Generator) -> Disturbed:
    """Constant image, except for one corner pixel, since the repair rejects constant images."""
    image = np.zeros_like(stack.image)
    image[0, 0, 0] = 1
    return replace(stack, image=image)


def _another_slice(stack: Disturbed, rng: np.random.Generator) -> Disturbed:
    return replace(stack, image=np.roll(stack.image, max(1, len(stack.image) // 2), axis=0))


# Orientation and grid


def _transform_all(stack: Disturbed, change: Callable[[NDArray], NDArray]) -> Disturbed:
    image, wall, pool, truth = (
        np.ascontiguousarray(change(values)) for values in (stack.image, stack.wall, stack.pool, stack.truth)
    )
    return replace(stack, image=image, wall=wall, pool=pool, truth=truth)


def _rotated(stack: Disturbed, rng: np.random.Generator) -> Disturbed:
    k, j, i = stack.spacing
    return replace(_transform_all(stack, lambda values: np.rot90(values, axes=(1, 2))), spacing=(k, i, j))


def _flipped(axis: int) -> Disturb:
    def disturb(stack: Disturbed, rng: np.random.Generator) -> Disturbed:
        turned = _transform_all(stack, lambda values: np.flip(values, axis))
        return replace(turned, slices=stack.slices[::-1]) if axis == 0 else turned

    return disturb


def _resampled(spacing_mm: float) -> Disturb:
    """Resample in plane, smoothing before downsampling."""

    def disturb(stack: Disturbed, rng: np.random.Generator) -> Disturbed:
        size = [
            max(8, round(n * mm / spacing_mm)) for n, mm in zip(stack.wall.shape[1:], stack.spacing[1:], strict=True)
        ]
        factors = [new / old for new, old in zip(size, stack.wall.shape[1:], strict=True)]

        def resample(values: NDArray) -> NDArray:
            sigma = (0, *(max(0.0, (1 / factor - 1) / 2) for factor in factors))
            smooth = ndimage.gaussian_filter(values.astype(np.float32), sigma)
            zoomed = ndimage.zoom(smooth, (1, *factors), order=1, grid_mode=True, mode="nearest")
            return np.asarray(zoomed if values.dtype == np.float32 else zoomed > 0.5, values.dtype)

        in_plane = [mm / factor for mm, factor in zip(stack.spacing[1:], factors, strict=True)]
        return replace(_transform_all(stack, resample), spacing=(stack.spacing[0], in_plane[0], in_plane[1]))

    return disturb


def _slice_spacing(mm: float) -> Disturb:
    """Change the slice spacing in the header only."""
    return lambda stack, rng: replace(stack, spacing=(mm, *stack.spacing[1:]))


def _every_second(stack: Disturbed, rng: np.random.Generator) -> Disturbed:
    thinned = _transform_all(stack, lambda values: values[::2])
    return replace(thinned, slices=stack.slices[::2], spacing=(2 * stack.spacing[0], *stack.spacing[1:]))


# Mask


def _masks(change: Callable[[Mask, Disturbed, np.random.Generator], Mask]) -> Disturb:
    def disturb(stack: Disturbed, rng: np.random.Generator) -> Disturbed:
        state = rng.bit_generator.state
        wall = change(stack.wall, stack, rng)
        rng.bit_generator.state = state  # the same random change for wall and pool
        pool = change(stack.pool, stack, rng)
        return replace(stack, wall=wall, pool=np.asarray(pool & (1 - wall), np.uint8))

    return disturb


def _jagged(mask: Mask, stack: Disturbed, rng: np.random.Generator) -> Mask:
    """Flip a third of the pixels next to the edge."""
    square = np.ones((1, 3, 3), bool)
    edge = ndimage.binary_dilation(mask, square) & ~ndimage.binary_erosion(mask, square)
    return np.asarray(mask ^ (edge & (rng.random(mask.shape) < 1 / 3)), np.uint8)


def _coarse(factor: int) -> Callable[[Mask, Disturbed, np.random.Generator], Mask]:
    """Downsample and upsample by ``factor`` with nearest neighbour."""

    def change(mask: Mask, stack: Disturbed, rng: np.random.Generator) -> Mask:
        few = mask[:, factor // 2 :: factor, factor // 2 :: factor]
        upsampled = few.repeat(factor, axis=1).repeat(factor, axis=2)
        result = np.zeros_like(mask)
        rows, columns = (min(a, b) for a, b in zip(mask.shape[1:], upsampled.shape[1:], strict=True))
        result[:, :rows, :columns] = upsampled[:, :rows, :columns]
        return result

    return change


def _smooth(mask: Mask, stack: Disturbed, rng: np.random.Generator) -> Mask:
    """Smooth with a Gaussian of 2 mm."""
    sigma = (0, 2 / stack.spacing[1], 2 / stack.spacing[2])
    return np.asarray(ndimage.gaussian_filter(mask.astype(np.float32), sigma) > 0.5, np.uint8)


def _shifted(mm: float) -> Callable[[Mask, Disturbed, np.random.Generator], Mask]:
    def change(mask: Mask, stack: Disturbed, rng: np.random.Generator) -> Mask:
        angle = rng.uniform(0, 2 * np.pi)
        rows, columns = (
            round(mm * part / spacing)
            for part, spacing in zip((np.sin(angle), np.cos(angle)), stack.spacing[1:], strict=True)
        )
        return np.asarray(ndimage.shift(mask, (0, rows, columns), order=0), np.uint8)

    return change


def _with_pool(stack: Disturbed, rng: np.random.Generator) -> Disturbed:
    return replace(stack, give_pool=True)


DISTURBANCES: dict[str, dict[str, Disturb]] = {
    "image": {
        "noise 5 %": _noise(0.05),
        "noise 10 %": _noise(0.10),
        "noise 20 %": _noise(0.20),
        "bias field": _bias(0.3),
        "strong bias field": _bias(0.6),
        "contrast inverted": _inverted,
        "gamma 0.5": _gamma(0.5),
        "gamma 2": _gamma(2.0),
        "motion ghosts": _ghosts(0.4),
        "strong motion ghosts": _ghosts(0.8),
        "Gibbs ringing": _gibbs,
        "no image": _missing,
        "image of another slice": _another_slice,
    },
    "orientation": {
        "rotated by 90 degrees": _rotated,
        "rows flipped": _flipped(1),
        "columns flipped": _flipped(2),
        "slices in reverse": _flipped(0),
    },
    "grid": {
        "pixels of 0.7 mm": _resampled(0.7),
        "pixels of 1.2 mm": _resampled(1.2),
        "pixels of 1.6 mm": _resampled(1.6),
        "pixels of 2.2 mm": _resampled(2.2),
        "slice spacing 5 mm": _slice_spacing(5.0),
        "slice spacing 8 mm": _slice_spacing(8.0),
        "slice spacing 12 mm": _slice_spacing(12.0),
        "every second slice": _every_second,
    },
    "mask": {
        "jagged": _masks(_jagged),
        "downsampled by 2": _masks(_coarse(2)),
        "downsampled by 3": _masks(_coarse(3)),
        "smoothed": _masks(_smooth),
        "shifted by 5 mm": _masks(_shifted(5.0)),
        "pool given": _with_pool,
        "pool given, both shifted by 5 mm": lambda stack, rng: _with_pool(_masks(_shifted(5.0))(stack, rng), rng),
    },
}
"""Disturbances by group and name. ACDC has an in-plane spacing of about 1.5 mm and a slice spacing of 5 to 10 mm."""


def _to_array(values: object) -> Image:
    """Convert MONAI tensors to arrays."""
    return np.asarray(values, np.float32)
