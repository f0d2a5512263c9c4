"""Spatial and intensity augmentation of batches, axes ``(n, channel, j, i)``."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def random_affine(
    batch: Tensor,
    generator: torch.Generator,
    *,
    rotation_deg: float,
    scale: float,
    shear: float,
    shift: float,
    elastic: float = 0.0,
    flip: bool = True,
    size: int | None = None,
) -> Tensor:
    """Apply a random affine and elastic transform to each item, the same for all channels; bilinear interpolation.

    Args:
        batch: Shape ``(n, channel, j, i)``.
        generator: Source of randomness.
        rotation_deg: Maximum rotation in either direction.
        scale: Maximum scale factor minus one (0.2: from 1/1.2 to 1.2).
        shear: Maximum shear.
        shift: Maximum shift as a fraction of the size.
        elastic: Standard deviation of a smooth displacement, as a fraction of half the size.
        flip: Mirror items with probability 0.5.
        size: Rows and columns of the result, a centre crop of square items; the whole item by default.
    """
    n = batch.shape[0]

    def uniform(limit: float) -> Tensor:
        return (torch.rand(n, generator=generator) * 2 - 1) * limit

    angle = uniform(math.radians(rotation_deg))
    zoom_j, zoom_i = torch.exp(uniform(math.log1p(scale))), torch.exp(uniform(math.log1p(scale) * 0.3))
    mirror = torch.where(torch.rand(n, generator=generator) < 0.5, -1.0, 1.0) if flip else torch.ones(n)
    slant = uniform(shear)
    cos, sin = torch.cos(angle), torch.sin(angle)
    matrix = torch.zeros(n, 2, 3)
    matrix[:, 0, 0], matrix[:, 0, 1] = cos * zoom_j * zoom_i * mirror, -sin * zoom_j + slant
    matrix[:, 1, 0], matrix[:, 1, 1] = sin * zoom_j * zoom_i * mirror, cos * zoom_j
    matrix[:, 0, 2], matrix[:, 1, 2] = uniform(shift * 2), uniform(shift * 2)
    rows, columns = (size, size) if size else batch.shape[2:]
    matrix[:, :, :2] *= rows / batch.shape[2]
    grid = F.affine_grid(matrix, [n, 1, rows, columns], align_corners=False)
    if elastic > 0:
        coarse = torch.randn(n, 2, 5, 5, generator=generator) * elastic
        grid = grid + F.interpolate(coarse, (rows, columns), mode="bicubic", align_corners=False).permute(0, 2, 3, 1)
    return F.grid_sample(batch, grid, align_corners=False, padding_mode="zeros")


def inflate(batch: Tensor, centre: tuple[float, float], factor: float, reach: float) -> Tensor:
    """Inflate or shrink the neighbourhood of a point; pixels beyond ``reach`` are unchanged.

    Args:
        batch: Shape ``(n, channel, j, i)``.
        centre: Point, ``(j, i)`` in pixels.
        factor: Scale factor at the centre, above 2/3 so that the transform does not fold.
        reach: Radius in pixels.
    """
    rows, columns = batch.shape[2:]
    j, i = torch.arange(rows) - centre[0], torch.arange(columns) - centre[1]
    along = ((j[:, None].square() + i.square()).sqrt() / reach).clamp_max(1)
    # Ratio of source to target radius: 1 / factor at the centre, 1 at the rim.
    nearer = 1 / factor + (1 - 1 / factor) * along.square()
    source_j, source_i = centre[0] + j[:, None] * nearer, centre[1] + i * nearer
    grid = torch.stack([(2 * source_i + 1) / columns - 1, (2 * source_j + 1) / rows - 1], -1)
    return F.grid_sample(batch, grid.expand(len(batch), -1, -1, -1), align_corners=False, padding_mode="border")


def random_contrast(image: Tensor, generator: torch.Generator, strength: float) -> Tensor:
    """Change gamma, intensity curve, bias field, blur and noise at random; invert a few images.

    Args:
        image: Shape ``(n, k, j, i)``, intensities scaled to about 0 to 1; the k slices of a stack are changed alike.
        generator: Source of randomness.
        strength: 0 leaves the image as it is, 1 covers other scanners and sequences.
    """
    n = image.shape[0]

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(n, 1, 1, 1, generator=generator) * (high - low) + low

    def chance(probability: float) -> Tensor:
        return torch.rand(n, 1, 1, 1, generator=generator) < probability

    unit = image.clamp(0, 1.5)
    gamma = torch.exp(uniform(-0.6, 0.6) * strength)
    result = unit.clamp_min(1e-4) ** gamma
    # Smooth, not always monotonic intensity curve: imitates other sequences.
    wave = uniform(-0.25, 0.25) * torch.sin(result * math.pi * uniform(0.5, 2.0) + uniform(0, 6.3))
    result = torch.where(chance(0.4 * strength), result + wave, result)
    result = torch.where(chance(0.12 * strength), 1.0 - result, result)
    field = torch.randn(n, 1, 3, 3, generator=generator) * 0.25 * strength
    result = result * torch.exp(F.interpolate(field, image.shape[2:], mode="bicubic", align_corners=False))
    coarse = F.interpolate(
        F.avg_pool2d(result, 2, ceil_mode=True), image.shape[2:], mode="bilinear", align_corners=False
    )
    result = torch.where(chance(0.25 * strength), coarse, result)
    noise = torch.randn(image.shape, generator=generator) * uniform(0, 0.08) * strength
    return (result + noise) * (1 + uniform(-0.25, 0.25) * strength) + uniform(-0.1, 0.1) * strength


def random_photograph(grey: Tensor, field_of_view: Tensor, generator: torch.Generator, strength: float) -> Tensor:
    """Change illumination, contrast, focus and noise of a flattened photograph, and add bright or dark spots.

    Args:
        grey: Image of mean 0 and standard deviation 1, shape ``(n, 1, j, i)``.
        field_of_view: Mask of the field of view, same shape; the result is 0 elsewhere.
        generator: Source of randomness.
        strength: 0 leaves the picture as it is, 1 covers other cameras.

    Returns:
        Image of mean 0 in the field of view and standard deviation 1 times a random factor.
    """
    n, _, rows, columns = grey.shape

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(n, 1, 1, 1, generator=generator) * (high - low) + low

    def smooth(cells: int) -> Tensor:
        field = torch.randn(n, 1, cells, cells, generator=generator)
        return F.interpolate(field, (rows, columns), mode="bicubic", align_corners=False)

    # Defocus or sharpening.
    blurred = F.avg_pool2d(F.avg_pool2d(grey, 3, 1, 1, count_include_pad=False), 3, 1, 1, count_include_pad=False)
    result = grey + uniform(-0.8, 1.0) * strength * (blurred - grey)
    # Locally varying contrast, and brightness that flattening leaves.
    result = result.sign() * result.abs().clamp_min(1e-4) ** torch.exp(uniform(-0.4, 0.4) * strength)
    result = result * torch.exp(0.5 * strength * smooth(4)) + 0.5 * strength * smooth(5)
    # Haemorrhages and exudates.
    for _ in range(3):
        j, i = uniform(0, rows), uniform(0, columns)
        away = (torch.arange(rows)[:, None] - j).square() + (torch.arange(columns) - i).square()
        spot = torch.exp(-away / (2 * uniform(2, 9).square()))
        there = (torch.rand(n, 1, 1, 1, generator=generator) < 0.3 * strength).float()
        result = result + there * uniform(-3, 3) * spot
    coarse = F.interpolate(
        torch.randn(n, 1, (rows + 1) // 2, (columns + 1) // 2, generator=generator),
        (rows, columns),
        mode="bilinear",
        align_corners=False,
    )
    result = result + uniform(0, 0.6) * strength * torch.randn(grey.shape, generator=generator)
    result = result + uniform(0, 0.6) * strength * coarse
    inside = field_of_view.sum((1, 2, 3), keepdim=True).clamp_min(1)
    mean = (result * field_of_view).sum((1, 2, 3), keepdim=True) / inside
    centred = (result - mean) * field_of_view
    spread = (centred.square().sum((1, 2, 3), keepdim=True) / inside).sqrt().clamp_min(0.1)
    return centred / spread * torch.exp(uniform(-0.3, 0.3) * strength)
