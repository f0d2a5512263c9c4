"""Summarise the rows of an evaluation by network and method, and compare methods slice by slice."""

from __future__ import annotations

import pandas as pd  # type: ignore[import-untyped]

from rncarefine.words import Verdict

from .measure import FULL_REPAIR, IMAGE_ALONE, KEY, NEAR, NO_MODEL, ONE_PASS, ONE_PASS_DECIDED, WITH_POOL
from .statistics import paired, proportion

ALL = "all"
"""Network in lines that summarise all networks."""
SILENT_DICE = 0.6
WORSE_DICE = 0.02
POLAR = "polar interpolation"
"""The best classical baseline."""
OF_MODEL = (IMAGE_ALONE, ONE_PASS, ONE_PASS_DECIDED, WITH_POOL)
"""Baselines that use the encoder of the model."""
COMPARED = (NEAR, POLAR, IMAGE_ALONE, ONE_PASS, ONE_PASS_DECIDED, WITH_POOL)
"""Methods to compare the full repair with, slice by slice."""
BOTH_DRAW = "both draw a wall"
"""Slices that both methods changed."""


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one line per network, model and method, and over all networks (:data:`ALL`).

    ``refused`` slices are unchanged; ``flagged`` slices need review. Of the slices that are neither, ``silent`` ones
    have a Dice below 0.6, and ``worse`` ones a Dice lower than the input by more than 0.02. Means are over broken
    slices, those of HD and ASSD over the ``distances`` slices of them in which the method leaves a wall. ``correct``
    slices are closed in mask and truth. ``other`` slices are neither broken nor closed: the truth is no ring, or the
    mask only a speck; of their changed ones, ``other silent`` are not flagged.
    """
    lines, both = [], pd.concat([rows, rows.assign(network=ALL)], ignore_index=True)
    for (network, model, method), part in both.groupby(["network", "model", "method"], sort=False):
        failed, correct, other = part[part.broken], part[part.correct], part[~part.broken & ~part.correct]
        kept = failed[failed.verdict != str(Verdict.REFUSED)]
        lines.append(
            {
                "network": network,
                "model": model,
                "sha256": part.sha256.iloc[0],
                "method": method,
                "broken": len(failed),
                **_counts(failed),
                "valid": proportion(failed.valid, failed.subject).percent,
                "valid of not refused": proportion(kept.valid, kept.subject).percent,
                "dice before": failed.dice_before.mean(),
                "dice": failed.dice.mean(),
                "distances": int(failed.hd.count()),
                "hd before": failed.hd_before.mean(),
                "hd": failed.hd.mean(),
                "assd before": failed.assd_before.mean(),
                "assd": failed.assd.mean(),
                "correct": len(correct),
                "correct changed": int(correct.changed.sum()),
                "other": len(other),
                "other changed": int(other.changed.sum()),
                "other silent": int((other.changed & ~other.flagged).sum()),
            }
        )
    return pd.DataFrame(lines)


def _counts(failed: pd.DataFrame) -> dict[str, int]:
    refused = failed.verdict == str(Verdict.REFUSED)
    trusted = failed[~refused & ~failed.flagged]
    return {
        "refused": int(refused.sum()),
        "flagged": int(failed.flagged.sum()),
        "silent": int((trusted.dice < SILENT_DICE).sum()),
        "worse": int((trusted.dice < trusted.dice_before - WORSE_DICE).sum()),
    }


def by_subject(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one line per model and subject, over the broken slices of all networks.

    Returns:
        ``n`` slices; the mean Dice of the input near the heart (``near``), of one pass (``one pass``) and of the full
        repair (``dice``); ``refused``, ``flagged``, ``silent`` and ``worse`` as in :func:`summarise`. Sorted by Dice,
        lowest first.
    """
    failed = rows[rows.broken]
    lines = []
    for model in models_of(rows):
        ours = failed[failed.model == model]
        methods = {"near": failed[failed.method == NEAR], "one pass": ours[ours.method == ONE_PASS]}
        methods["dice"] = ours[ours.method == FULL_REPAIR]
        means = pd.DataFrame({name: part.groupby("subject").dice.mean() for name, part in methods.items()})
        for subject, figures in means.sort_values("dice", kind="stable").iterrows():
            part = methods["dice"][methods["dice"].subject == subject]
            lines.append({"model": model, "subject": subject, "n": len(part), **figures, **_counts(part)})
    return pd.DataFrame(lines)


def models_of(rows: pd.DataFrame) -> list[str]:
    """Return the evaluated models, in order of appearance."""
    return [str(name) for name in rows.model.unique() if name != NO_MODEL]


def card_metrics(table: pd.DataFrame, sha256: str) -> dict[str, dict[str, float | int | str]]:
    """Return the metrics for the model card, by network.

    Args:
        table: From :func:`summarise`.
        sha256: Hash of the weights.

    Returns:
        Metrics without undefined means; empty if these weights were not evaluated.
    """
    ours = table[(table.method == FULL_REPAIR) & (table.sha256 == sha256) & (table.network != ALL)].round(3)
    columns = ["broken", "refused", "flagged", "valid", "dice before", "dice", "hd before", "hd", "assd before", "assd"]
    return {
        str(row["network"]): {name: row[name] for name in columns if pd.notna(row[name])}
        for row in ours.to_dict("records")
    }


def against(rows: pd.DataFrame, other: str = POLAR, slices: str = ALL) -> pd.DataFrame:
    """Compare the full repair of every model with another method, per network and over all networks.

    Args:
        rows: From :func:`rncarefine_training.evaluate.measure.measure_repairs`.
        other: The other method; :data:`OF_MODEL` are compared with the repair by the same model.
        slices: :data:`ALL` broken slices, or :data:`BOTH_DRAW`, only slices that both methods changed.

    Returns:
        One line per model, network and measure: ``slices``, ``n`` pairs, mean ``gain`` (positive: the model is better,
        also for distances) with its interval, ``better`` share, ``p`` over slices, ``p subjects``, and ``effect``.
    """
    failed = rows[rows.broken]
    failed = failed[failed.changed] if slices == BOTH_DRAW else failed
    lines = []
    for model in models_of(rows):
        other_model = model if other in OF_MODEL else NO_MODEL
        theirs = failed[(failed.method == other) & (failed.model == other_model)].set_index(KEY)
        ours = failed[(failed.method == FULL_REPAIR) & (failed.model == model)].set_index(KEY)
        theirs_here = theirs.reindex(ours.index)
        for network in [*ours.network.unique(), ALL]:
            chosen = ours.network == network if network != ALL else ours.network == ours.network
            for measure, sign in (("dice", 1), ("assd", -1), ("hd", -1)):
                gains = sign * (ours[measure] - theirs_here[measure])[chosen]
                found = paired(gains, ours.subject[chosen])
                lines.append(
                    {
                        "model": model,
                        "against": other,
                        "network": network,
                        "slices": slices,
                        "measure": measure,
                        "n": found.gain.n,
                        "subjects": found.gain.subjects,
                        **found.gain.columns("gain", ""),
                        "better": found.better,
                        "p": found.p,
                        "p subjects": found.p_subjects,
                        "effect": found.effect,
                    }
                )
    return pd.DataFrame(lines)
