"""Good walls with a small defect: what is damaged, and what is counted."""

import numpy as np
import pandas as pd
import pytest

from engine.shapes import ring
from engine.toy_models import seeing_model
from experiments.good_walls import DEFECTS, INPUT, UNCHANGED, damage_slightly, repair_good_walls, summarise
from experiments.report import good_walls_table
from rncarefine.anatomy.topology import betti_2d
from rncarefine_training.evaluate.baselines import BASELINES
from training.toy_data import write_cases


@pytest.mark.parametrize("seed", range(5))
def test_every_defect_breaks_the_ring_and_spares_most_of_it(seed):
    wall = ring()
    damaged = [damage_slightly(wall, defect, np.random.default_rng(seed)) for defect in DEFECTS]
    gap, pores, specks = damaged
    assert betti_2d(gap) == (1, 0)
    assert 0.75 * wall.sum() < gap.sum() < wall.sum()
    assert betti_2d(pores)[1] > 1
    assert 0.9 * wall.sum() < pores.sum() < wall.sum()
    assert betti_2d(specks)[0] > 1
    assert not (wall & (1 - specks)).any()
    assert not any((part & (1 - wall)).any() for part in (gap, pores))


def test_a_good_wall_is_kept_and_every_method_has_a_line(tmp_path):
    write_cases(tmp_path, "ab")
    rows = pd.concat(repair_good_walls(sorted(tmp_path.glob("*.npz")), [seeing_model()], device="numpy"))
    table = summarise(rows).set_index(["defect", "method"])
    name = seeing_model().card.name
    unchanged = table.loc[UNCHANGED]
    assert (list(unchanged.index), unchanged.dice.tolist(), unchanged.worse.tolist()) == ([name], [1], [0])
    assert unchanged.n.tolist() == [6]
    for defect in table.index.unique("defect").drop(UNCHANGED):
        part = table.loc[defect]
        assert set(BASELINES) < set(part.index)
        assert len(part) == 4 + len(BASELINES)
        assert part.n.nunique() == 1
        assert part.loc[name, "dice"] > part.loc[INPUT, "dice"]
        assert part.loc[name, "worse"] == 0


def test_flagged_slices_are_counted():
    rows = pd.DataFrame(
        {"case": "a", "subject": "a", "k": [0, 1, 2], "defect": UNCHANGED, "method": "m", "dice": 1.0}
        | {"flagged": [True, False, True]}
    )
    (line,) = summarise(rows).to_dict("records")
    assert (line["n"], line["worse"], line["flagged"]) == (3, 0, 2)
    table = good_walls_table(pd.DataFrame([line, line | {"method": "m, image alone", "defect": "gap"}]))
    assert table["none (n = 3)"].tolist()[0] == "2 flagged"
    assert table["gap (n = 3)"].tolist()[1].endswith("; 0")
