"""Stacks of another sequence become cases, and the run's base networks segment them."""

import numpy as np
import pytest
import SimpleITK as sitk

from experiments.another_sequence import IMAGE, TRUTH, read_stacks
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
