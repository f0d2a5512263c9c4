"""Measuring the repair on real failures, slice by slice, beside the baselines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
from scipy.stats import binomtest, wilcoxon

from RNCARefineLib.metrics import dice, surface_distances
from RNCARefineLib.model import Model
from RNCARefineLib.repair import RepairOptions, repair
from RNCARefineLib.stack import Mask, Stack
from RNCARefineLib.topology import betti_2d

from .baselines import BASELINES
from .cases import MYOCARDIUM, POOL, Case
from .failures import broken, load_prediction

WHOLE = "RNCARefine"
"""The whole repair, automaton and geometry."""
VARIANTS = {
    WHOLE: RepairOptions(close_base=True),
    "automaton alone": RepairOptions(close_base=True, geometry=False),
    "RNCARefine, base left open": RepairOptions(),
}


@dataclass(frozen=True)
class Interval:
    """A proportion with its 95 % Wilson interval."""

    hits: int
    n: int

    @property
    def share(self) -> float:
        """Hits / n; nan if n is 0."""
        return self.hits / self.n if self.n else float("nan")

    @property
    def bounds(self) -> tuple[float, float]:
        """Lower and upper bound (Wilson 1927)."""
        if not self.n:
            return 0.0, 1.0
        interval = binomtest(self.hits, self.n).proportion_ci(method="wilson")
        return float(interval.low), float(interval.high)

    def __str__(self) -> str:
        low, high = self.bounds
        return f"{100 * self.share:.1f} % ({100 * low:.1f}-{100 * high:.1f})"


def evaluate(
    cases: Path, predictions: Path, sources: Iterable[str], subjects: Sequence[str], model: Model, with_pool: bool
) -> pd.DataFrame:
    """Repair every stack that a base network made of some subjects, with every method.

    Args:
        cases: Folder of cases.
        predictions: Folder of predictions.
        sources: ``<member>@<fraction>`` of the base networks.
        subjects: Which subjects.
        model: The weights to measure.
        with_pool: Give the base network's blood pool to the repair.

    Returns:
        One row per network, method and slice with a prediction: ``broken`` and ``correct`` say which question the slice
        answers; ``valid``, ``flagged``, ``changed``, ``dice``, ``hd``, ``assd`` describe the result and
        ``dice_before``, ``hd_before``, ``assd_before`` the input.
    """
    rows: list[dict[str, object]] = []
    for source in sources:
        for subject in subjects:
            for path in sorted((predictions / source).glob(f"{subject}_*.npz")):
                case = Case.load(cases / path.name)
                rows += _measure_stack(case, load_prediction(path), source.rsplit("-", 1)[0], model, with_pool)
    if not rows:
        raise ValueError(f"No predictions of these subjects in {predictions}. Run `rncarefine-train failures` first.")
    return pd.DataFrame(rows)


def _measure_stack(
    case: Case, labels: np.ndarray, network: str, model: Model, with_pool: bool
) -> list[dict[str, object]]:
    wall = (labels == MYOCARDIUM).astype(np.uint8)
    if not wall.any():
        return []
    pool = (labels == POOL).astype(np.uint8) if with_pool else None
    stack = Stack.create(case.image, wall, case.spacing, pool, case.name)
    truth = (case.labels == MYOCARDIUM).astype(np.uint8)
    looked_at = [k for k in range(len(wall)) if wall[k].any()]
    results: dict[str, tuple[Mask, set[int]]] = {}
    for name, options in VARIANTS.items():
        result = repair(stack, model, options)
        results[name] = result.mask, {record.k for record in result.report.slices if record.flagged}
    for name, method in BASELINES.items():
        walls = [method(piece, stack.in_plane) if betti_2d(piece) != (1, 1) else piece for piece in wall]
        results[name] = np.stack(walls), set()
    rows = []
    nothing = dict.fromkeys(("dice", "hd", "assd"), float("nan"))
    for k in looked_at:
        is_broken = broken(labels[k], case.labels[k], stack.pixel_area)
        correct = betti_2d(wall[k]) == (1, 1) and betti_2d(truth[k]) == (1, 1)
        before = _distances(wall[k], truth[k], stack.in_plane) if is_broken else nothing
        for name, (mask, flagged) in results.items():
            row: dict[str, object] = {
                "network": network,
                "case": case.name,
                "k": k,
                "method": name,
                "broken": is_broken,
                "correct": correct,
                "valid": betti_2d(mask[k]) == (1, 1),
                "flagged": k in flagged,
                "changed": bool((mask[k] != wall[k]).any()),
            }
            after = _distances(mask[k], truth[k], stack.in_plane) if is_broken else nothing
            rows.append(row | after | {f"{key}_before": value for key, value in before.items()})
    return rows


def _distances(mask: Mask, truth: Mask, in_plane: tuple[float, float]) -> dict[str, float]:
    surface = surface_distances(mask, truth, in_plane)
    return {"dice": dice(mask, truth), "hd": surface.hd_mm, "assd": surface.assd_mm}


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one line per network and method: broken slices, valid share with interval, and means against the input."""
    lines = []
    for (network, method), part in rows.groupby(["network", "method"], sort=False):
        failed, correct = part[part.broken], part[part.correct]
        repairable = failed[~failed.flagged]
        lines.append(
            {
                "network": network,
                "method": method,
                "broken": len(failed),
                "flagged": int(failed.flagged.sum()),
                "valid": str(Interval(int(failed.valid.sum()), len(failed))),
                "valid of unflagged": str(Interval(int(repairable.valid.sum()), len(repairable))),
                "dice before": failed.dice_before.mean(),
                "dice": failed.dice.mean(),
                "hd before": failed.hd_before.mean(),
                "hd": failed.hd.mean(),
                "assd before": failed.assd_before.mean(),
                "assd": failed.assd.mean(),
                "correct": len(correct),
                "correct changed": int(correct.changed.sum()),
            }
        )
    return pd.DataFrame(lines)


def measured(table: pd.DataFrame) -> dict[str, dict[str, float | int | str]]:
    """Return the figures of :func:`summarise` that a model card shows, by base network."""
    ours = table[table.method == WHOLE].round(3)
    columns = ["broken", "flagged", "valid", "dice before", "dice", "hd before", "hd", "assd before", "assd"]
    return {row["network"]: {name: row[name] for name in columns} for row in ours.to_dict("records")}


def overall(rows: pd.DataFrame) -> dict[str, str]:
    """Return what the whole repair did over all networks together.

    Args:
        rows: From :func:`evaluate`.

    Returns:
        ``flagged`` of the broken slices, the Dice that half of these had at most before, ``valid`` of those not
        flagged, and ``changed`` of the slices that were rings in prediction and truth.
    """
    ours = rows[rows.method == WHOLE]
    failed, correct = ours[ours.broken], ours[ours.correct]
    flagged, kept = failed[failed.flagged], failed[~failed.flagged]
    return {
        "flagged": f"{len(flagged)} of {len(failed)}, {Interval(len(flagged), len(failed))}",
        "median Dice of the flagged": f"{flagged.dice_before.median():.2f}",
        "valid of unflagged": f"{int(kept.valid.sum())} of {len(kept)}, {Interval(int(kept.valid.sum()), len(kept))}",
        "changed of correct": f"{int(correct.changed.sum())} of {len(correct)}",
    }


def compare(rows: pd.DataFrame, other: str = "polar interpolation") -> dict[str, float]:
    """Compare the repair with another method, slice by slice, over all broken slices.

    Args:
        rows: From :func:`evaluate`.
        other: The other method.

    Returns:
        ``better``, the share of slices with a higher Dice; ``dice_gain``, the mean difference; ``p_dice`` and
        ``p_assd`` of the Wilcoxon signed-rank test.
    """
    keys = ["network", "case", "k"]
    failed = rows[rows.broken].set_index(keys)
    ours, theirs = failed[failed.method == WHOLE], failed[failed.method == other]
    dice_gain = (ours.dice - theirs.dice).dropna()
    assd_gain = (ours.assd - theirs.assd).dropna()
    return {
        "better": float((dice_gain > 0).mean()),
        "dice_gain": float(dice_gain.mean()),
        "p_dice": _signed_rank(dice_gain),
        "p_assd": _signed_rank(assd_gain),
    }


def _signed_rank(gains: pd.Series) -> float:
    """Return the p-value of the Wilcoxon signed-rank test; 1 where nothing differs."""
    return float(wilcoxon(gains).pvalue) if gains.any() else 1.0
