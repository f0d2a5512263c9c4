"""The sample data: offered to Sample Data, loaded from where they are installed, checked, and nothing downloaded."""

from __future__ import annotations

import hashlib
import importlib
import logging
import shutil
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import slicer
from vtk.util.numpy_support import vtk_to_numpy

from harness.hearts import node_census
from harness.sample_data import SampleDataLogic, SampleDataLogic510, installed, press
from RNCARefineLib.mrml import sample_data

RESOURCES = Path(__file__).resolve().parents[3] / "RNCARefine" / "Resources"
RELEASES = {"5.10": SampleDataLogic510, "5.12": SampleDataLogic}


@pytest.fixture(params=RELEASES)
def source(request: pytest.FixtureRequest, module: ModuleType) -> Iterator[Any]:
    """Return the sample as it is registered when the application has started, in two releases of Slicer."""
    with installed(RELEASES[request.param]):
        slicer.app.completeStartup()
        (source,) = SampleDataLogic.sampleDataSourcesByCategory("RNCA Refine")
        yield source


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **options: Any) -> None:
        raise AssertionError("something reached for the network")

    monkeypatch.setattr(socket, "socket", refuse)


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a copy of the sample, in a place with a blank in its name, that is used instead of it."""
    folder = tmp_path / "in stalled"
    shutil.copytree(RESOURCES / "SampleData", folder / "SampleData")
    shutil.copytree(RESOURCES / "Icons", folder / "Icons")
    monkeypatch.setattr(sample_data, "_RESOURCES", folder)
    return folder / "SampleData"


def loaded() -> tuple[Any, Any]:
    """Return the volume and the segmentation of the scene, which has one of each."""
    scene = slicer.mrmlScene
    assert scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 1
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 1
    volume = scene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
    return volume, scene.GetFirstNodeByClass("vtkMRMLSegmentationNode")


def test_the_sample_has_a_name_a_picture_and_a_heading(source: Any) -> None:
    assert source.sampleName == "SunnybrookBroken"
    assert SampleDataLogic.categoryTitle("RNCA Refine") == "RNCA Refine"
    assert [uri.rpartition("/")[2] for uri in source.uris] == source.fileNames


def test_the_checksums_are_those_of_the_files(source: Any) -> None:
    for name, checksum in zip(source.fileNames, source.checksums, strict=True):
        content = (RESOURCES / "SampleData" / name).read_bytes()
        assert checksum == f"SHA256:{hashlib.sha256(content).hexdigest()}", name


@pytest.mark.parametrize("way", ["button", "script"])
def test_the_sample_is_loaded_under_the_names_of_the_tutorial(source: Any, way: str, no_network: None) -> None:
    if way == "button":
        press(source)
    else:
        assert SampleDataLogic().downloadSamples("SunnybrookBroken") == list(loaded())
    volume, segmentation = loaded()
    assert (volume.GetName(), segmentation.GetName()) == ("Sunnybrook short axis", "Sunnybrook broken wall")
    assert slicer.util.arrayFromVolume(volume).shape == (9, 256, 256)
    assert volume.GetSpacing() == pytest.approx((1.25, 1.25, 8.0))
    content = segmentation.GetSegmentation()
    named = {
        content.GetSegment(name).GetName(): content.GetSegment(name).GetColor() for name in content.GetSegmentIDs()
    }
    assert list(named) == ["myocardium", "blood pool"]
    assert named["myocardium"] == pytest.approx((0.94, 0.89, 0.26))
    assert named["blood pool"] == pytest.approx((0.85, 0.10, 0.12))


def test_the_button_shows_the_image_and_ties_the_wall_to_it(source: Any) -> None:
    views = [slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSliceCompositeNode") for _ in range(2)]
    press(source)
    volume, segmentation = loaded()
    assert [view.GetBackgroundVolumeID() for view in views] == [volume.GetID()] * 2
    role = segmentation.GetReferenceImageGeometryReferenceRole()
    assert segmentation.GetNodeReference(role) == volume
    assert segmentation.GetDisplayNode().GetVisibility()
    assert volume.GetDisplayNode() is not None


def test_the_button_copies_nothing(source: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urllib.request, "urlretrieve", None)
    cache = Path(slicer.mrmlScene.GetCacheManager().GetRemoteCacheDirectory())
    before = sorted(cache.rglob("*"))
    press(source)
    assert sorted(cache.rglob("*")) == before


def test_saving_does_not_know_the_installed_files(source: Any) -> None:
    press(source)
    assert [node.GetStorageNode() for node in loaded()] == [None, None]
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLStorageNode") == 0


def test_a_second_load_adds_to_the_first(source: Any) -> None:
    press(source)
    first = loaded()
    volume, segmentation = sample_data.load()
    assert (volume.GetName(), segmentation.GetName()) == ("Sunnybrook short axis_1", "Sunnybrook broken wall_1")
    assert segmentation.GetNodeReference("referenceImageGeometryRef") == volume
    assert first[1].GetNodeReference("referenceImageGeometryRef") == first[0]


@pytest.mark.parametrize("name", sample_data.FILES)
@pytest.mark.parametrize(("harm", "message"), [("missing", "is missing"), ("damaged", "checksum differs")])
def test_bad_files_are_refused_by_name_and_leave_no_trace(copy: Path, name: str, harm: str, message: str) -> None:
    path = copy / name
    if harm == "missing":
        path.unlink()
    else:
        content = bytearray(path.read_bytes())
        content[-9] ^= 1
        path.write_bytes(content)
    before = node_census()
    with pytest.raises(ValueError, match=rf"{name}.*{message}"):
        sample_data.load()
    assert node_census() == before


def test_a_failure_half_way_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    # Not with a damaged file: Slicer crashes on some, which is why the checksums come first.
    def fail(path: str, properties: Any) -> None:
        raise RuntimeError(f"Failed to load node from file: {path}")

    monkeypatch.setattr(slicer.util, "loadSegmentation", fail)
    before = node_census()
    with pytest.raises(RuntimeError, match="SunnybrookBroken-segmentation"):
        sample_data.load()
    assert node_census() == before


def test_a_folder_with_a_blank_in_its_name_works_both_ways(copy: Path) -> None:
    with installed():
        sample_data.register(lambda source: sample_data.load())
        (source,) = SampleDataLogic.sampleDataSourcesByCategory("RNCA Refine")
        press(source)
        assert len(SampleDataLogic().downloadSamples("SunnybrookBroken")) == 2


def test_the_button_shows_an_error(source: Any, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(slicer.app, "testingEnabled", lambda: False)
    monkeypatch.setattr(slicer.util, "errorDisplay", lambda text, **options: shown.append(text))
    shutil.rmtree(copy)
    with pytest.raises(ValueError, match="is missing"):
        press(source)
    assert "sample" in shown[0]
    assert "Install" in shown[0]


def test_an_application_without_sample_data_starts_all_the_same(
    module: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        module.registerSampleData()
    assert [record.message for record in caplog.records] == [
        "RNCARefine: this application has no SampleData, nothing is added to it."
    ]


def test_an_internal_import_error_is_reraised(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(on_click: Any) -> None:
        importlib.import_module("nowhere_to_be_found")

    monkeypatch.setattr(sample_data, "register", broken)
    with pytest.raises(ModuleNotFoundError, match="nowhere_to_be_found"):
        module.registerSampleData()


def test_the_image_is_that_of_the_command_line_s_demonstration() -> None:
    from rncarefine.io.choice import StructureChoice
    from rncarefine.io.files import read_case
    from rncarefine.io.sample import sample_files

    files = sample_files()
    assert [files.image.name, files.broken.name] == list(sample_data.FILES)
    case = read_case(files.image, files.broken, StructureChoice(segment="myocardium"))
    volume, segmentation = sample_data.load()
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(volume), case.stack.image)
    labelmap = slicer.vtkOrientedImageData()
    segmentation.GetBinaryLabelmapRepresentation("myocardium", labelmap)
    voxels = vtk_to_numpy(labelmap.GetPointData().GetScalars()).reshape(case.stack.mask.shape)
    np.testing.assert_array_equal(voxels, case.stack.mask)
