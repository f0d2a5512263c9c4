"""Plots of the experiments, each from a table of a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from rncarefine_training.evaluate.plots.style import GREY, MARKERS, colours, new_figure, percent, save, style

from ..robustness import UNDISTURBED


def draw_all(run: Path, steps: dict[str, int], folder: Path) -> list[Path]:
    """Draw all plots for which a run has tables.

    Args:
        run: Folder of the run.
        steps: Number of steps at inference, by model.
        folder: Output folder.

    Returns:
        The files.
    """
    horizons, robust = _tables(run, "horizon"), _tables(run, "robustness")
    with style():
        figures = {f"robustness-{model}": draw_robustness(table, model) for model, table in robust.items()}
        if horizons:
            figures["horizon"] = draw_horizon(horizons, steps)
        if (run / "ablation.csv").exists():
            figures["ablation"] = draw_ablation(pd.read_csv(run / "ablation.csv"))
        return [path for name, figure in figures.items() for path in save(figure, folder, name)]


def _tables(run: Path, kind: str) -> dict[str, pd.DataFrame]:
    """Return the tables of an experiment, by model."""
    paths = sorted(path for path in run.glob(f"{kind}-*.csv") if not path.stem.endswith("-slices"))
    return {path.stem.removeprefix(f"{kind}-"): pd.read_csv(path) for path in paths}


def draw_horizon(tables: dict[str, pd.DataFrame], steps: dict[str, int]) -> Figure:
    """Draw closed rings (dashed: before the read-out), Dice and area over the steps of long rollouts.

    Args:
        tables: From :func:`experiments.horizon.summarise`, by model.
        steps: Number of steps at inference, by model.
    """
    figure = new_figure(2.9)
    panels = figure.subplots(1, 3)
    titles = (
        ("ring", "Closed rings"),
        ("dice", "Dice"),
        ("area", "Area, over the true wall's"),
    )
    shade = colours(list(tables))
    for axes, (measure, title) in zip(panels, titles, strict=True):
        for number, (model, table) in enumerate(tables.items()):
            colour = shade[model]
            axes.fill_between(
                table.steps, table[f"{measure} low"], table[f"{measure} high"], color=colour, alpha=0.15, linewidth=0
            )
            for edge in ("least", "most"):
                axes.plot(table.steps, table[f"{measure} {edge}"], color=colour, linewidth=0.7, alpha=0.6)
            axes.plot(table.steps, table[measure], color=colour, marker=MARKERS[number % len(MARKERS)], label=model)
            if measure == "ring":
                axes.plot(table.steps, table.bare, color=colour, linestyle="--", marker=MARKERS[number % len(MARKERS)])
            if model in steps:
                axes.axvline(steps[model], color=colour, linewidth=0.9, linestyle=":")
        axes.set_xscale("symlog", base=2, linthresh=2, linscale=0.7)
        ticks = sorted({step for table in tables.values() for step in table.steps if step in (0, 4, 16, 64, 256)})
        axes.set_xticks(ticks, [str(step) for step in ticks])
        axes.xaxis.set_minor_locator(NullLocator())
        last = max(int(table.steps.max()) for table in tables.values())
        axes.set(title=title, xlabel="steps", xlim=(-0.5, 1.3 * last))
    percent(panels[0])
    panels[0].set_xlabel("steps (dashed: before the read-out)")
    for axes, least, most in ((panels[0], 0.0, 1.0), (panels[1], 0.0, 1.0), (panels[2], 0.5, 1.5)):
        _at_least(axes, 0.08, least, most)
    panels[2].axhline(1, color=GREY, linewidth=0.8)
    if len(tables) > 1:
        panels[0].legend(loc="lower left")
    return figure


def _at_least(axes: Axes, span: float, least: float, most: float) -> None:
    """Set the limits of a vertical axis to a range of at least ``span``."""
    low, high = axes.get_ylim()
    if high - low < span:
        middle = (low + high) / 2
        low, high = middle - span / 2, middle + span / 2
    if high > most + 0.02 and most == 1.0:
        low, high = low - (high - most - 0.02), most + 0.02
    axes.set_ylim(max(low, least - 0.02) if least == 0.0 else low, high)


def draw_robustness(table: pd.DataFrame, model: str) -> Figure:
    """Draw the change of Dice by disturbance, from :func:`experiments.robustness.summarise`."""
    table = table[table.disturbance != UNDISTURBED]
    table = table.assign(over=-table["lost"], **{"over low": -table["lost high"], "over high": -table["lost low"]})
    return draw_forest(table, "disturbance", f"{model}: Dice of disturbed stacks against the same undisturbed", "group")


def draw_ablation(table: pd.DataFrame) -> Figure:
    """Draw the effect of each part, from :func:`experiments.ablation.summarise`."""
    compared = table[table["over"].notna()] if "over" in table else table.iloc[:0]
    return draw_forest(compared, "variation", "Dice of the automaton alone against the full design")


def draw_forest(table: pd.DataFrame, name: str, title: str, group: str | None = None) -> Figure:
    """Draw a forest plot of differences of Dice, from the columns ``over``, ``over low`` and ``over high``.

    Args:
        table: Lines from top to bottom.
        name: Column of the names.
        title: Title of the plot.
        group: Column of the colour.
    """
    figure = new_figure(0.7 + 0.235 * len(table))
    axes = figure.subplots()
    groups = list(table[group].unique()) if group else [""]
    shade = colours([str(each) for each in groups])
    at = np.arange(len(table))[::-1]
    for each in groups:
        chosen = (table[group] == each).to_numpy() if group else np.ones(len(table), bool)
        part = table[chosen]
        spread = [(part["over"] - part["over low"]).clip(lower=0), (part["over high"] - part["over"]).clip(lower=0)]
        axes.errorbar(part["over"], at[chosen], xerr=spread, color=shade[str(each)], label=each, fmt="o")
    axes.axvline(0, color=GREY, linewidth=1)
    axes.set_yticks(at, table[name])
    axes.grid(False, axis="y")
    axes.set(title=title, xlabel="difference of Dice (95 % interval over subjects)", ylim=(-0.7, len(table) - 0.3))
    if group:
        axes.legend(loc="best")
    return figure
