"""Automaton of the recipe published with rNCA (arXiv 2512.13397), for comparison.

Reimplemented from a description of the released code (JAX), including its peculiarities: the update adds one number to
all 16 channels of the state, the background is seeded at the alive threshold, and inference takes 255 steps after
training with at most 63. :func:`roll_out_literally` follows the code. :func:`roll_out` computes the same function and
gradients, up to rounding, many times faster:

- channels 0 to 14 are always equal, so one channel with the sum of their weights is sufficient;
- the condition (a convolution of the image, then half of a 1 x 1 convolution) is linear: nine pixels and one matrix;
- updates are computed only for cells that are alive and not dropped out;
- a sample needs no steps after that of its loss.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Recipe:
    """Published settings."""

    channels: int = 16
    hidden: int = 128
    dropout: float = 0.5
    alive: float = 0.1
    """Alive threshold: cells without a higher value in their 3 x 3 neighbourhood are zeroed; also of masks."""
    pool: int = 256
    batch: int = 16
    seeded: int = 2
    """Fresh samples per update; the others are drawn from the replay buffer."""
    steps: int = 64
    """The loss is computed at a random step from half of this on."""
    learning_rate: float = 1e-4
    clip: float = 1.0
    updates_per_epoch: int = 512
    epochs: int = 30

    @property
    def updates(self) -> int:
        """Total number of updates."""
        return self.updates_per_epoch * self.epochs


PUBLISHED = Recipe()


class PublishedAutomaton(nn.Module):
    """Parameters of the released automaton."""

    filters: Tensor

    def __init__(self, seed: int, recipe: Recipe = PUBLISHED) -> None:
        super().__init__()
        self.recipe = recipe
        signal = 3 * recipe.channels
        self.embed = nn.Conv2d(1, signal, 3, padding=1, bias=False)
        self.hidden = nn.Conv2d(2 * signal, recipe.hidden, 1)
        self.update = nn.Conv2d(recipe.hidden, 1, 1)
        self.register_buffer("filters", _perception())
        draws = torch.Generator().manual_seed(seed)
        for layer in (self.embed, self.hidden):
            _lecun_normal(layer.weight, draws)
        for values in (self.hidden.bias, self.update.weight, self.update.bias):
            assert values is not None
            nn.init.zeros_(values)


def seed_state(mask: Tensor, recipe: Recipe = PUBLISHED) -> Tensor:
    """Return the initial state of a rollout: the mask, clipped to the alive threshold.

    Args:
        mask: Soft mask, 0 to 1, shape ``(n, j, i)``.
        recipe: Settings.

    Returns:
        State, shape ``(n, 2, j, i)``: channels 0 to 14, which are equal, and the mask channel.
    """
    alpha = mask.clamp(recipe.alive, 1.0)
    return torch.stack([torch.zeros_like(alpha), alpha], dim=1)


def roll_out_literally(
    model: PublishedAutomaton, state: Tensor, image: Tensor, ends: Tensor, kept: Tensor | None = None
) -> Tensor:
    """Roll out as the released code does, over all channels and cells.

    Args:
        model: Automaton.
        state: From :func:`seed_state`, shape ``(n, 2, j, i)``.
        image: Shape ``(n, j, i)``.
        ends: Number of steps of every sample, shape ``(n,)``.
        kept: Dropout mask, shape ``(steps, n, j, i)``; ``None`` disables dropout.

    Returns:
        Final states, shape ``(n, 2, j, i)``.
    """
    recipe = model.recipe
    alike = recipe.channels - 1
    cells = torch.cat([state[:, :1].expand(-1, alike, -1, -1), state[:, 1:]], dim=1)
    embedded = model.embed(image[:, None])
    filters = model.filters.repeat(recipe.channels, 1, 1)[:, None]
    reached = cells
    for number in range(int(ends.max())):
        alive = F.max_pool2d(cells[:, -1:], 3, 1, 1) > recipe.alive
        signal = F.conv2d(cells, filters, padding=1, groups=recipe.channels)
        delta = model.update(F.relu(model.hidden(torch.cat([signal, embedded], dim=1))))
        if kept is not None:
            delta = delta * kept[number][:, None] / (1 - recipe.dropout)
        cells = cells + delta
        cells = cells * (alive & (F.max_pool2d(cells[:, -1:], 3, 1, 1) > recipe.alive))
        reached = torch.where((ends == number + 1)[:, None, None, None], cells, reached)
    return torch.stack([reached[:, 0], reached[:, -1]], dim=1)


def roll_out(
    model: PublishedAutomaton, state: Tensor, image: Tensor, ends: Tensor, kept: Tensor | None = None
) -> Tensor:
    """Roll out faster than :func:`roll_out_literally`, with the same arguments and result."""
    recipe = model.recipe
    order = torch.argsort(ends, descending=True)
    cells, ends = state[order], ends[order]
    matrix, around = _folded(model), _patches(image[order])
    scale = 1.0 if kept is None else 1 / (1 - recipe.dropout)
    finished: list[Tensor] = []
    for number in range(int(ends[0])):
        active = int((ends > number).sum())
        if active < len(cells):
            finished.append(cells[active:])
            cells = cells[:active]
        fires = torch.ones_like(cells[:, 0], dtype=torch.bool) if kept is None else kept[number][order[:active]]
        alive = _dilated(cells[:, 1].detach() > recipe.alive)
        before, cells = cells, cells + scale * _deltas(model, matrix, around, cells, alive & fires)
        high = cells[:, 1].detach() > recipe.alive
        isolated = alive & ~_dilated(high)
        if isolated.any():
            # The update of a dead cell can keep a neighbour alive before the cell is zeroed.
            dead = _dilated(isolated) & ~alive & fires
            with torch.no_grad():
                revived = before + scale * _deltas(model, matrix, around, before, dead)
            high |= dead & (revived[:, 1] > recipe.alive)
        cells = cells * (alive & _dilated(high))[:, None]
    ended = torch.cat([cells, *reversed(finished)])
    return ended[torch.argsort(order)]


def _deltas(model: PublishedAutomaton, matrix: Tensor, patches: Tensor, cells: Tensor, where: Tensor) -> Tensor:
    """Return the update of selected cells, 0 for all others, shape ``(n, 1, j, i)``.

    Args:
        model: Automaton.
        matrix: From :func:`_folded`.
        patches: From :func:`_patches`.
        cells: State, shape ``(n, 2, j, i)``.
        where: Selected cells, shape ``(n, j, i)``.
    """
    chosen = where.flatten().nonzero()[:, 0]
    inputs = torch.cat([_perceive(cells, chosen, model.filters), patches.index_select(0, chosen)], dim=1)
    hidden = F.relu(inputs @ matrix, inplace=True)
    assert model.update.bias is not None
    change = hidden @ model.update.weight.flatten() + model.update.bias
    return change.new_zeros(where.numel()).index_copy(0, chosen, change).view_as(cells[:, :1])


def _folded(model: PublishedAutomaton) -> Tensor:
    """Return the matrix from the inputs of a cell (6 of the state, 9 of the image, and 1) to the hidden layer."""
    recipe = model.recipe
    weights, half = model.hidden.weight.flatten(1), 3 * recipe.channels
    channels = weights[:, :half].unflatten(1, (recipe.channels, 3))
    state = channels[:, :-1].sum(1), channels[:, -1]
    assert model.hidden.bias is not None
    image = weights[:, half:] @ model.embed.weight.flatten(1), model.hidden.bias[:, None]
    return torch.cat([*state, *image], dim=1).t().contiguous()


def _perceive(cells: Tensor, chosen: Tensor, filters: Tensor) -> Tensor:
    """Return the perception of chosen cells: three filters of both channels, shape ``(chosen, 6)``."""
    height, width = cells.shape[2:]
    padded = F.pad(cells, (1, 1, 1, 1))
    area = padded[0, 0].numel()
    n, place = chosen // (height * width), chosen % (height * width)
    corner = n * 2 * area + place // width * (width + 2) + place % width
    steps = (torch.arange(3)[:, None] * (width + 2) + torch.arange(3)).flatten().to(chosen)
    seen = (corner[:, None] + steps).flatten()
    flat, kernel = padded.flatten(), filters.flatten(1).t()
    return torch.cat([flat.index_select(0, seen + channel * area).view(-1, 9) @ kernel for channel in (0, 1)], dim=1)


def _patches(image: Tensor) -> Tensor:
    """Return the zero-padded 3 x 3 patches of all pixels and a column of ones, shape ``(n * j * i, 10)``."""
    patches = F.unfold(image[:, None], 3, padding=1).transpose(1, 2).reshape(-1, 9)
    return F.pad(patches, (0, 1), value=1.0)


def _dilated(high: Tensor) -> Tensor:
    """Return a mask of shape ``(n, j, i)`` dilated by its 3 x 3 neighbourhood."""
    padded = F.pad(high, (0, 0, 1, 1))
    rows = padded[:, :-2] | padded[:, 1:-1] | padded[:, 2:]
    padded = F.pad(rows, (1, 1))
    return padded[..., :-2] | padded[..., 1:-1] | padded[..., 2:]


def _perception() -> Tensor:
    """Return identity and the two Sobel filters, of absolute sum 1, shape ``(3, 3, 3)``."""
    smooth, slope = torch.tensor([1.0, 2.0, 1.0]), torch.tensor([-1.0, 0.0, 1.0])
    identity = torch.zeros(3, 3)
    identity[1, 1] = 1
    down, across = torch.outer(slope, smooth), torch.outer(smooth, slope)
    return torch.stack([identity, down / down.abs().sum(), across / across.abs().sum()])


def _lecun_normal(weight: Tensor, draws: torch.Generator) -> None:
    """Fill with the LeCun normal initialisation of Flax (truncated normal, variance 1 / inputs)."""
    deviation = math.sqrt(1 / weight[0].numel()) / 0.87962566103423978
    with torch.no_grad():
        nn.init.trunc_normal_(weight, 0.0, deviation, -2 * deviation, 2 * deviation, generator=draws)
