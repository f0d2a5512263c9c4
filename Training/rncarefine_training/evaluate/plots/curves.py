"""Plots of the tables and logs of a run."""

from __future__ import annotations

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..calibrate import GOOD_DICE
from ..confidence import BROKEN, CLOSED, GOOD
from ..measure import NO_MODEL
from ..tables import ALL
from .style import BLACK, BLUE, GREEN, GREY, MARKERS, ORANGE, colours, new_figure, percent


def draw_training(log: pd.DataFrame) -> Figure:
    """Draw loss and validation over the updates.

    Args:
        log: One line per logged value: ``name``, ``step``, ``value``.
    """
    figure = new_figure(2.9)
    left, right = figure.subplots(1, 2)
    # Lightning keeps logging the last warm-up loss after the warm-up.
    rolling = log[log.name == "loss"].step.min()
    log = log[(log.name != "loss_encoder") | ~(log.step >= rolling)]
    for name, label, colour in (("loss_encoder", "encoder alone", ORANGE), ("loss", "after the rollout", BLUE)):
        part = log[log.name == name].sort_values("step")
        if len(part):
            left.plot(part.step, part.value, color=colour, alpha=0.25, linewidth=0.9)
            left.plot(part.step, _smoothed(part.value), color=colour, label=label)
    left.set(title="Training loss", xlabel="update", ylim=(0, None))
    left.legend()
    rings, gain = (log[log.name == name].sort_values("step") for name in ("rings", "dice_gain"))
    right.plot(gain.step, gain.value, color=BLUE, marker=MARKERS[0], label="gain of Dice (left)")
    right.axhline(0, color=GREY, linewidth=0.8)
    right.set(title="Validation set, automaton alone", xlabel="update", ylabel="gain of Dice")
    if len(rings):
        shares = right.twinx()
        shares.plot(rings.step, rings.value, color=GREEN, marker=MARKERS[1], label="closed rings (right)")
        shares.set(ylim=(-0.02, 1.02), ylabel="closed rings")
        shares.grid(False)
        shares.spines["right"].set_visible(True)
        percent(shares)
        handles = [*right.get_legend_handles_labels()[0], *shares.get_legend_handles_labels()[0]]
        right.legend(handles=handles, loc="lower right")
    return figure


def _smoothed(values: pd.Series) -> pd.Series:
    return values.ewm(span=max(2, len(values) // 12)).mean()


def draw_reliability(bins: pd.DataFrame) -> Figure:
    """Draw reliability diagrams for repaired and for closed walls.

    Args:
        bins: From :func:`rncarefine_training.evaluate.confidence.curves`.
    """
    figure = new_figure(4.4)
    panels = figure.subplots(2, 2, sharex=True, sharey="row", height_ratios=(3, 1))
    titles = {BROKEN: "Repaired broken slices", CLOSED: "Closed slices, never changed"}
    for (above, below), (population, title) in zip(panels.T, titles.items(), strict=True):
        above.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--", label="perfect calibration")
        _calibration(above, below, _of(bins, population))
        above.set(title=title, ylim=(-0.02, 1.04))
        below.set(xlabel="confidence", xlim=(0, 1.02))
    panels[0][0].set_ylabel(f"slices with a Dice of at least {GOOD_DICE:g}")
    panels[1][0].set_ylabel("slices")
    percent(panels[0][0])
    handles, names = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=len(names))
    return figure


def _calibration(above: Axes, below: Axes, bins: pd.DataFrame) -> None:
    models = list(bins.model.unique())
    shade = colours(models)
    width = 0.08 / max(1, len(models))
    for number, model in enumerate(models):
        part = bins[bins.model == model]
        bounds = part.reindex(columns=["low", "high"])  # missing in tables of earlier versions
        above.errorbar(
            part.confidence,
            part.came,
            np.maximum([part.came - bounds.low, bounds.high - part.came], 0),
            color=shade[model],
            marker=MARKERS[number % len(MARKERS)],
            elinewidth=1,
            label=model,
        )
        left = (part.bin + 0.5) / 10 + (number - (len(models) - 1) / 2) * width
        below.bar(left, part.n, width=width, color=shade[model])


def _of(table: pd.DataFrame, population: str) -> pd.DataFrame:
    return table[(table.slices == population) & (table.question == GOOD)]


def draw_risk_coverage(curves: pd.DataFrame, summary: pd.DataFrame, population: str) -> Figure:
    """Draw risk-coverage curves.

    Args:
        curves: From :func:`rncarefine_training.evaluate.confidence.curves`.
        summary: From :func:`rncarefine_training.evaluate.confidence.summary`.
        population: One of :data:`rncarefine_training.evaluate.confidence.POPULATIONS`.
    """
    figure = new_figure(2.9)
    panels = figure.subplots(1, 3)
    chosen = curves[curves.slices == population]
    totals = _of(summary, population)
    models = list(chosen.model.unique())
    shade = colours(models)
    titles = (("risk", "Mean 1 - Dice"), ("poor", f"Dice below {GOOD_DICE:g}"), ("fell", "Dice fell"))
    for axes, (measure, title) in zip(panels, titles, strict=True):
        for model in models:
            part = chosen[chosen.model == model]
            area = totals[(totals.model == model) & (totals.network == ALL)].iloc[0].aurc
            axes.plot(part.coverage, part[measure], color=shade[model], label=f"{model}, AURC {area:.3f}")
            axes.axhline(part[measure].iloc[-1], color=shade[model], linewidth=0.8, linestyle=":")
        axes.set(title=title, xlabel="kept, most confident first", xlim=(0, 1), ylim=(0, None))
        percent(axes, "x")
    for axes in panels[1:]:
        percent(axes)
    panels[0].legend(loc="lower right")
    return figure


def draw_strata(table: pd.DataFrame) -> Figure:
    """Draw the gain of Dice and the share of closed rings by stratum and method.

    Args:
        table: From :func:`rncarefine_training.evaluate.strata.stratify`.
    """
    kinds = list(table.stratum.unique())
    methods = [*dict.fromkeys(zip(table.model, table.method, strict=True))]
    shade = colours([model for model, _ in methods if model != NO_MODEL])
    figure = new_figure(1.9 * len(kinds))
    for axes, kind in zip(figure.subplots(len(kinds), 2, squeeze=False), kinds, strict=True):
        part = table[table.stratum == kind]
        labels = list(dict.fromkeys(part.slices))
        _bars(axes[0], part, labels, methods, shade, "gain")
        _bars(axes[1], part, labels, methods, shade, "valid share")
        axes[0].set(title=f"{kind[0].upper()}{kind[1:]}: gain of Dice")
        axes[1].set(title="Closed rings")
        percent(axes[1])
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=len(methods))
    return figure


def _bars(
    axes: Axes,
    part: pd.DataFrame,
    labels: list[str],
    methods: list[tuple[str, str]],
    shade: dict[str, str],
    measure: str,
) -> None:
    width = 0.8 / len(methods)
    for number, (model, method) in enumerate(methods):
        lines = part[(part.model == model) & (part.method == method)].set_index("slices").reindex(labels)
        at = np.arange(len(labels)) + (number - (len(methods) - 1) / 2) * width
        label = method if model == NO_MODEL else model
        if measure == "gain":
            spread = [(lines.gain - lines.low).clip(lower=0), (lines.high - lines.gain).clip(lower=0)]
            line = {"elinewidth": 0.9, "ecolor": "#333333"}
            axes.bar(at, lines.gain, width * 0.92, color=shade[model], yerr=spread, error_kw=line, label=label)
        else:  # shares near 100 %: bars from 0 would hide the differences
            share = lines["valid share"]
            spread = [(share - lines["valid low"]).clip(lower=0), (lines["valid high"] - share).clip(lower=0)]
            axes.errorbar(at, share, spread, fmt=MARKERS[number % len(MARKERS)], color=shade[model], elinewidth=1.2)
    counts = part.groupby("slices", sort=False).n.max().reindex(labels)
    names = [f"{_short(label)}\nn = {counts[label]:.0f}" for label in labels]
    axes.set_xticks(range(len(labels)), names, fontsize=7.5)
    axes.set_xlim(-0.6, len(labels) - 0.4)
    axes.grid(False, axis="x")
    if measure == "gain":
        axes.axhline(0, color=BLACK, linewidth=0.8)


def _short(label: str) -> str:
    return label.replace("more than ", "> ").replace("up to ", "≤ ").replace(" to ", "-").replace(" deg", "°")
