"""Stacks of another sequence become cases, and the run's base networks segment them."""

from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK as sitk

from experiments import another_sequence
from experiments.another_sequence import IMAGE, TRUTH, bright_parts, read_stacks
from rncarefine_training.data.cases import TrainingCase
from training.toy_data import toy_case


def write_subject(folder, case, labels):
    folder.mkdir(parents=True)
    for name, values in ((IMAGE, case.image), (TRUTH, labels)):
        image = sitk.GetImageFromArray(values)
        image.SetSpacing(case.spacing[::-1])
        sitk.WriteImage(image, str(folder / name))


def test_stacks_become_cases_with_wall_and_pool_only(tmp_path):
    case = toy_case("a")
    labels = case.labels.copy()
    labels[:, :3, :3] = 5
    write_subject(tmp_path / "Case_1", case, labels)
    (found,) = read_stacks(tmp_path, tmp_path / "cases")
    again = TrainingCase.load(tmp_path / "cases" / f"{found.name}.npz")
    assert (again.subject, again.spacing) == ("Case1", pytest.approx(case.spacing))
    np.testing.assert_array_equal(again.labels, np.where(labels == 5, 0, np.where(case.labels == 1, 0, case.labels)))
    np.testing.assert_allclose(again.image, case.image, rtol=1e-3, atol=1e-3)


def test_bright_parts_of_the_wall_are_compared_with_the_others(monkeypatch):
    truth = np.pad(np.ones((1, 10, 10), np.uint8), ((0, 0), (2, 2), (2, 2)))
    image = np.pad(np.arange(100.0).reshape(1, 10, 10), ((0, 0), (2, 2), (2, 2)))
    loaded = SimpleNamespace(case=SimpleNamespace(image=image), stack=None, truth=truth, broken=lambda: [0])
    failure = SimpleNamespace(load=lambda: loaded, names={"subject": "a"})
    drawn = (image < 75).astype(np.uint8)
    monkeypatch.setattr(another_sequence, "repair", lambda *_: SimpleNamespace(wall=drawn))
    (line,) = bright_parts([failure], [SimpleNamespace(card=SimpleNamespace(name="one-2d"))]).to_dict("records")
    assert (line["model"], line["n"]) == ("one-2d", 1)
    inner = np.sort(np.arange(100).reshape(10, 10)[1:-1, 1:-1].ravel())
    bright = (inner[inner >= np.quantile(inner, 0.8)] < 75).mean()
    assert (line["bright"], line["other"], line["difference"]) == pytest.approx((bright, 1.0, bright - 1))
