"""The comparison of slice-wise and volumetric models: what is spoiled, interpolated, and called smooth."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from engine.shapes import STACK_SPACING, heart
from engine.toy_models import seeing_model, volumetric_seeing_model
from engine.toy_stacks import grey
from experiments.volumetric import (
    INTERPOLATED,
    KINDS,
    MISSING_BETWEEN,
    SMOOTHNESS,
    SPOILED,
    compare_models,
    compare_strata,
    smoothness,
    summarise,
)
from rncarefine.nca.model import Model
from rncarefine.stack import Stack
from rncarefine_training.data.cases import save_prediction
from rncarefine_training.evaluate.measure import Failure
from training.evaluation_rows import MODELS, made_up
from training.toy_data import CENTRE, failed, toy_case

WALLS, POOLS = heart()


def stack():
    return Stack.create(grey(WALLS, POOLS), WALLS, STACK_SPACING)


def test_a_cylinder_is_smooth_and_a_shifted_slice_is_not():
    cylinder = np.repeat(WALLS[3:4], 6, axis=0)
    assert smoothness(cylinder, stack()) == {"area": 0, "middle": 0}
    shifted = cylinder.copy()
    shifted[2] = np.roll(shifted[2], 4, axis=1)
    # 4 pixels of 1.25 mm: second differences of 5, 10 and 5 mm in three of four places.
    assert smoothness(shifted, stack())["middle"] == pytest.approx(5.0)


def tall_failure(folder, subject):
    """Write a heart of six rings with a gap in one of them and next to nothing in another; return the failure."""
    case = toy_case(subject)
    order = [0, 0, 1, 1, 2, 2, 3]
    case = replace(case, image=case.image[order], labels=case.labels[order])
    labels = failed(case.labels)
    labels[3, :, : int(CENTRE[1]) + 9] = 0
    save_prediction(folder / "predictions" / "small-0@1" / f"{case.name}.npz", labels)
    return Failure(case.save(folder), folder / "predictions" / "small-0@1" / f"{case.name}.npz", "small-0@1")


def test_volumetric_comparison_has_every_kind(tmp_path):
    models = [named(seeing_model(), "flat"), named(volumetric_seeing_model(), "deep")]
    failures = [tall_failure(tmp_path, subject) for subject in "ab"]
    rows = pd.concat(compare_models(failures, models, device="numpy"))
    table = summarise(rows).set_index(["kind", "method"])
    assert set(rows.kind) == {*KINDS, SMOOTHNESS}
    for kind, count in zip(KINDS, (1, 1, 1, 1, 2), strict=True):
        with_interpolation = kind in (MISSING_BETWEEN, *SPOILED)
        assert set(table.loc[kind].index) == {"flat", "deep"} | ({INTERPOLATED} if with_interpolation else set())
        assert (table.loc[kind].n == 2 * count).all()
        assert table.gain[kind]["deep"] == 0
        assert table.gain[kind]["flat"] == pytest.approx(table.dice[kind]["deep"] - table.dice[kind]["flat"])
    # The image of the missing wall is clear, so the models are better than the interpolation.
    assert table.dice[MISSING_BETWEEN]["flat"] > table.dice[MISSING_BETWEEN][INTERPOLATED] > 0.5


def test_models_are_compared_by_stratum():
    table = compare_strata(made_up(), *MODELS)
    by_share = table[table.stratum == "share of the true wall present"]
    # One slice per share of six subjects and two networks; the second model is better by 0.1 everywhere.
    assert list(by_share.slices) == ["none", "up to 25 %", "25 to 50 %", "more than 75 %"]
    assert list(by_share.n) == [12] * 4
    assert list(table.gain) == pytest.approx([0.1] * len(table))
    # Strata of few subjects have no interval.
    assert list(by_share.low) == list(by_share.high) == pytest.approx([0.1] * 4)
    assert list(table["dice two-3d"] - table["dice one-2d"]) == pytest.approx([0.1] * len(table))
    swapped = compare_strata(made_up(), *MODELS[::-1])
    assert list(swapped.gain) == pytest.approx([-0.1] * len(table))


def test_a_model_without_rows_cannot_be_compared():
    with pytest.raises(ValueError, match="other-3d"):
        compare_strata(made_up(), MODELS[0], "other-3d")


def named(model, name):
    return Model(replace(model.card, name=name), model.parameters)
