"""The robustness table: every disturbance on the same slices, what is kept, and what the figures mean."""

import pandas as pd
import pytest

from engine.toy_models import seeing_model
from experiments import robustness
from experiments.disturbances import DISTURBANCES
from experiments.robustness import UNDISTURBED, disturb_and_repair, summarise
from training.toy_data import toy_failures

FEW = {
    "image": {"noise 5 %": DISTURBANCES["image"]["noise 5 %"]},
    "grid": {"every second slice": DISTURBANCES["grid"]["every second slice"]},
    "orientation": {"slices in reverse": DISTURBANCES["orientation"]["slices in reverse"]},
    "mask": {name: DISTURBANCES["mask"][name] for name in ("shifted by 5 mm", "pool given")},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return a run, its failures, the folder of rows and the rows of a few disturbances."""
    folder = tmp_path_factory.mktemp("run")
    failures = toy_failures(folder)
    kept = folder / "rows"
    kept.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(robustness, "DISTURBANCES", FEW)
        rows = pd.concat(disturb_and_repair(failures, seeing_model(), kept, device="numpy"), ignore_index=True)
    return folder, failures, kept, rows


def test_the_broken_slices_are_repaired_under_every_disturbance(run):
    rows = run[3]
    assert set(rows.disturbance) == {UNDISTURBED, *(name for some in FEW.values() for name in some)} - {
        "every second slice"  # slice 1, the broken one, is left out there
    }
    assert (rows.groupby("disturbance").size() == 2).all()
    assert set(rows.k) == {1}


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
