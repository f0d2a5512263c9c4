"""The recipe that was published with rNCA (arXiv 2512.13397), to compare with: its automaton and how it is trained.

Written from a description of the released code (JAX), defects kept: the update emits one number that is added to
all 16 channels of the state, the seed of the background lies on the threshold of life, and what is trained for at
most 63 steps is used after 255. :func:`roll_out_literally` says what the code says. :func:`roll_out` computes the same
function, and the same gradients, many times faster by algebra that changes nothing but rounding:

- channels 0 to 14 are equal at all times, so one stands for all, with the sum of their weights;
- the condition (a convolution of the image, then half of a 1 x 1 convolution) is linear: nine pixels and one matrix;
- an update counts only where a cell is alive and was not dropped out, so nothing is computed elsewhere;
- a sample whose step of the loss is behind it needs no further steps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Recipe:
    """The published settings; ``updates`` is 30 epochs of 512."""

    channels: int = 16
    hidden: int = 128
    dropout: float = 0.5
    alive: float = 0.1
    """Cells with nothing above this around them are set to zero; also the threshold of the mask."""
    pool: int = 256
    batch: int = 16
    seeded: int = 2
    """Fresh samples per update; the others continue from the replay buffer."""
    steps: int = 64
    """The loss is taken at a random step from half of this on."""
    learning_rate: float = 1e-4
    clip: float = 1.0
    updates_per_epoch: int = 512
    epochs: int = 30

    @property
    def updates(self) -> int:
        """Updates of the whole recipe."""
        return self.updates_per_epoch * self.epochs


PUBLISHED = Recipe()


class PublishedAutomaton(nn.Module):
    """The released automaton's parameters."""

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
    """Return the state that a rollout starts from: the mask, nowhere below the threshold of life.

    Args:
        mask: Soft mask from 0 to 1, shape ``(n, j, i)``.
        recipe: The recipe.

    Returns:
        Shape ``(n, 2, j, i)``: the channels 0 to 14, which are all alike, and the mask's channel.
    """
    alpha = mask.clamp(recipe.alive, 1.0)
    return torch.stack([torch.zeros_like(alpha), alpha], dim=1)


def roll_out_literally(
    model: PublishedAutomaton, state: Tensor, image: Tensor, ends: Tensor, kept: Tensor | None = None
) -> Tensor:
    """Roll out as the released code does, step by step over all channels and cells.

    Args:
        model: The automaton.
        state: From :func:`seed_state`, shape ``(n, 2, j, i)``.
        image: Shape ``(n, j, i)``.
        ends: Number of steps of every sample, shape ``(n,)``.
        kept: Cells that dropout keeps, shape ``(steps, n, j, i)``; all, unscaled, without.

    Returns:
        The state of every sample after its number of steps, shape ``(n, 2, j, i)``.
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
    """Roll out like :func:`roll_out_literally`, whose arguments see, much faster."""
    recipe = model.recipe
    order = torch.argsort(ends, descending=True)
    cells, ends = state[order], ends[order]
    matrix, around = _folded(model), _patches(image[order])
    scale = 1.0 if kept is None else 1 / (1 - recipe.dropout)
    finished: list[Tensor] = []
    for number in range(int(ends[0])):
        going = int((ends > number).sum())
        if going < len(cells):
            finished.append(cells[going:])
            cells = cells[:going]
        fires = torch.ones_like(cells[:, 0], dtype=torch.bool) if kept is None else kept[number][order[:going]]
        alive = _near(cells[:, 1].detach() > recipe.alive)
        before, cells = cells, cells + scale * _deltas(model, matrix, around, cells, alive & fires)
        high = cells[:, 1].detach() > recipe.alive
        doubtful = alive & ~_near(high)
        if doubtful.any():
            # A dead cell is zeroed after every step, but not before its update has kept a neighbour alive.
            dead = _near(doubtful) & ~alive & fires
            with torch.no_grad():
                revived = before + scale * _deltas(model, matrix, around, before, dead)
            high |= dead & (revived[:, 1] > recipe.alive)
        cells = cells * (alive & _near(high))[:, None]
    ended = torch.cat([cells, *reversed(finished)])
    return ended[torch.argsort(order)]


def _deltas(model: PublishedAutomaton, matrix: Tensor, patches: Tensor, cells: Tensor, where: Tensor) -> Tensor:
    """Return the update of some cells, shape ``(n, 1, j, i)``, and 0 for all others.

    Args:
        model: The automaton.
        matrix: From :func:`_folded`.
        patches: From :func:`_patches`.
        cells: State, shape ``(n, 2, j, i)``.
        where: Which cells, shape ``(n, j, i)``.
    """
    chosen = where.flatten().nonzero()[:, 0]
    inputs = torch.cat([_perceive(cells, chosen, model.filters), patches.index_select(0, chosen)], dim=1)
    hidden = F.relu(inputs @ matrix, inplace=True)
    assert model.update.bias is not None
    change = hidden @ model.update.weight.flatten() + model.update.bias
    return change.new_zeros(where.numel()).index_copy(0, chosen, change).view_as(cells[:, :1])


def _folded(model: PublishedAutomaton) -> Tensor:
    """Return the matrix from what a cell sees, 6 numbers of the state, 9 of the image and 1, to the hidden layer."""
    recipe = model.recipe
    weights, half = model.hidden.weight.flatten(1), 3 * recipe.channels
    channels = weights[:, :half].unflatten(1, (recipe.channels, 3))
    state = channels[:, :-1].sum(1), channels[:, -1]
    assert model.hidden.bias is not None
    image = weights[:, half:] @ model.embed.weight.flatten(1), model.hidden.bias[:, None]
    return torch.cat([*state, *image], dim=1).t().contiguous()


def _perceive(cells: Tensor, chosen: Tensor, filters: Tensor) -> Tensor:
    """Return what chosen cells see of the state: three filters of both channels, shape ``(chosen, 6)``."""
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
    """Return every cell with its eight neighbours, zero beyond the border, and a 1: ``(n * j * i, 10)``."""
    patches = F.unfold(image[:, None], 3, padding=1).transpose(1, 2).reshape(-1, 9)
    return F.pad(patches, (0, 1), value=1.0)


def _near(high: Tensor) -> Tensor:
    """Whether a cell or one of its eight neighbours is set, shape ``(n, j, i)``."""
    padded = F.pad(high, (0, 0, 1, 1))
    rows = padded[:, :-2] | padded[:, 1:-1] | padded[:, 2:]
    padded = F.pad(rows, (1, 1))
    return padded[..., :-2] | padded[..., 1:-1] | padded[..., 2:]


def _perception() -> Tensor:
    """Identity and the two Sobel filters, each of absolute sum 1, shape ``(3, 3, 3)``."""
    smooth, slope = torch.tensor([1.0, 2.0, 1.0]), torch.tensor([-1.0, 0.0, 1.0])
    identity = torch.zeros(3, 3)
    identity[1, 1] = 1
    down, across = torch.outer(slope, smooth), torch.outer(smooth, slope)
    return torch.stack([identity, down / down.abs().sum(), across / across.abs().sum()])


def _lecun_normal(weight: Tensor, draws: torch.Generator) -> None:
    """Fill with normal values, truncated at two deviations, of variance 1 / inputs, as Flax does by default."""
    deviation = math.sqrt(1 / weight[0].numel()) / 0.87962566103423978
    with torch.no_grad():
        nn.init.trunc_normal_(weight, 0.0, deviation, -2 * deviation, 2 * deviation, generator=draws)
