"""The robustness table: every disturbance on the same slices, what is kept, and what the figures mean."""

import os

import numpy as np
import pandas as pd
import pytest

from engine.toy_models import seeing_model
from experiments import robustness
from experiments.disturbances import DISTURBANCES
from experiments.robustness import UNDISTURBED, disturb_and_repair, summarise
from rncarefine_training.cli.options import ensure_folder
from rncarefine_training.evaluate.measure import failures_of
from training.toy_data import failed, toy_case, write_cases, write_predictions

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
    write_predictions(folder / "predictions", ["small-0@1"], write_cases(folder / "cases", "ab"))
    failures = failures_of(folder / "cases", folder / "predictions", ["small-0@1"], ["a", "b"])
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


def test_noise_and_order_matter_little_where_the_image_shows_the_wall(run):
    rows = run[3].set_index("disturbance")
    for name in ("noise 5 %", "slices in reverse"):
        np.testing.assert_allclose(rows.loc[name].dice, rows.loc[UNDISTURBED].dice, atol=0.05)
        assert rows.loc[name].valid.all()


def test_a_shifted_mask_is_measured_against_the_truth_that_stayed(run):
    rows = run[3].set_index("disturbance")
    shifted, plain = (rows.loc[name].reset_index() for name in ("shifted by 5 mm", UNDISTURBED))
    assert (shifted.dice_before < plain.dice_before - 0.1).all()
    # The image shows where the wall is.
    assert (shifted.dice > shifted.dice_before).all()


def test_what_was_done_is_read_and_not_done_again(run, monkeypatch):
    _, failures, kept, rows = run
    monkeypatch.setattr(robustness, "repair", lambda *_: pytest.fail("repaired again"))
    again = pd.concat(disturb_and_repair(failures, seeing_model(), kept), ignore_index=True)
    pd.testing.assert_frame_equal(again, rows, check_dtype=False, rtol=1e-3)


def test_a_stack_that_was_segmented_again_is_repaired_again_and_its_subject_keeps_its_zeros(tmp_path, monkeypatch):
    monkeypatch.setattr(robustness, "DISTURBANCES", {})
    cases = {"007": toy_case("007")}
    cases["007"].save(ensure_folder(tmp_path / "cases"))
    write_predictions(tmp_path / "predictions", ["small-0@1"], cases)
    failures = failures_of(tmp_path / "cases", tmp_path / "predictions", ["small-0@1"], ["007"])
    for k in (1, 1, 2):
        if k == 2:
            np.savez_compressed(failures[0].prediction, labels=failed(cases["007"].labels, k=2))
            later = (tmp_path / "small-0@1-007_ED.csv").stat().st_mtime + 5
            os.utime(failures[0].prediction, (later, later))
        (rows,) = disturb_and_repair(failures, seeing_model(), tmp_path, device="numpy")
        assert [(row.subject, row.k) for row in rows.itertuples()] == [("007", k)]


def test_a_stack_without_a_broken_slice_has_no_rows_and_is_remembered(tmp_path):
    cases = write_cases(tmp_path / "cases", "a")
    (tmp_path / "predictions" / "small-0@1").mkdir(parents=True)
    np.savez_compressed(tmp_path / "predictions" / "small-0@1" / "a_ED.npz", labels=cases["a"].labels)
    failures = failures_of(tmp_path / "cases", tmp_path / "predictions", ["small-0@1"], ["a"])
    for _ in range(2):
        (rows,) = disturb_and_repair(failures, seeing_model(), tmp_path)
        assert rows.empty
    assert (tmp_path / "small-0@1-a_ED.csv").exists()


def test_the_table_holds_each_disturbance_against_the_same_slices_undisturbed():
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
