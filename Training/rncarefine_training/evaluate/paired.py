"""One method against another, slice by slice: Wilcoxon tests with effect size, and intervals over subjects."""

from __future__ import annotations

import pandas as pd  # type: ignore[import-untyped]

from .measure import KEY, NO_MODEL, WHOLE
from .statistics import paired
from .tables import ALL, models_of

POLAR = "polar interpolation"
"""The best of the classical methods."""


def against(rows: pd.DataFrame, other: str = POLAR, other_model: str = NO_MODEL) -> pd.DataFrame:
    """Compare the whole repair of every model with another method, per network and over all of them.

    Args:
        rows: From :func:`rncarefine_training.evaluate.measure.evaluate`.
        other: The other method.
        other_model: The model of the other method, where it is a repair.

    Returns:
        One line per model, network and measure: ``n`` pairs, mean ``gain`` (positive: the model is better, for
        distances too) with its interval, ``better`` share, ``p`` over slices, ``p subjects``, and ``effect``.
    """
    failed = rows[rows.broken]
    theirs = failed[(failed.method == other) & (failed.model == other_model)].set_index(KEY)
    lines = []
    for model in models_of(rows):
        if model == other_model:
            continue
        ours = failed[(failed.method == WHOLE) & (failed.model == model)].set_index(KEY)
        theirs_here = theirs.reindex(ours.index)
        for network in [*ours.network.unique(), ALL]:
            chosen = ours.network == network if network != ALL else ours.network == ours.network
            for measure, sign in (("dice", 1), ("assd", -1), ("hd", -1)):
                gains = sign * (ours[measure] - theirs_here[measure])[chosen]
                found = paired(gains, ours.subject[chosen])
                lines.append(
                    {
                        "model": model,
                        "against": other if other_model == NO_MODEL else other_model,
                        "network": network,
                        "measure": measure,
                        "n": found.gain.n,
                        "subjects": found.gain.subjects,
                        "gain": found.gain.value,
                        "low": found.gain.low,
                        "high": found.gain.high,
                        "better": found.better,
                        "p": found.p,
                        "p subjects": found.p_subjects,
                        "effect": found.effect,
                    }
                )
    return pd.DataFrame(lines)
