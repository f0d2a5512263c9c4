"""Galleries: which slices are chosen, and that every network has its picture."""

import pandas as pd
from PIL import Image

from engine.toy_models import seeing_model
from experiments.figures.gallery import choose_slices, draw_galleries
from rncarefine_training.evaluate.measure import measure_repairs
from training.toy_data import toy_failures


def test_every_network_has_a_picture(tmp_path):
    failures = toy_failures(tmp_path, sources=["weak-0@1", "middle-0@1"])
    model = seeing_model()
    measured = pd.concat(measure_repairs(failures, [model], device="numpy"))
    chosen = choose_slices(measured, model.card.name, 1)
    written = draw_galleries(chosen, tmp_path, model, tmp_path)
    assert [path.name for path in written] == [f"gallery-{model.card.name}-{name}.png" for name in ("weak", "middle")]
    assert all(min(Image.open(path).size) > 150 for path in written)
