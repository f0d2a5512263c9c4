"""Plots: that each shows what its table says, and that pictures are of the stack they are said to be of."""

import numpy as np
import pandas as pd
import pytest
from torch.utils.tensorboard import SummaryWriter

from engine.toy_models import seeing_model
from rncarefine.stack import Stack
from rncarefine_training.data.cases import MYOCARDIUM
from rncarefine_training.evaluate.plots import curves, pictures
from rncarefine_training.evaluate.plots.draw import draw_all, read_log
from rncarefine_training.evaluate.plots.pictures import Shown, sample_stack
from rncarefine_training.evaluate.plots.style import style
from rncarefine_training.evaluate.store import write_evaluation
from training.evaluation_rows import made_up
from training.toy_data import failed, toy_case

# The log


def test_events_of_a_resumed_training_are_one_log(tmp_path):
    for part, steps in enumerate(([0, 1, 2], [2, 3])):
        writer = SummaryWriter(str(tmp_path / f"version_{part}"), filename_suffix=f".{part}")
        for step in steps:
            writer.add_scalar("loss", 10 * part + step, step)
        writer.close()
    log = read_log(tmp_path).sort_values("step")
    assert list(log.step) == [0, 1, 2, 3]
    assert list(log.value) == [0, 1, 12, 13]


def test_missing_log_raises(tmp_path):
    with pytest.raises(ValueError, match="rncarefine-train automaton"):
        read_log(tmp_path)


# Curves


def test_the_training_plot_has_loss_and_validation():
    log = pd.DataFrame(
        [
            ("loss_encoder", 0, 0.5),
            ("loss_encoder", 150, 0.5),  # repeated by the logger
            ("loss", 100, 0.3),
            ("dice_gain", 100, 0.02),
            ("rings", 100, 0.9),
        ],
        columns=["name", "step", "value"],
    )
    with style():
        figure = curves.draw_training(log)
    assert [line.get_label() for line in figure.axes[0].lines if not line.get_label().startswith("_")] == [
        "encoder alone",
        "after the rollout",
    ]
    assert list(figure.axes[0].lines[0].get_xdata()) == [0]
    assert "gain of Dice" in figure.axes[1].get_ylabel()


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Return a run with the tables of an evaluation."""
    run = tmp_path_factory.mktemp("run")
    rows = made_up()
    rows.loc[rows.k == 0, "dice"] -= 0.2
    return run, write_evaluation(rows, run, "evaluation-test")


def test_missing_tables_are_reported(tables, tmp_path):
    run, _ = tables
    written, missing = draw_all(run, "evaluation-test", tmp_path)
    assert {path.stem for path in written} == {"reliability", "risk-coverage", "strata"}
    assert {path.suffix for path in written} == {".png", ".svg"}
    assert missing == []
    _, missing = draw_all(tmp_path, "evaluation-test", tmp_path)
    assert [sentence.split(":")[0] for sentence in missing] == ["reliability", "risk-coverage", "strata"]


# Pictures


def toy_stack():
    case = toy_case("a")
    wall, truth = (
        (labels == MYOCARDIUM).astype(np.uint8) for labels in (failed(failed(case.labels), k=0), case.labels)
    )
    return Shown(Stack.create(case.image, wall, case.spacing, None, case.name), truth)


def test_the_broken_slices_are_those_whose_truth_is_a_ring():
    assert toy_stack().broken() == [0, 1]


def test_the_sample_stack_is_the_shipped_one_and_broken():
    shown = sample_stack()
    assert shown.stack.pool is None
    assert len(shown.broken()) >= 3
    assert shown.truth.shape == shown.stack.mask.shape


def test_a_film_strip_has_a_picture_for_every_step_and_the_truth():
    with style():
        figure = pictures.draw_film_strip(toy_stack(), seeing_model(), rows=2, steps=(0, 4, 8))
    assert len(figure.axes) == 2 * 4
    assert [axes.get_title("center") for axes in figure.axes[:4]] == ["evidence", "step 4", "step 8", "end and truth"]
    assert [axes.get_ylabel() for axes in figure.axes[::4]] == ["slice 1", "slice 2"]


def test_a_gallery_goes_from_the_worst_to_the_best():
    with style():
        figure = pictures.draw_gallery([toy_stack()], seeing_model())
    after = [float(axes.get_title("center").split("Dice ")[1]) for axes in figure.axes[2::3]]
    assert after == sorted(after)
    assert [axes.get_ylabel() for axes in figure.axes[::3]] == ["worst", "median", "best"]


def test_a_stack_that_is_whole_has_no_pictures():
    case = toy_case("a")
    truth = (case.labels == MYOCARDIUM).astype(np.uint8)
    whole = Shown(Stack.create(case.image, truth, case.spacing, None, "whole"), truth)
    with pytest.raises(ValueError, match="no slice"):
        pictures.draw_film_strip(whole, seeing_model())
    with pytest.raises(ValueError, match="No slice"):
        pictures.draw_gallery([whole], seeing_model())
