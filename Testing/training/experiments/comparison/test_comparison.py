"""Comparison with the released rNCA: vessels, scores by hand, and the command."""

import numpy as np
import pandas as pd
import pytest
import yaml

from experiments.cli import app
from experiments.comparison.triplets import SCORES, read_triplets, score, write_triplets
from experiments.comparison.vessels import draw_vessels
from training.cli_calls import output_of
from training.experiments.comparison.toy_triplets import toy_triplets


def description(**changes):
    automaton = {
        "size": 32,
        "channels": 4,
        "hidden": 6,
        "encoder": [4, 6],
        "fire_rate": 1.0,
        "steps": 3,
        "train_steps": [2, 3],
        "batch": 2,
        "buffer": 4,
        "contrast": 0.0,
        "warmup_updates": 2,
        "updates": 4,
        "validate_every": 3,
    }
    return {"name": "toy", "title": "ours", "seed": 1, "automaton": automaton | changes}


# Made vessels


def test_vessels_depend_on_seed_and_number_only():
    few, many, others = draw_vessels(3, 5), draw_vessels(6, 5), draw_vessels(3, 6)
    for kind in ("images", "states", "labels"):
        np.testing.assert_array_equal(getattr(few, kind), getattr(many, kind)[:3])
        assert not np.array_equal(getattr(few, kind), getattr(others, kind))


def test_the_command_draws_vessels_to_train_and_to_compare_on(tmp_path):
    arguments = ["draw-vessels", str(tmp_path / "set"), "--train", "2", "--val", "1", "--seed", "4"]
    output_of(*arguments, app=app)
    train, held = read_triplets(tmp_path / "set" / "train"), read_triplets(tmp_path / "set" / "val")
    np.testing.assert_array_equal(train.labels, draw_vessels(2, 4).labels)
    assert len(held) == 1
    assert not any(np.array_equal(held.labels[0], label) for label in train.labels)


# The comparison


def test_command_trains_compares_and_resumes(tmp_path):
    drawn = toy_triplets(6)
    source = tmp_path / "set"
    write_triplets(drawn, source / "train")
    write_triplets(drawn[slice(0, 3)], source / "val")
    paths = []
    for task in ("ring", "tubular"):
        values = description(task=task) | {"name": task, "title": f"ours, {task}"}
        paths.append(tmp_path / f"{task}.yaml")
        paths[-1].write_text(yaml.safe_dump(values))
    chosen = [argument for path in paths for argument in ("--config", str(path))]
    run = tmp_path / "run"
    arguments = ["compare-published", str(source), "--run", str(run), *chosen, "--no-literal", "--published-updates"]
    for updates in (1, 2):
        output = output_of(*arguments, updates, app=app)
    folder = run / "compare-published"
    table = pd.read_csv(run / "compare-published.csv").set_index("method")
    assert list(table.index) == [
        "input", "published, stopped", "published, stopped, mask above 0.5", "ours, ring", "ours, tubular",
    ]  # fmt: skip
    assert table.loc["published, stopped", "mse"] == table.loc["published, stopped, mask above 0.5", "mse"]
    assert table.loc["published, stopped", "updates"] == 2
    assert table.loc["published, stopped", "parameters"] == 12_977
    assert (table["n"] == 3).all()
    assert len(pd.read_csv(folder / "pictures.csv")) == 15
    assert len(pd.read_csv(folder / "published" / "published.csv")) == 2
    for name in ("examples.png", "curves.png"):
        assert (folder / name).read_bytes().startswith(b"\x89PNG")
    assert "2 of 15360" in " ".join(output.split())


def ring(side=12):
    mask = np.zeros((side, side), bool)
    mask[2:9, 2:9] = True
    mask[4:7, 4:7] = False
    return mask


def test_scores_of_soft_output_and_mask():
    truth = ring()
    soft = np.full(truth.shape, 0.25, np.float32)
    broken = truth & (np.arange(12)[:, None] < 8)
    rows = score(np.stack([soft, soft]), np.stack([truth, broken]), np.stack([truth, truth]).astype(np.float32))
    assert tuple(rows.columns) == SCORES
    share = truth.mean()
    assert rows.mse[0] == rows.mse[1] == pytest.approx(share * 0.75**2 + (1 - share) * 0.25**2)
    assert rows.loc[0, ["dice", "b0 error", "b1 error", "ring", "cldice"]].tolist() == [1, 0, 0, 1, 1]
    # The lower side of the square ring is two pixels wide; one row less still closes.
    assert rows.loc[1, ["b0 error", "b1 error", "ring"]].tolist() == [0, 0, 1]
