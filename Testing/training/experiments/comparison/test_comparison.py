"""Pictures in place of hearts: reading, samples, resumed training, and the comparison as a command."""

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import ndimage

from experiments.cli import app
from experiments.comparison.compare import INPUT, Method, compare, unrepaired
from experiments.comparison.ours import TripletConfig, TripletSamples
from experiments.comparison.triplets import SCORES, read_triplets, score, write_triplets
from experiments.comparison.vessels import draw_vessels
from rncarefine.anatomy.topology import betti_2d
from rncarefine_training.automaton.tasks import Ring
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


def config(**changes):
    return TripletConfig.model_validate(description(**changes))


# Made vessels


def test_vessels_depend_on_seed_and_number_only():
    few, many, others = draw_vessels(3, 5), draw_vessels(6, 5), draw_vessels(3, 6)
    for kind in ("images", "states", "labels"):
        np.testing.assert_array_equal(getattr(few, kind), getattr(many, kind)[:3])
        assert not np.array_equal(getattr(few, kind), getattr(others, kind))


def test_made_vessels_are_thin_of_many_topologies_and_broken():
    drawn = draw_vessels(40, 0)
    truth = [betti_2d(label) for label in drawn.labels]
    assert len(set(truth)) >= 6
    assert {b1 for _, b1 in truth} >= {0, 1, 2}
    assert set(np.unique(drawn.labels)) == {0, 1}
    assert 0.03 < drawn.labels.mean() < 0.15
    widest = max(ndimage.distance_transform_edt(np.pad(label, 1)).max() for label in drawn.labels)
    assert widest < 6
    broken = [betti_2d(state > 0.5) != found for state, found in zip(drawn.states, truth, strict=True)]
    assert np.mean(broken) > 0.8
    for values in (drawn.images, drawn.states):
        assert (values.min(), values.max()) >= (0, 0.5)
        assert values.max() <= 1
    inside, outside = (drawn.images[drawn.labels == value].mean() for value in (1, 0))
    assert inside > outside + 0.15


def test_the_command_draws_vessels_to_train_and_to_compare_on(tmp_path):
    arguments = ["draw-vessels", str(tmp_path / "set"), "--train", "2", "--val", "1", "--seed", "4"]
    output_of(*arguments, app=app)
    train, held = read_triplets(tmp_path / "set" / "train"), read_triplets(tmp_path / "set" / "val")
    np.testing.assert_array_equal(train.labels, draw_vessels(2, 4).labels)
    assert len(held) == 1
    assert not any(np.array_equal(held.labels[0], label) for label in train.labels)


# Samples


def samples(task=None, n=40, **changes):
    return TripletSamples(toy_triplets(4), config(**changes).automaton, task or Ring(), n, seed=0)


# The comparison


def closed(images, states):
    """Return the truth of the toy pictures, from their image."""
    masks = ndimage.gaussian_filter(images, (0, 0.6, 0.6)) > 0.52
    return masks.astype(np.float32), masks


def test_the_table_has_means_with_intervals_and_costs():
    drawn = toy_triplets(6)
    found = compare([Method(INPUT, unrepaired), Method("other", closed, 5, 7, 9.0)], drawn)
    assert len(found.rows) == 12
    line = found.table.set_index("method").loc[INPUT]
    rows = found.rows[found.rows.method == INPUT]
    assert line["dice"] == pytest.approx(rows.dice.mean())
    assert line["dice low"] < line["dice"] < line["dice high"]
    assert line["ring"] == 0
    assert line["ring high"] == pytest.approx(0.3903, abs=1e-3)  # Wilson, 0 of 6
    assert line["n"] == 6
    other = found.table.set_index("method").loc["other"]
    assert (other["parameters"], other["updates"], other["training s"]) == (5, 7, 9)
    assert other["ms per picture"] > 0


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


def line(row, start, stop, side=16):
    mask = np.zeros((side, side), bool)
    mask[row, start:stop] = True
    return mask


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
