"""Figures of the experiments: that each shows what its table says."""

import numpy as np
import pandas as pd

from experiments.figures import curves
from rncarefine_training.evaluate.store import write_table


def horizon_table(level=0.9):
    steps = [0, 24, 512]
    columns = {"steps": steps, "n": 9, "seeds": 3}
    for name in ("bare", "ring", "dice", "area", "moved"):
        columns |= {name: level, f"{name} low": level - 0.02, f"{name} high": level + 0.02}
        columns |= {f"{name} least": level - 0.01, f"{name} most": level + 0.01}
    return pd.DataFrame(columns)


def test_every_table_of_a_run_is_drawn(tmp_path):
    write_table(horizon_table(), tmp_path / "horizon-one-2d.csv")
    write_table(horizon_table(), tmp_path / "horizon-one-2d-slices.csv")
    disturbances = {"group": ["undisturbed", "image"], "disturbance": ["undisturbed", "noise"], "lost": [0, 0.1]}
    robust = pd.DataFrame(disturbances | {"lost low": [0, 0.05], "lost high": [0, 0.2]})
    write_table(robust, tmp_path / "robustness-one-2d.csv")
    vary = {"variation": ["as it is", "no image"], "over": [np.nan, -0.1], "over low": [np.nan, -0.2]}
    write_table(pd.DataFrame(vary | {"over high": [np.nan, -0.05]}), tmp_path / "ablation.csv")
    written = curves.draw_all(tmp_path, {"one-2d": 24}, tmp_path)
    assert {path.stem for path in written} == {"horizon", "robustness-one-2d", "ablation"}
