"""Rows of an evaluation, made up: two models, two networks, six subjects, figures one can tell beforehand."""

from __future__ import annotations

from typing import Any

import pandas as pd

from rncarefine_training.evaluate.measure import (
    FULL_REPAIR,
    IMAGE_ALONE,
    NEAR,
    NO_MODEL,
    ONE_PASS,
    ONE_PASS_DECIDED,
    WITH_POOL,
)

POLAR = "polar interpolation"
MODELS = ("one-2d", "two-3d")
NETWORKS = ("weak", "unseen")
SUBJECTS = ("a", "b", "c", "d", "e", "f")
HAS = (0.0, 0.2, 0.5, 0.9)
PLACES = ("base", "middle", "apex", "apex")
GAPS = (200.0, 90.0, 30.0, 0.0)
DICE = {(NO_MODEL, POLAR): 0.55, (NO_MODEL, NEAR): 0.5, (MODELS[0], FULL_REPAIR): 0.6, (MODELS[1], FULL_REPAIR): 0.7}


def made_up(**changes: Any) -> pd.DataFrame:
    """Return rows of four broken slices and a correct one, for every subject and network.

    Dice is 0.5 before. The first model brings it to 0.6, the second to 0.7, polar interpolation to 0.55, each a little
    different by slice and subject; HD halves, ASSD falls by a quarter. All walls close; near the heart, slice 3 has.
    """
    rows = []
    for network in NETWORKS:
        for number, subject in enumerate(SUBJECTS):
            for k in range(5):
                slice_of = {
                    "network": network,
                    "source": f"{network}-0@1",
                    "case": f"{subject}_ED",
                    "subject": subject,
                    "k": k,
                    "broken": k < 4,
                    "correct": k == 4,
                    "has": HAS[k] if k < 4 else 1.0,
                    "place": PLACES[k] if k < 4 else "apex",
                    "gap_deg": GAPS[k] if k < 4 else 0.0,
                    "slice_mm": 5.0 if number < 2 else 10.0,
                }
                for model, method in _methods():
                    rows.append(slice_of | _result(model, method, number, k) | changes)
    return pd.DataFrame(rows)


def _methods() -> list[tuple[str, str]]:
    ours = [
        (model, method)
        for model in MODELS
        for method in (FULL_REPAIR, WITH_POOL, ONE_PASS_DECIDED, IMAGE_ALONE, ONE_PASS)
    ]
    return [*ours, (NO_MODEL, NEAR), (NO_MODEL, POLAR)]


def _result(model: str, method: str, number: int, k: int) -> dict[str, Any]:
    broken, nothing = k < 4, float("nan")
    after = DICE.get((model, method), 0.6) + 0.001 * (number + k)
    ours = model != NO_MODEL
    return {
        "model": model,
        "sha256": f"{model}-hash" if ours else "",
        "method": method,
        "valid": method != NEAR or k == 3,
        "verdict": "repaired by the automaton" if ours and broken else "",
        "flagged": False,
        "changed": broken,
        "confidence": 0.5 + 0.01 * k + (0.2 if after > 0.65 else 0.0) if ours and broken else nothing,
        "dice": after if broken else nothing,
        "hd": 10.0 if broken else nothing,
        "assd": (3.0 if ours else 3.5) - 0.01 * k if broken else nothing,
        "dice_before": 0.5 if broken else nothing,
        "hd_before": 20.0 if broken else nothing,
        "assd_before": 4.0 if broken else nothing,
    }
