"""Augmentation of batches of tensors, axes ``(n, channel, j, i)``: geometry and contrast."""

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
    """Rotate, scale, shear, shift, bend and flip each item, all its channels alike, by bilinear interpolation.

    Args:
        batch: Shape ``(n, channel, j, i)``.
        generator: Source of randomness.
        rotation_deg: Largest rotation either way.
        scale: Largest scale factor either way minus one (0.2: from 1/1.2 to 1.2).
        shear: Largest shear.
        shift: Largest shift as a fraction of the size.
        elastic: Standard deviation of a smooth displacement, as a fraction of the size.
        flip: Mirror half of the items.
        size: Rows and columns to return, cut from the middle of square items; all by default.
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


def random_contrast(image: Tensor, generator: torch.Generator, strength: float) -> Tensor:
    """Change the contrast: gamma, intensity curve, bias field, blur, noise; a few images are inverted.

    Args:
        image: Shape ``(n, k, j, i)``, intensities scaled to about 0 to 1; the k slices of a stack change alike.
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
    # A smooth, not always monotonic intensity curve: what is bright here can be grey in another sequence.
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
