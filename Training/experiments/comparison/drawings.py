"""Plots of the comparison: masks of each method, and learning curves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from .compare import INPUT, Comparison
from .triplets import Triplets

EXAMPLES = 8
MARKERS = "D^sv"
RIGHT, MISSED, FALSE = (0.93, 0.93, 0.90), (0.20, 0.55, 0.95), (0.95, 0.45, 0.10)
"""Colour-blind safe colours of true positives, false negatives and false positives."""


def draw_examples(comparison: Comparison, triplets: Triplets, path: Path) -> None:
    """Draw evenly spaced pictures from the least to the most damaged one, with the masks of every method."""
    rows = comparison.rows
    damaged = rows[rows.method == INPUT].sort_values("dice", ascending=False).picture.to_numpy()
    chosen = damaged[np.linspace(0, len(damaged) - 1, min(EXAMPLES, len(damaged))).round().astype(int)]
    repaired = [name for name in comparison.masks if name != INPUT]
    titles = ["image", "damaged mask", *repaired, "truth"]
    figure = Figure(figsize=(1.45 * len(chosen) + 1.6, 1.45 * len(titles) + 0.7), layout="constrained")
    axes = figure.subplots(len(titles), len(chosen), squeeze=False)
    for column, n in enumerate(chosen):
        truth = triplets.labels[n] > 0.5
        shown = [triplets.images[n], triplets.states[n], *(comparison.masks[name][n] for name in repaired), truth]
        for row, (title, picture) in enumerate(zip(titles, shown, strict=True)):
            ax: Axes = axes[row, column]
            ax.set_xticks([])
            ax.set_yticks([])
            if title in repaired:
                ax.imshow(_against(picture, truth))
                found = rows[(rows.method == title) & (rows.picture == n)].iloc[0]
                ax.set_xlabel(f"Dice {found.dice:.3f}{'' if found.ring else ', no ring'}", fontsize=8)
            else:
                ax.imshow(picture, cmap="gray", vmin=0, vmax=1)
            if column == 0:
                ax.set_ylabel(title.replace(", ", ",\n"), fontsize=9)
    figure.legend(
        handles=[
            Patch(facecolor=colour, edgecolor="0.5", label=name)
            for colour, name in ((RIGHT, "correct"), (MISSED, "missing"), (FALSE, "false positive"))
        ],
        loc="outside lower center",
        ncols=3,
        frameon=False,
        fontsize=9,
    )
    figure.savefig(path, dpi=130)


def draw_curves(log: pd.DataFrame, table: pd.DataFrame, path: Path) -> None:
    """Draw the learning curve of the published recipe, and the results of the other methods.

    Args:
        log: Log of :class:`experiments.comparison.released.training.PublishedTraining`, one row per epoch.
        table: Table of :class:`Comparison`.
        path: Output PNG.
    """
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    ours = table[(table["training s"] > 0) & ~table.method.str.startswith("published")]
    for ax, (name, title) in zip(figure.subplots(1, 3), _CURVES.items(), strict=True):
        ax.plot(log.cpu_seconds / 60, log[name], color="0.45", marker="o", markersize=3, label="published recipe")
        for number, line in enumerate(ours.to_dict("records")):
            low, high = line[name] - line[f"{name} low"], line[f"{name} high"] - line[name]
            style = {"fmt": MARKERS[number % len(MARKERS)], "markersize": 7, "capsize": 3, "label": line["method"]}
            ax.errorbar(line["training s"] / 60, line[name], yerr=[[low], [high]], **style)
        ax.set_title(title, fontsize=10)
        ax.set_xlabel("training, minutes of one processor core")
        ax.set_xlim(left=0)
        ax.grid(alpha=0.3)
    figure.axes[0].set_yscale("log")
    figure.axes[-1].legend(fontsize=8, loc="lower right")
    figure.savefig(path, dpi=130)


_CURVES = {"mse": "squared error (lower is better)", "dice": "Dice", "ring": "share of closed rings"}


def _against(mask: NDArray[np.bool_], truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    picture = np.full((*mask.shape, 3), 0.08)
    picture[mask & truth], picture[truth & ~mask], picture[mask & ~truth] = RIGHT, MISSED, FALSE
    return picture
