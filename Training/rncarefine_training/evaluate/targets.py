"""What was aimed at, and whether it was reached, for every model and base network."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd  # type: ignore[import-untyped]

from .confidence import BROKEN
from .confidence import summary as confidence_summary
from .measure import ALONE, KEY, NEAR, WHOLE
from .paired import POLAR, against
from .statistics import Estimate, Interval, difference, mean, relative_change
from .tables import ALL, models_of

VALID, VALID_ALONE, DICE, ASSD, HD, UNSEEN, AUROC = 0.99, 0.96, 0.03, -0.15, -0.35, -0.02, 0.80
SIGNIFICANT = 0.05
RELATIVE_TO_NEAR = "relative to the input near the heart"


def targets(rows: pd.DataFrame, unseen: Collection[str]) -> pd.DataFrame:
    """Return one line per model, network and target.

    Args:
        rows: From :func:`rncarefine_training.evaluate.measure.evaluate`.
        unseen: Networks whose failures were never trained on.

    Returns:
        ``what`` was aimed at, ``n`` slices, the ``value`` with ``low`` and ``high``, the ``target``, whether a value
        must be ``at least`` or ``at most`` that, and ``reached``. Shares and relative changes are fractions. The
        interval of a share is Wilson's, of everything else the bootstrap's over subjects.
    """
    failed = rows[rows.broken]
    polar = against(rows)
    trust = confidence_summary(rows)
    lines: list[dict[str, object]] = []
    for model in models_of(rows):
        ours = failed[(failed.model == model) & (failed.method == WHOLE)]
        alone = failed[(failed.model == model) & (failed.method == ALONE)]
        for network in ours.network.unique():
            part = ours[ours.network == network]
            near = failed[failed.method == NEAR].set_index(KEY).reindex(pd.MultiIndex.from_frame(part[KEY]))
            here = [
                _share("closed rings", part.valid, VALID),
                _share("closed rings by the automaton alone", alone[alone.network == network].valid, VALID_ALONE),
                _least("Dice, gain", mean(part.dice - part.dice_before, part.subject), DICE),
                _most("ASSD, relative change", relative_change(part.assd_before, part.assd, part.subject), ASSD),
                _most("HD, relative change", relative_change(part.hd_before, part.hd, part.subject), HD),
                _most(f"ASSD, {RELATIVE_TO_NEAR}", relative_change(near.assd, part.assd, part.subject), ASSD),
                _most(f"HD, {RELATIVE_TO_NEAR}", relative_change(near.hd, part.hd, part.subject), HD),
                *_over_polar(polar[(polar.model == model) & (polar.network == network)]),
            ]
            if network in unseen and set(ours.network) - set(unseen):
                both = ours[~ours.network.isin(unseen) | (ours.network == network)]
                gap = difference(both.valid, both.network == network, both.subject)
                here.append(_least("closed rings, against networks trained on", gap, UNSEEN))
            lines += [{"model": model, "network": network, **line} for line in here]
        areas = trust[(trust.model == model) & (trust.slices == BROKEN) & (trust.network == ALL)]
        for area in areas.itertuples():
            found = Estimate(area.auroc, area.low, area.high, int(area.n), ours.subject.nunique())
            line = _least(f"confidence, AUROC for: {area.question}", found, AUROC)
            lines.append({"model": model, "network": ALL, **line})
    return pd.DataFrame(lines)


def _share(what: str, valid: pd.Series, target: float) -> dict[str, object]:
    share = Interval(int(valid.sum()), len(valid))
    return _least(what, Estimate(share.share, *share.bounds, len(valid), 0), target)


def _least(what: str, found: Estimate, target: float) -> dict[str, object]:
    return _line(what, found, target, "at least", found.value >= target)


def _most(what: str, found: Estimate, target: float) -> dict[str, object]:
    return _line(what, found, target, "at most", found.value <= target)


def _over_polar(lines: pd.DataFrame) -> list[dict[str, object]]:
    """A gain over polar interpolation counts as reached if the paired test says so."""
    found = []
    for line in lines[lines.measure.isin(("dice", "assd"))].itertuples():
        gain = Estimate(line.gain, line.low, line.high, line.n, line.subjects)
        name = "Dice" if line.measure == "dice" else "ASSD in mm"
        reached = gain.value > 0 and line.p < SIGNIFICANT
        found.append(_line(f"{name}, gain over {POLAR}", gain, 0.0, "above", reached))
    return found


def _line(what: str, found: Estimate, target: float, bound: str, reached: bool) -> dict[str, object]:
    return {
        "what": what,
        "n": found.n,
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "bound": bound,
        "target": target,
        "reached": "yes" if reached else "no",
    }
