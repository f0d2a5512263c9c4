"""Galleries of the worst, median and random slices of an evaluation, per base network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rncarefine.anatomy.heart import locate_heart
from rncarefine.nca.model import Model
from rncarefine.refine.options import RepairOptions
from rncarefine.refine.repair import repair
from rncarefine.stack import Mask, Stack
from rncarefine_training.evaluate.measure import FULL_REPAIR, Failure

CHOICES = ("worst", "median", "random")
HALF_MM = 60.0
"""Half the width of a picture in mm."""
COLOURS = {"input": "#e69f00", "repaired": "#56b4e9", "truth": "#009e73"}


def choose_slices(rows: pd.DataFrame, model: str, each: int) -> pd.DataFrame:
    """Choose broken slices of every network: lowest Dice, around the median, and random.

    Args:
        rows: From :func:`rncarefine_training.evaluate.measure.measure_repairs`.
        model: Name of the model.
        each: Number of slices per choice.

    Returns:
        Rows with a column ``choice`` of :data:`CHOICES`.
    """
    ours = rows[(rows.model == model) & (rows.method == FULL_REPAIR) & rows.broken]
    chosen = []
    for _, part in ours.groupby("network", sort=False):
        part = part.sort_values("dice", kind="stable")
        middle = max(0, (len(part) - each) // 2)
        at_random = part.sample(min(each, len(part)), random_state=0)
        for choice, some in zip(CHOICES, (part[:each], part[middle : middle + each], at_random), strict=True):
            chosen.append(some.assign(choice=choice))
    return pd.concat(chosen, ignore_index=True) if chosen else ours.assign(choice="")


def draw_galleries(chosen: pd.DataFrame, run: Path, model: Model, folder: Path) -> list[Path]:
    """Draw one picture per network: each column shows input and repaired wall of a slice, with the truth.

    Args:
        chosen: From :func:`choose_slices`.
        run: Folder with ``cases`` and ``predictions``, whose terms also apply to the pictures.
        model: Model.
        folder: Output folder.
    """
    repaired: dict[tuple[str, str], tuple[Stack, Mask, Mask]] = {}
    for source, name in chosen[["source", "case"]].drop_duplicates().itertuples(index=False):
        failure = Failure(run / "cases" / f"{name}.npz", run / "predictions" / source / f"{name}.npz", source)
        given = failure.load()
        wall = repair(given.stack, model, RepairOptions(close_base=True)).wall
        repaired[source, name] = given.stack, wall, given.truth
    written = []
    for network, part in chosen.groupby("network", sort=False):
        columns = int(part.groupby("choice").size().max())
        figure = Figure(figsize=(2.2 * columns, 2.45 * 2 * len(CHOICES)), layout="constrained")
        axes = figure.subplots(2 * len(CHOICES), columns, squeeze=False)
        for ax in axes.flat:
            ax.set_axis_off()
        for number, choice in enumerate(CHOICES):
            for column, row in enumerate(part[part.choice == choice].itertuples()):
                stack, wall, truth = repaired[row.source, row.case]
                title = f"{choice}: {row.case} k {row.k}\nDice {row.dice_before:.2f} → {row.dice:.2f}"
                for line, (kind, mask) in enumerate((("input", stack.mask), ("repaired", wall))):
                    ax = axes[2 * number + line, column]
                    shown = f"{row.verdict}{', flagged' if row.flagged else ''}"
                    _draw(ax, stack, truth, mask[row.k], int(row.k), kind, shown if line else title)
        path = folder / f"gallery-{model.card.name}-{network}.png"
        figure.savefig(path, dpi=80)
        written.append(path)
    return written


def _draw(ax: Axes, stack: Stack, truth: Mask, wall: Mask, k: int, kind: str, title: str) -> None:
    centre = locate_heart(truth, None, stack.in_plane).centres[k]
    low, high = np.percentile(stack.image, [1, 99])
    ax.imshow(stack.image[k], cmap="gray", vmin=low, vmax=high, aspect=stack.in_plane[0] / stack.in_plane[1])
    for mask, colour in ((truth[k], COLOURS["truth"]), (wall, COLOURS[kind])):
        if mask.any():
            ax.contour(mask, [0.5], colors=[colour], linewidths=0.9)
    half = np.array([HALF_MM, HALF_MM]) / stack.in_plane
    ax.set_xlim(centre[1] - half[1], centre[1] + half[1])
    ax.set_ylim(centre[0] + half[0], centre[0] - half[0])
    ax.set_title(title, fontsize=7)
