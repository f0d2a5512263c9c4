"""What a run has to learn from is counted as the training will see it."""

from __future__ import annotations

import numpy as np
import pytest

from rncarefine_training.automaton.inventory import take_stock
from training.toy_data import toy_case, toy_config, write_cases, write_predictions


@pytest.fixture
def run(tmp_path):
    """Return a run with five subjects, one slice of each broken by an own network and by one from outside."""
    cases = write_cases(tmp_path / "cases")
    write_predictions(tmp_path / "predictions", ["small-0@1", "ours@1"], cases)
    return tmp_path


def test_subjects_cases_and_slices_are_counted_by_side(run):
    toy_case("a", "ES", seed=9).save(run / "cases")
    stock = take_stock(toy_config(subjects__develop=["a", "b", "c", "d", "nobody"]), run)
    assert stock.subjects == {"train": ["a", "c"], "select": ["b", "d"], "test": ["t"]}
    assert dict(stock.cases) == {"train": 3, "select": 2, "test": 1}
    assert dict(stock.slices) == {"train": 12, "select": 8, "test": 4}
    assert stock.without == ["nobody"]


def test_real_failures_are_counted_by_network_and_side(run):
    whole = toy_case("a").labels
    np.savez_compressed(run / "predictions" / "ours@1" / "a_ED.npz", labels=whole)
    (run / "predictions" / "small-0@1" / "d_ED.npz").unlink()
    stock = take_stock(toy_config(predictions={"train": ["ours"]}), run)
    assert dict(stock.networks["small-0@1"].broken) == {"train": 2, "select": 1, "test": 1}
    assert dict(stock.networks["ours@1"].broken) == {"train": 1, "select": 2, "test": 1}
    assert dict(stock.networks["small-0@1"].cases) == {"train": 2, "select": 1, "test": 1}
    assert stock.failures(["small-0@1", "ours@1"], "train") == 3
    assert stock.segmentations(["small-0@1", "ours@1"], "select") == 3


def test_a_run_without_cases_says_what_to_run(tmp_path):
    with pytest.raises(ValueError, match=r"No cases of the configuration's subjects .*Run `rncarefine-train prepare`"):
        take_stock(toy_config(), tmp_path)


def test_a_misspelt_network_from_outside_is_named_beside_those_that_are_there(run):
    with pytest.raises(ValueError, match=r"no segmentations of our in .*, which has ours\. Bring them in with"):
        take_stock(toy_config(predictions={"train": ["our"]}), run)


def test_a_training_on_which_nobody_selects_is_an_error_that_says_what_to_change(run):
    with pytest.raises(ValueError, match=r"Nobody selects.*subjects\.select"):
        take_stock(toy_config(subjects__select=[]), run)
