"""Disturbances of a stack and its mask, as clinics, scanners and readers cause them.

Every disturbance takes a stack with its truth and gives another one back; the truth moves along where the anatomy does.
Intensities are scaled to 0..1 (1st and 99th percentile) first, so that a strength means the same for every scanner.
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
    """A stack, disturbed or not yet.

    Attributes:
        image: Shape ``(k, j, i)``.
        wall: What the base network drew, shape ``(k, j, i)``.
        pool: Its blood pool.
        truth: The true wall.
        spacing: mm along ``(k, j, i)``.
        slices: Which slice of the undisturbed stack each slice is, shape ``(k,)``.
        give_pool: Give the pool to the repair.
    """

    image: Image
    wall: Mask
    pool: Mask
    truth: Mask
    spacing: tuple[float, float, float]
    slices: NDArray[np.int64]
    give_pool: bool = False


def scaled(image: Image) -> Image:
    """Return an image with the 1st percentile at 0 and the 99th at 1."""
    low, high = np.percentile(image, [1, 99])
    return np.asarray((image - low) / max(high - low, 1e-6), np.float32)


# What the scanner does


def _noise(share: float) -> Disturb:
    """Rician noise, its deviation a share of the grey range."""

    def disturb(stack: Disturbed, rng: np.random.Generator) -> Disturbed:
        noise = RandRicianNoise(prob=1.0, std=share, sample_std=False)
        noise.set_random_state(int(rng.integers(2**31)))
        return replace(stack, image=_plain(noise(scaled(stack.image).clip(0))))

    return disturb


def _bias(strength: float) -> Disturb:
    """A smooth field of coil sensitivity, of polynomials up to degree 3."""

    def disturb(stack: Disturbed, rng: np.random.Generator) -> Disturbed:
        field = RandBiasField(prob=1.0, degree=3, coeff_range=(-strength, strength))
        field.set_random_state(int(rng.integers(2**31)))
        # MONAI takes a channel first.
        return replace(stack, image=_plain(field(scaled(stack.image).clip(0)[None]))[0])

    return disturb


def _gamma(gamma: float) -> Disturb:
    return lambda stack, rng: replace(stack, image=_plain(AdjustContrast(gamma)(scaled(stack.image).clip(0, 1))))


def _inverted(stack: Disturbed, rng: np.random.Generator) -> Disturbed:
    return replace(stack, image=1 - scaled(stack.image))


def _gibbs(stack: Disturbed, rng: np.random.Generator) -> Disturbed:
    """Ringing of a k-space truncated at two thirds, slice by slice."""
    ring = GibbsNoise(alpha=0.5)
    return replace(stack, image=np.stack([_plain(ring(piece[None]))[0] for piece in scaled(stack.image)]))


def _ghosts(strength: float) -> Disturb:
    """Motion between excitations: every fourth line of k-space is weaker, which folds ghosts along the rows."""

    def disturb(stack: Disturbed, rng: np.random.Generator) -> Disturbed:
        lines = np.fft.fftshift(np.fft.fft2(scaled(stack.image)), axes=(1, 2))
        middle = lines.shape[1] // 2
        weight = np.ones(lines.shape[1])
        weight[int(rng.integers(4)) :: 4] = 1 - strength
        weight[middle - 1 : middle + 2] = 1  # the mean brightness stays
        ghosted = np.fft.ifft2(np.fft.ifftshift(lines * weight[None, :, None], axes=(1, 2)))
        return replace(stack, image=np.abs(ghosted).astype(np.float32))

    return disturb


def _missing(stack: Disturbed, rng: np.random.Generator) -> Disturbed:
    """No image: one grey everywhere. A single pixel in a corner differs, since a constant image is refused."""
    image = np.zeros_like(stack.image)
    image[0, 0, 0] = 1
    return replace(stack, image=image)


def _another_slice(stack: Disturbed, rng: np.random.Generator) -> Disturbed:
    return replace(stack, image=np.roll(stack.image, max(1, len(stack.image) // 2), axis=0))


# Another orientation or grid


def _everything(stack: Disturbed, change: Callable[[NDArray], NDArray]) -> Disturbed:
    image, wall, pool, truth = (
        np.ascontiguousarray(change(values)) for values in (stack.image, stack.wall, stack.pool, stack.truth)
    )
    return replace(stack, image=image, wall=wall, pool=pool, truth=truth)


def _rotated(stack: Disturbed, rng: np.random.Generator) -> Disturbed:
    k, j, i = stack.spacing
    return replace(_everything(stack, lambda values: np.rot90(values, axes=(1, 2))), spacing=(k, i, j))


def _flipped(axis: int) -> Disturb:
    def disturb(stack: Disturbed, rng: np.random.Generator) -> Disturbed:
        turned = _everything(stack, lambda values: np.flip(values, axis))
        return replace(turned, slices=stack.slices[::-1]) if axis == 0 else turned

    return disturb


def _resampled(spacing_mm: float) -> Disturb:
    """Another pixel spacing in the plane, smoothed first where it is coarser."""

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
        return replace(_everything(stack, resample), spacing=(stack.spacing[0], in_plane[0], in_plane[1]))

    return disturb


def _slice_spacing(mm: float) -> Disturb:
    """Another slice spacing in the header; the slices stay as they are."""
    return lambda stack, rng: replace(stack, spacing=(mm, *stack.spacing[1:]))


def _every_second(stack: Disturbed, rng: np.random.Generator) -> Disturbed:
    thinned = _everything(stack, lambda values: values[::2])
    return replace(thinned, slices=stack.slices[::2], spacing=(2 * stack.spacing[0], *stack.spacing[1:]))


# Another mask


def _masks(change: Callable[[Mask, Disturbed, np.random.Generator], Mask]) -> Disturb:
    def disturb(stack: Disturbed, rng: np.random.Generator) -> Disturbed:
        state = rng.bit_generator.state
        wall = change(stack.wall, stack, rng)
        rng.bit_generator.state = state  # wall and pool are shifted alike
        pool = change(stack.pool, stack, rng)
        return replace(stack, wall=wall, pool=np.asarray(pool & (1 - wall), np.uint8))

    return disturb


def _jagged(mask: Mask, stack: Disturbed, rng: np.random.Generator) -> Mask:
    """A third of the pixels on either side of the edge change sides."""
    square = np.ones((1, 3, 3), bool)
    edge = ndimage.binary_dilation(mask, square) & ~ndimage.binary_erosion(mask, square)
    return np.asarray(mask ^ (edge & (rng.random(mask.shape) < 1 / 3)), np.uint8)


def _coarse(factor: int) -> Callable[[Mask, Disturbed, np.random.Generator], Mask]:
    """Every ``factor``-th pixel, blown up again."""

    def change(mask: Mask, stack: Disturbed, rng: np.random.Generator) -> Mask:
        few = mask[:, factor // 2 :: factor, factor // 2 :: factor]
        blown = few.repeat(factor, axis=1).repeat(factor, axis=2)
        result = np.zeros_like(mask)
        rows, columns = (min(a, b) for a, b in zip(mask.shape[1:], blown.shape[1:], strict=True))
        result[:, :rows, :columns] = blown[:, :rows, :columns]
        return result

    return change


def _smooth(mask: Mask, stack: Disturbed, rng: np.random.Generator) -> Mask:
    """Rounded off over 2 mm."""
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
"""By group and name. ACDC's pixels lie about 1.5 mm, its slices 5 to 10 mm apart; its masks are given without pool."""


def _plain(values: object) -> Image:
    """Turn MONAI's tensors into arrays."""
    return np.asarray(values, np.float32)
