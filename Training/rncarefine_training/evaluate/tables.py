"""Summarise the rows of an evaluation by base network and method, and compare methods slice by slice."""

from __future__ import annotations

import pandas as pd  # type: ignore[import-untyped]

from rncarefine.words import Verdict

from .measure import ANEW, KEY, NEAR, NO_MODEL, ONE_PASS, WHOLE
from .statistics import Interval, paired

ALL = "all"
"""What stands for the network in figures of all networks together."""
SILENT_DICE = 0.6
WORSE_DICE = 0.02
POLAR = "polar interpolation"
"""The best of the classical methods."""
OF_MODEL = (ANEW, ONE_PASS)
"""Baselines that use the encoder of the model."""
COMPARED = (NEAR, POLAR, ANEW, ONE_PASS)
"""What the repair is compared with slice by slice."""


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one line per network, model and method: broken slices, valid share with interval, means against input.

    ``refused`` slices were left as they were; ``flagged`` ones, some of them repaired, need review. Of those that were
    repaired and not flagged, ``silent`` ones have a Dice below 0.6, and ``worse`` ones one that is lower by more than
    0.02 than that of the input.
    """
    lines = []
    for (network, model, method), part in rows.groupby(["network", "model", "method"], sort=False):
        failed, correct = part[part.broken], part[part.correct]
        refused = failed.verdict == str(Verdict.REFUSED)
        kept = failed[~refused]
        trusted = kept[~kept.flagged]
        lines.append(
            {
                "network": network,
                "model": model,
                "sha256": part.sha256.iloc[0],
                "method": method,
                "broken": len(failed),
                "refused": int(refused.sum()),
                "flagged": int(failed.flagged.sum()),
                "silent": int((trusted.dice < SILENT_DICE).sum()),
                "worse": int((trusted.dice < trusted.dice_before - WORSE_DICE).sum()),
                "valid": str(Interval(int(failed.valid.sum()), len(failed))),
                "valid of not refused": str(Interval(int(kept.valid.sum()), len(kept))),
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


def models_of(rows: pd.DataFrame) -> list[str]:
    """Return the models that were measured, in their order."""
    return [str(name) for name in rows.model.unique() if name != NO_MODEL]


def measured(table: pd.DataFrame, sha256: str) -> dict[str, dict[str, float | int | str]]:
    """Return the figures of :func:`summarise` that a model card shows, by base network.

    Args:
        table: From :func:`summarise`.
        sha256: Hash of the weights; those of other weights, of the same name or not, are left out.

    Returns:
        Nothing if these weights were not measured; a mean over no slice is left out.
    """
    ours = table[(table.method == WHOLE) & (table.sha256 == sha256)].round(3)
    columns = ["broken", "refused", "flagged", "valid", "dice before", "dice", "hd before", "hd", "assd before", "assd"]
    return {
        str(row["network"]): {name: row[name] for name in columns if pd.notna(row[name])}
        for row in ours.to_dict("records")
    }


def overall(rows: pd.DataFrame, model: str) -> dict[str, str]:
    """Return the counts of the whole repair over all networks together.

    Args:
        rows: From :func:`rncarefine_training.evaluate.measure.evaluate`.
        model: Which of the models.

    Returns:
        ``refused`` and ``flagged`` of the broken slices, the Dice that half of the refused had at most before,
        ``valid`` of those not refused, and ``changed`` of the slices that were rings in prediction and truth.
    """
    ours = rows[(rows.method == WHOLE) & (rows.model == model)]
    failed, correct = ours[ours.broken], ours[ours.correct]
    left = failed.verdict == str(Verdict.REFUSED)
    refused, kept, flagged = failed[left], failed[~left], int(failed.flagged.sum())
    trusted = kept[~kept.flagged]
    return {
        "refused": f"{len(refused)} of {len(failed)}, {Interval(len(refused), len(failed))}",
        "flagged": f"{flagged} of {len(failed)}, {Interval(flagged, len(failed))}",
        "median Dice of the refused": f"{refused.dice_before.median():.2f}",
        "valid of not refused": f"{int(kept.valid.sum())} of {len(kept)}, {Interval(int(kept.valid.sum()), len(kept))}",
        "silent": f"{int((trusted.dice < SILENT_DICE).sum())} of {len(failed)}",
        "made worse": f"{int((trusted.dice < trusted.dice_before - WORSE_DICE).sum())} of {len(failed)}",
        "changed of correct": f"{int(correct.changed.sum())} of {len(correct)}",
    }


def against(rows: pd.DataFrame, other: str = POLAR, other_model: str = NO_MODEL) -> pd.DataFrame:
    """Compare the whole repair of every model with another method, per network and over all of them.

    Args:
        rows: From :func:`rncarefine_training.evaluate.measure.evaluate`.
        other: The other method; :data:`OF_MODEL` are compared with the repair by the same model.
        other_model: The model of the other method, where it is a repair.

    Returns:
        One line per model, network and measure: ``n`` pairs, mean ``gain`` (positive: the model is better, for
        distances too) with its interval, ``better`` share, ``p`` over slices, ``p subjects``, and ``effect``.
    """
    failed = rows[rows.broken]
    lines = []
    for model in models_of(rows):
        if model == other_model:
            continue
        whose = model if other in OF_MODEL else other_model
        theirs = failed[(failed.method == other) & (failed.model == whose)].set_index(KEY)
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
