"""Figures of the experiments: that each shows what its table says."""

import numpy as np
import pandas as pd
import pytest

from experiments.figures import curves
from rncarefine_training.evaluate.plots.style import style
from rncarefine_training.evaluate.store import write_table


def horizon_table(level=0.9):
    steps = [8, 24, 512]
    columns = {"steps": steps, "n": 9, "seeds": 3}
    for name in ("ring", "dice", "area", "moved"):
        columns |= {name: level, f"{name} low": level - 0.02, f"{name} high": level + 0.02}
        columns |= {f"{name} least": level - 0.01, f"{name} most": level + 0.01}
    return pd.DataFrame(columns)


def test_the_horizon_has_a_band_and_the_edge_of_use():
    with style():
        figure = curves.horizon({"one-2d": horizon_table(), "two-3d": horizon_table(0.8)}, {"one-2d": 24})
    rings = figure.axes[0]
    np.testing.assert_allclose(rings.lines[2].get_ydata(), 0.9)
    assert len(rings.collections) == 2
    assert any(list(line.get_xdata()) == [24, 24] for line in rings.lines)
    assert [text.get_text() for text in rings.get_legend().get_texts()] == ["one-2d", "two-3d"]


def test_a_flat_curve_is_not_blown_up():
    with style():
        figure = curves.horizon({"one-2d": horizon_table(1.0).assign(**{"ring low": 1.0, "ring high": 1.0})}, {})
    low, high = figure.axes[0].get_ylim()
    assert high - low >= 0.08
    assert high <= 1.05


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


def test_a_forest_has_an_interval_per_line_on_its_side_of_zero():
    disturbances = {"group": ["undisturbed", "image"], "disturbance": ["undisturbed", "noise"], "lost": [0, 0.1]}
    figure = curves.robustness(pd.DataFrame(disturbances | {"lost low": [0, 0.05], "lost high": [0, 0.2]}), "one-2d")
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["noise"]
    (interval,) = (container for container in axes.containers)
    assert interval[0].get_xdata() == pytest.approx([-0.1])
