"""A folder of files for the commands."""

import pytest

from engine.file_samples import write_image, write_labels, write_segmentation
from engine.model_folders import seeing_weights


@pytest.fixture
def case(tmp_path, monkeypatch):
    """A folder with an image, a label map, a segmentation and a model, which is the current one."""
    write_image(tmp_path / "case.nii.gz")
    write_labels(tmp_path / "seg.nii.gz")
    write_segmentation(tmp_path / "seg.seg.nrrd")
    seeing_weights(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path
