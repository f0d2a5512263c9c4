"""The comparison of slice-wise and volumetric models: what is spoiled, interpolated, and called smooth."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from engine.shapes import STACK_SPACING, heart
from engine.toy_models import seeing_model, volumetric_seeing_model
from engine.toy_stacks import grey
from experiments.volumetric import INTERPOLATED, KINDS, compare_models, smoothness, summarise
from rncarefine.nca.model import Model
from rncarefine.stack import Stack
from training.toy_data import toy_failures

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


def test_volumetric_comparison_has_every_kind(tmp_path):
    failures = toy_failures(tmp_path)
    models = [named(seeing_model(), "flat"), named(volumetric_seeing_model(), "deep")]
    rows = pd.concat(compare_models(failures, models, device="numpy"))
    table = summarise(rows).set_index(["kind", "method"])
    assert set(rows.kind) <= {*KINDS, "smoothness"}
    spoiled = table.loc[KINDS[2]]
    assert list(spoiled.index) == ["flat", INTERPOLATED, "deep"]
    assert spoiled.gain["deep"] == 0
    assert spoiled.gain["flat"] == pytest.approx(spoiled.dice["deep"] - spoiled.dice["flat"])


def named(model, name):
    return Model(replace(model.card, name=name), model.parameters)
