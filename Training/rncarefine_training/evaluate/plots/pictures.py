"""Film strips of rollouts, and galleries of repairs with the truth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rncarefine.anatomy.heart import locate_heart
from rncarefine.anatomy.topology import betti_2d
from rncarefine.io.choice import StructureChoice
from rncarefine.io.files import read_case, read_pair
from rncarefine.io.sample import MYOCARDIUM, sample_files
from rncarefine.nca.model import Model
from rncarefine.refine.metrics import dice
from rncarefine.refine.proposals import propose_around
from rncarefine.refine.repair import RepairOptions, repair
from rncarefine.stack import Mask, Stack
from rncarefine.tasks.ring.readout import read_wall

from ..measure import Failure, near_the_heart
from .style import GREEN, ORANGE, SKY, WIDTH, new_figure

SNAPSHOTS = (0, 2, 4, 8, 16, 24)
"""Steps of a film strip."""
MARGIN_MM = 14.0
RING_MAP = LinearSegmentedColormap.from_list("ring", [(0.9, 0.62, 0.0, 0.0), (0.9, 0.62, 0.0, 0.85)])
"""Orange, with opacity proportional to the state."""

Window = tuple[slice, slice]


@dataclass(frozen=True, eq=False)
class Shown:
    """Stack to draw with its broken mask, and the true wall, shape ``(k, j, i)``."""

    stack: Stack
    truth: Mask

    def broken(self) -> list[int]:
        """Return the non-empty slices whose true wall is a ring and whose mask is not."""
        return [
            k
            for k, (wall, truth) in enumerate(zip(self.stack.mask, self.truth, strict=True))
            if wall.any() and betti_2d(wall) != (1, 1) and betti_2d(truth) == (1, 1)
        ]


def sample_stack() -> Shown:
    """Return the bundled Sunnybrook stack (CC0), whose pictures may be published."""
    sample, wall = sample_files(), StructureChoice(segment=MYOCARDIUM)
    case = read_case(sample.image, sample.broken, wall)
    truth = read_pair(sample.broken, sample.truth, wall, wall).truth
    return Shown(replace(case.stack, pool=None), truth)


def broken_stacks(failures: Iterable[Failure], most: int) -> list[Shown]:
    """Return up to ``most`` stacks of a run with a broken slice near the heart.

    The terms of the data also apply to their pictures.

    Raises:
        ValueError: There are no such stacks.
    """
    shown: list[Shown] = []
    for failure in failures:
        if len(shown) == most:
            break
        given = failure.load()
        if given.stack.mask.any():
            found = Shown(given.stack, given.truth)
            near = near_the_heart(found.stack)
            if any(near.mask[k].any() for k in found.broken()):
                shown.append(found)
    if not shown:
        raise ValueError("The networks broke no slice of the validation set: there is nothing to draw.")
    return shown


def draw_film_strip(shown: Shown, model: Model, rows: int = 3, steps: Sequence[int] = SNAPSHOTS) -> Figure:
    """Draw the ring channel over the image at several steps, for the broken slices with the lowest Dice.

    Args:
        shown: Stack to draw.
        model: Model.
        rows: Number of slices.
        steps: Steps to draw; 0 is the evidence of the encoder.

    Raises:
        ValueError: No slice of the stack is broken.
    """
    stack = near_the_heart(shown.stack)
    wanted = [k for k in shown.broken() if stack.mask[k].any()]
    if not wanted:
        raise ValueError(f"{stack.name}: no slice is broken, there is nothing to draw.")
    had = {k: dice(stack.mask[k], shown.truth[k]) for k in wanted}
    chosen = sorted(sorted(wanted, key=lambda k: had[k])[:rows])
    heart = locate_heart(stack.mask, None, stack.in_plane)
    found = propose_around(stack, heart, wanted, model, steps=max(steps), snapshots=steps).snapshots
    window = _window(shown, chosen)
    columns = len(steps) + 1
    cell = WIDTH / columns
    figure = new_figure(cell * len(chosen) * _aspect(window, stack) + 0.5)
    panels = figure.subplots(len(chosen), columns, squeeze=False)
    for line, k in zip(panels, chosen, strict=True):
        for axes, step in zip(line, steps, strict=False):
            fields = found[step][k]
            _image(axes, stack, k, window)
            aspect = stack.in_plane[0] / stack.in_plane[1]
            axes.imshow(fields[0][window], cmap=RING_MAP, vmin=0, vmax=1, aspect=aspect)
            wall = read_wall(fields)
            if wall is not None:
                _contour(axes, wall[window], stack, SKY)
        _image(axes := line[-1], stack, k, window)
        last = read_wall(found[steps[-1]][k])
        if last is not None:
            _contour(axes, last[window], stack, SKY)
        _contour(axes, shown.truth[k][window], stack, GREEN)
        line[0].set_ylabel(f"slice {k + 1}", fontsize=8)
    for axes, step in zip(panels[0], steps, strict=False):
        axes.set_title("evidence" if step == 0 else f"step {step}", loc="center", fontsize=8.5)
    panels[0][-1].set_title("end and truth", loc="center", fontsize=8.5)
    lines = [
        Line2D([], [], color=ORANGE, linewidth=6, alpha=0.8, label="state of the ring channel"),
        Line2D([], [], color=SKY, label="wall read from the state"),
        Line2D([], [], color=GREEN, label="true wall"),
    ]
    figure.legend(handles=lines, loc="outside lower center", ncols=3)
    return figure


def draw_gallery(stacks: Iterable[Shown], model: Model) -> Figure:
    """Draw the worst, median and best repair by Dice: image, mask before and after, with the true contour.

    Raises:
        ValueError: No slice of the stacks is broken.
    """
    scored: list[tuple[float, Shown, int, Mask]] = []
    for shown in stacks:
        broken = shown.broken()
        after = repair(shown.stack, model, RepairOptions(close_base=True)).wall if broken else shown.stack.mask
        scored += [(dice(after[k], shown.truth[k]), shown, k, after[k]) for k in broken]
    if not scored:
        raise ValueError("No slice of these stacks is broken, there is nothing to draw.")
    scored.sort(key=lambda entry: entry[0])
    chosen = {"worst": scored[0], "median": scored[len(scored) // 2], "best": scored[-1]}
    windows = [_window(shown, [k]) for _, shown, k, _ in chosen.values()]
    tallest = max(_aspect(window, entry[1].stack) for window, entry in zip(windows, chosen.values(), strict=True))
    figure = new_figure(6.6 / 3 * len(chosen) * tallest + 0.9, 6.6)
    panels = figure.subplots(len(chosen), 3, squeeze=False)
    for line, window, (name, (after_dice, shown, k, wall)) in zip(panels, windows, chosen.items(), strict=True):
        before = shown.stack.mask[k]
        for axes, mask, colour in zip(line, (None, before, wall), (SKY, SKY, ORANGE), strict=True):
            _image(axes, shown.stack, k, window)
            if mask is not None:
                _fill(axes, mask[window], shown.stack, colour)
            _contour(axes, shown.truth[k][window], shown.stack, GREEN)
        line[0].set_ylabel(name, fontsize=9.5, fontweight="bold")
        line[1].set_title(f"before: Dice {dice(before, shown.truth[k]):.2f}", loc="center")
        line[2].set_title(f"after: Dice {after_dice:.2f}", loc="center")
    panels[0][0].set_title("image", loc="center")
    lines = [
        Line2D([], [], color=SKY, linewidth=6, alpha=0.7, label="broken mask"),
        Line2D([], [], color=ORANGE, linewidth=6, alpha=0.7, label="repaired"),
        Line2D([], [], color=GREEN, label="true wall"),
    ]
    figure.legend(handles=lines, loc="outside lower center", ncols=3)
    return figure


def _window(shown: Shown, slices: list[int]) -> Window:
    """Return a square window around the true walls of slices, with a margin of :data:`MARGIN_MM`."""
    rows, columns = np.nonzero(shown.truth[slices].any(axis=0))
    middle = (rows.min() + rows.max()) / 2, (columns.min() + columns.max()) / 2
    spacing = shown.stack.in_plane
    reach = max(np.ptp(rows) * spacing[0], np.ptp(columns) * spacing[1]) / 2 + MARGIN_MM
    edges = []
    for centre, mm, size in zip(middle, spacing, shown.truth.shape[1:], strict=True):
        half = reach / mm
        edges.append(slice(max(0, round(centre - half)), min(size, round(centre + half) + 1)))
    return edges[0], edges[1]


def _aspect(window: Window, stack: Stack) -> float:
    """Return the ratio of height to width of a window in mm."""
    rows, columns = (part.stop - part.start for part in window)
    return float(rows * stack.in_plane[0] / (columns * stack.in_plane[1]))


def _image(axes: Axes, stack: Stack, k: int, window: Window) -> None:
    low, high = np.percentile(stack.image[(slice(None), *window)], (1, 99.5))
    axes.imshow(
        stack.image[k][window],
        cmap="gray",
        vmin=low,
        vmax=high,
        aspect=stack.in_plane[0] / stack.in_plane[1],
        interpolation="bilinear",
    )
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _fill(axes: Axes, mask: Mask, stack: Stack, colour: str) -> None:
    aspect = stack.in_plane[0] / stack.in_plane[1]
    axes.imshow(mask, cmap=ListedColormap([colour]), alpha=0.55 * mask, aspect=aspect, interpolation="nearest")


def _contour(axes: Axes, mask: Mask, stack: Stack, colour: str) -> None:
    axes.contour(mask.astype(float), [0.5], colors=[colour], linewidths=1.3)
