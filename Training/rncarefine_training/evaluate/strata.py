"""Stratify results by defect, location in the stack, share of the wall present, gap and slice spacing."""

from __future__ import annotations

import numpy as np
import pandas as pd  # type: ignore[import-untyped]

from .measure import FULL_REPAIR, KEY, NEAR, NO_MODEL
from .statistics import mean, paired, proportion, relative_change
from .tables import POLAR, models_of

FAULT, PLACE = "what is broken", "place in the stack"
HAS, GAP, SPACING = "share of the true wall present", "gap", "slice spacing"
BINS: dict[str, tuple[str, tuple[float, ...], tuple[str, ...]]] = {
    HAS: ("has", (-1, 0, 0.25, 0.5, 0.75, 1), ("none", "up to 25 %", "25 to 50 %", "50 to 75 %", "more than 75 %")),
    GAP: (
        "gap_deg",
        (-1, 0, 30, 90, 180, 360),
        ("none", "up to 30 deg", "30 to 90 deg", "90 to 180 deg", "more than 180 deg"),
    ),
    SPACING: ("slice_mm", (0, 7.5, np.inf), ("up to 7.5 mm", "more than 7.5 mm")),
}
"""Column, edges and labels of bins; the lower edge is excluded, the upper one included."""
FAULTS = WALL, ELSEWHERE = "the wall itself", "only components elsewhere"
"""Defects of a slice: of the wall near the heart, or only components away from it."""
PLACES = ("base", "middle", "apex")


def stratify(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one line per stratum and method: the full repair of every model, and polar interpolation.

    Args:
        rows: From :func:`rncarefine_training.evaluate.measure.measure_repairs`.

    Returns:
        ``n`` broken slices of ``subjects``; ``valid`` with its interval; ``dice before`` and ``dice``; ``gain`` of
        Dice with ``low`` and ``high``; ``hd`` and ``assd`` with their relative ``change``; and, for every model but the
        first, ``over first``: the paired gain of Dice over the first model, its interval and p.
    """
    failed = rows[rows.broken].reset_index(drop=True)
    models = models_of(failed)
    wanted = [(model, FULL_REPAIR) for model in models] + [(NO_MODEL, POLAR)]
    lines = []
    for kind, labels in _labelled(failed):
        for label in labels.cat.categories:
            inside = failed[labels == label]
            first = _of(inside, models[0], FULL_REPAIR) if models else inside
            for model, method in wanted:
                part = _of(inside, model, method)
                if part.empty:
                    continue
                line = {"stratum": kind, "slices": label, "model": model, "method": method, **_figures(part)}
                if models and model in models[1:]:
                    ours, theirs = part.set_index(KEY).dice, first.set_index(KEY).dice
                    over = paired(ours - theirs.reindex(ours.index), part.subject)
                    line |= {**over.gain.columns("over first", "over "), "over p": over.p}
                lines.append(line)
    return pd.DataFrame(lines)


def _of(rows: pd.DataFrame, model: str, method: str) -> pd.DataFrame:
    return rows[(rows.model == model) & (rows.method == method)].sort_values(KEY)


def _labelled(rows: pd.DataFrame) -> list[tuple[str, pd.Series]]:
    words = {FAULT: (faults(rows), FAULTS), PLACE: (rows.place, PLACES)}
    named = [
        (kind, pd.Series(pd.Categorical(values, order, ordered=True), rows.index))
        for kind, (values, order) in words.items()
    ]
    return named + [(kind, pd.cut(rows[name], edges, labels=labels)) for kind, (name, edges, labels) in BINS.items()]


def faults(rows: pd.DataFrame) -> pd.Series:
    """Return the defect of every row, one of :data:`FAULTS`.

    Args:
        rows: Rows of all methods, including :data:`~rncarefine_training.evaluate.measure.NEAR`.
    """
    closed = rows[rows.method == NEAR].set_index(KEY).valid
    near = closed.reindex(pd.MultiIndex.from_frame(rows[KEY])).to_numpy()
    return pd.Series(np.where(near == True, ELSEWHERE, WALL), rows.index)  # noqa: E712 (may be missing)


def _figures(part: pd.DataFrame) -> dict[str, object]:
    gain = mean(part.dice - part.dice_before, part.subject)
    hd = relative_change(part.hd_before, part.hd, part.subject)
    assd = relative_change(part.assd_before, part.assd, part.subject)
    valid = proportion(part.valid, part.subject)
    return {
        "n": len(part),
        "subjects": part.subject.nunique(),
        "valid": valid.percent,
        "valid share": valid.value,
        "valid low": valid.low,
        "valid high": valid.high,
        "dice before": part.dice_before.mean(),
        "dice": part.dice.mean(),
        **gain.columns("gain", ""),
        "hd": part.hd.mean(),
        "hd change": hd.value,
        "assd": part.assd.mean(),
        "assd change": assd.value,
    }
