"""Galleries: which slices are chosen, and that every network has its picture."""

import pandas as pd
from PIL import Image

from engine.toy_models import seeing_model
from experiments.figures.gallery import CHOICES, choose_slices, draw_galleries
from rncarefine_training.evaluate.measure import FULL_REPAIR, measure_repairs
from training.toy_data import toy_failures


def rows(count=9):
    lines = [
        {"network": network, "source": f"{network}@1", "case": "a", "k": k, "model": "m", "method": FULL_REPAIR}
        | {"broken": k != 0, "dice": k / 10}
        for network in ("weak", "middle")
        for k in range(count)
    ]
    return pd.DataFrame(lines)


def test_gallery_shows_worst_median_and_random_slices():
    found = choose_slices(rows(), "m", 2)
    assert list(found.choice.unique()) == list(CHOICES)
    for _, part in found.groupby("network"):
        by = part.groupby("choice").k.apply(list)
        assert (by["worst"], by["median"]) == ([1, 2], [4, 5])
        assert set(by["random"]) <= set(range(1, 9))
    assert choose_slices(rows(), "another", 2).empty


def test_every_network_has_a_picture(tmp_path):
    failures = toy_failures(tmp_path, sources=["weak-0@1", "middle-0@1"])
    model = seeing_model()
    measured = pd.concat(measure_repairs(failures, [model], device="numpy"))
    chosen = choose_slices(measured, model.card.name, 1)
    written = draw_galleries(chosen, tmp_path, model, tmp_path)
    assert [path.name for path in written] == [f"gallery-{model.card.name}-{name}.png" for name in ("weak", "middle")]
    assert all(min(Image.open(path).size) > 150 for path in written)
