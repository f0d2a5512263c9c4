"""Bridges judged by two observers."""

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from engine.vessel_models import vessel_model
from experiments import observers
from experiments.observers import judge_bridges, second_masks, summarise
from experiments.report import observers_table
from rncarefine_training.data.sources.pictures import read_folders, read_mask
from rncarefine_training.evaluate.pictures.measure import segmented
from training.toy_vessels import NETWORK, write_pictures


@pytest.fixture
def jobs(tmp_path):
    """Return the segmentations of two photographs of eyes01."""
    return segmented(read_folders(write_pictures(tmp_path, ("01L", "01R"))), [NETWORK], ["eyes01"])


def write_mask(path, mask):
    path.parent.mkdir(exist_ok=True)
    sitk.WriteImage(sitk.GetImageFromArray(mask.astype(np.uint8) * 255), str(path))


def test_only_photographs_with_a_second_mask_are_judged(jobs, tmp_path):
    second = tmp_path / "second"
    write_mask(second / "01R.png", np.eye(3))
    assert [(job.entry.phase, path.name) for job, path in second_masks(jobs, second)] == [("R", "01R.png")]
    with pytest.raises(ValueError, match="named like"):
        second_masks(jobs[:1], second)


def test_bridges_count_for_the_observer_who_drew_the_vessel(jobs, tmp_path, monkeypatch):
    # B* stands in for the repair: the model of the tests makes few bridges.
    monkeypatch.setattr(observers, "repair_picture", lambda picture, model: type("R", (), {"mask": picture.mask}))
    truth = read_mask(jobs[0].entry.label)
    drawn = {"all": truth, "nothing but a corner": np.indices(truth.shape).sum(axis=0) == len(truth)}
    found = {}
    for name, mask in drawn.items():
        write_mask(tmp_path / name / "01L.png", mask)
        rows = pd.concat(judge_bridges(second_masks(jobs, tmp_path / name), vessel_model()))
        found[name] = rows.set_index("method").loc["B*"]
        assert rows.set_index("method").loc["RNCARefine", "bridges"] == 0
    same, other = found["all"], found["nothing but a corner"]
    assert same.bridges == other.bridges > 0
    assert same["first"] == same["second"] == same["either"] > 0
    assert (other["first"], other["either"]) == (same["first"], same["first"])
    assert other["second"] < same["second"]
    assert same.agreement == 1 > other.agreement


def test_counts_are_summed_over_pictures_and_networks():
    rows = pd.DataFrame(
        {
            "network": ["a", "a", "b"],
            "method": "RNCARefine",
            "bridges": [4, 6, 10],
            "first": [2, 3, 10],
            "second": [1, 0, 9],
            "either": [3, 3, 10],
            "agreement": [0.9, 0.8, 0.7],
        }
    )
    table = summarise(rows).set_index("network")
    assert table.loc["a", ["pictures", "bridges", "first", "second", "either"]].tolist() == [2, 10, 5, 1, 6]
    assert table.loc["all", ["pictures", "bridges", "either"]].tolist() == [3, 20, 16]
    assert table.agreement.tolist() == pytest.approx([0.85, 0.7, 0.8])
    assert observers_table(table.reset_index())["on vessel, either"].tolist() == ["60 %", "100 %", "80 %"]
