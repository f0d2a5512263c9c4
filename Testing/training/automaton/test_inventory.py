"""What a training has to learn from is counted as the training will see it."""

import numpy as np
import pytest

from rncarefine_training.automaton.inventory import Inventory, count_training_data
from training.toy_data import toy_case, toy_config, write_cases, write_predictions


@pytest.fixture
def run(tmp_path):
    """Return a run with five subjects, one slice of each broken by a base network and by one from outside."""
    cases = write_cases(tmp_path / "cases")
    write_predictions(tmp_path / "predictions", ["small-0@1", "ours@1"], cases)
    return tmp_path


def test_subjects_stacks_and_slices_are_counted_on_both_sides(run):
    toy_case("a", "ES", seed=9).save(run / "cases")
    train, select = count_training_data(toy_config(subjects__develop=["a", "b", "c", "d", "nobody"]), run)
    assert train == Inventory(subjects=2, missing=1, stacks=3, slices=12, failures=2)
    assert select == Inventory(subjects=2, missing=0, stacks=2, slices=8, failures=2)


def test_real_failures_are_counted_once_per_network(run):
    whole = toy_case("a").labels
    np.savez_compressed(run / "predictions" / "ours@1" / "a_ED.npz", labels=whole)
    (run / "predictions" / "small-0@1" / "d_ED.npz").unlink()
    train, select = count_training_data(toy_config(predictions={"train": ["ours"]}), run)
    assert (train.failures, select.failures) == (3, 3)


@pytest.mark.parametrize("side", ["train", "test"])
def test_unknown_external_network_error_lists_the_known_ones(run, side):
    predictions = {"train": ["ours"]} | {side: ["our"]}
    with pytest.raises(ValueError, match=r"\bour\b.*\bours\b"):
        count_training_data(toy_config(predictions=predictions), run)


def test_an_empty_validation_set_is_an_error(run):
    with pytest.raises(ValueError, match=r"subjects\.select"):
        count_training_data(toy_config(subjects__select=[]), run)
