"""The robustness table: disturbances are compared on the same slices."""

import pandas as pd
import pytest

from experiments.robustness import UNDISTURBED, summarise


def test_disturbances_are_compared_on_the_same_slices():
    def slice_of(subject, k, name, dice):
        where = {"network": "n", "source": "n-0@1", "case": f"{subject}_ED", "subject": subject, "k": k}
        what = {"group": "g", "disturbance": name, "valid": dice > 0.5, "flagged": False}
        return where | what | {"dice": dice, "dice_before": 0.5, "hd": 9.0, "assd": 2.0}

    rows = [slice_of(subject, k, UNDISTURBED, 0.7 + 0.1 * k) for subject in "abcde" for k in (0, 1)]
    # Only the second slice is left under this one: it is compared with that slice, and not with the mean of both.
    rows += [slice_of(subject, 1, "half", 0.7) for subject in "abcde"]
    plain, half = summarise(pd.DataFrame(rows)).to_dict("records")
    assert (plain["disturbance"], plain["n"], plain["subjects"], plain["lost"]) == (UNDISTURBED, 10, 5, 0)
    assert (half["n"], half["lost"], half["lost low"]) == (5, pytest.approx(0.1), pytest.approx(0.1))
    assert half["gain"] == pytest.approx(0.2)
    assert (half["valid share"], half["hd"], half["assd"]) == (1, 9, 2)
