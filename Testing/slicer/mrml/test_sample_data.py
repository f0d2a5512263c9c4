"""The sample data: offered to Sample Data, loaded from where they are installed, checked, and nothing downloaded."""

from __future__ import annotations

import hashlib
import importlib
import logging
import runpy
import shutil
import socket
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import slicer
import vtk
from PIL import Image
from vtk.util.numpy_support import vtk_to_numpy

from harness.hearts import node_census
from harness.sample_data import SampleDataLogic, SampleDataLogic510, installed, press
from rncarefine.io.nrrd_file import read_nrrd
from RNCARefineLib.mrml import sample_data
from RNCARefineLib.mrml.vessels import is_picture_volume

RESOURCES = Path(__file__).resolve().parents[3] / "RNCARefine" / "Resources"
RELEASES = {"5.10": SampleDataLogic510, "5.12": SampleDataLogic}


SAMPLES = sample_data.SAMPLES.values()
BY_NAME = pytest.mark.parametrize("sample", SAMPLES, ids=list(sample_data.SAMPLES))


@pytest.fixture(params=RELEASES)
def sources(request: pytest.FixtureRequest, module: ModuleType) -> Iterator[list[Any]]:
    """Return the samples as they are registered when the application has started, in two releases of Slicer."""
    with installed(RELEASES[request.param]):
        slicer.app.completeStartup()
        yield SampleDataLogic.sampleDataSourcesByCategory("RNCA Refine")


@pytest.fixture(params=range(len(SAMPLES)), ids=list(sample_data.SAMPLES))
def source(request: pytest.FixtureRequest, sources: list[Any]) -> Any:
    """Return one of the registered samples."""
    return sources[request.param]


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **options: Any) -> None:
        raise AssertionError("something reached for the network")

    monkeypatch.setattr(socket, "socket", refuse)


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a copy of the samples, in a place with a blank in its name, that is used instead of it."""
    folder = tmp_path / "in stalled"
    shutil.copytree(RESOURCES / "SampleData", folder / "SampleData")
    shutil.copytree(RESOURCES / "Icons", folder / "Icons")
    monkeypatch.setattr(sample_data, "_RESOURCES", folder)
    return folder / "SampleData"


def loaded() -> tuple[Any, Any]:
    """Return the volume and the segmentation of the scene, which has one of each."""
    (volume,) = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    (segmentation,) = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    return volume, segmentation


def loaded_by(source: Any, way: str) -> tuple[Any, Any]:
    """Load a sample by its button, or as a script does."""
    if way == "button":
        press(source)
    else:
        assert SampleDataLogic().downloadSamples(source.sampleName) == list(loaded())
    return loaded()


def matrix_of(fill: Callable[[Any], None]) -> Any:
    """Return the 4 x 4 matrix that a method writes into its argument."""
    matrix = vtk.vtkMatrix4x4()
    fill(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def colours(segmentation: Any) -> dict[str, Any]:
    content = segmentation.GetSegmentation()
    segments = [content.GetSegment(segment_id) for segment_id in content.GetSegmentIDs()]
    return {segment.GetName(): segment.GetColor() for segment in segments}


def test_the_samples_have_names_pictures_and_a_heading(sources: list[Any]) -> None:
    assert [source.sampleName for source in sources] == ["SunnybrookBroken", "ChaseBroken"]
    assert SampleDataLogic.categoryTitle("RNCA Refine") == "RNCA Refine"
    for source in sources:
        assert source.thumbnailFileName.endswith(f"RNCARefine{source.sampleName}.png")
        assert [uri.rpartition("/")[2] for uri in source.uris] == source.fileNames


def test_the_checksums_are_those_of_the_files(source: Any) -> None:
    for name, checksum in zip(source.fileNames, source.checksums, strict=True):
        content = (RESOURCES / "SampleData" / name).read_bytes()
        assert checksum == f"SHA256:{hashlib.sha256(content).hexdigest()}", name


@pytest.mark.parametrize("way", ["button", "script"])
def test_the_stack_is_loaded_under_the_names_of_the_tutorial(sources: list[Any], way: str, no_network: None) -> None:
    volume, segmentation = loaded_by(sources[0], way)
    assert (volume.GetName(), segmentation.GetName()) == ("Sunnybrook short axis", "Sunnybrook broken wall")
    assert slicer.util.arrayFromVolume(volume).shape == (9, 256, 256)
    assert volume.GetSpacing() == pytest.approx((1.25, 1.25, 8.0))
    named = colours(segmentation)
    assert list(named) == ["myocardium", "blood pool"]
    assert named["myocardium"] == pytest.approx((0.94, 0.89, 0.26))
    assert named["blood pool"] == pytest.approx((0.85, 0.10, 0.12))


@pytest.mark.parametrize("way", ["button", "script"])
def test_the_photograph_is_loaded_in_colour_with_its_vessels(sources: list[Any], way: str, no_network: None) -> None:
    volume, segmentation = loaded_by(sources[1], way)
    assert (volume.GetName(), segmentation.GetName()) == ("Chase photograph", "Chase broken vessels")
    assert volume.GetClassName() == "vtkMRMLVectorVolumeNode"
    assert is_picture_volume(volume)
    with Image.open(RESOURCES / "SampleData" / "ChaseBroken-photograph.jpg") as photograph:
        difference = slicer.util.arrayFromVolume(volume)[0].astype(float) - np.asarray(photograph)
    assert np.abs(difference).mean() < 0.5  # two decoders
    assert colours(segmentation) == {"vessels": pytest.approx((0.85, 0.10, 0.12))}


def test_the_vessels_are_those_of_the_mask_on_the_grid_of_the_photograph() -> None:
    volume, segmentation = sample_data.load("ChaseBroken")
    # As the application places a picture that states no size of its pixels: 1 mm each, stored from right to left and
    # from anterior to posterior.
    ijk_to_ras = np.diag([-1.0, -1.0, 1.0, 1.0])
    np.testing.assert_array_equal(matrix_of(volume.GetIJKToRASMatrix), ijk_to_ras)
    labelmap = slicer.vtkOrientedImageData()
    segmentation.GetBinaryLabelmapRepresentation("vessels", labelmap)
    np.testing.assert_array_equal(matrix_of(labelmap.GetImageToWorldMatrix), ijk_to_ras)
    assert labelmap.GetExtent() == volume.GetImageData().GetExtent() == (0, 998, 0, 959, 0, 0)
    voxels = vtk_to_numpy(labelmap.GetPointData().GetScalars()).reshape(960, 999)
    with Image.open(RESOURCES / "SampleData" / "ChaseBroken-mask.png") as mask:
        np.testing.assert_array_equal(voxels, np.asarray(mask.convert("L")) > 127)


def test_the_script_in_the_repository_writes_this_segmentation(tmp_path: Path) -> None:
    script = runpy.run_path(str(RESOURCES.parents[1] / "Resources" / "make_vessel_segmentation.py"))
    again = tmp_path / "again.seg.nrrd"
    again.write_bytes(script["segmentation_of"](RESOURCES / "SampleData" / "ChaseBroken-mask.png"))
    written, shipped = read_nrrd(again), read_nrrd(RESOURCES / "SampleData" / "ChaseBroken-segmentation.seg.nrrd")
    assert written.header == shipped.header
    np.testing.assert_array_equal(written.values, shipped.values)


def test_the_button_shows_the_image_and_ties_the_segmentation_to_it(source: Any) -> None:
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
    volume, segmentation = sample_data.load(source.sampleName)
    assert [volume.GetName(), segmentation.GetName()] == [f"{name}_1" for name in source.nodeNames]
    assert segmentation.GetNodeReference("referenceImageGeometryRef") == volume
    assert first[1].GetNodeReference("referenceImageGeometryRef") == first[0]


@pytest.mark.parametrize(("sample", "name"), [(sample.name, name) for sample in SAMPLES for name in sample.checksums])
@pytest.mark.parametrize(("harm", "message"), [("missing", "is missing"), ("damaged", "checksum differs")])
def test_bad_files_are_refused_by_name_and_leave_no_trace(
    copy: Path, sample: str, name: str, harm: str, message: str
) -> None:
    path = copy / name
    if harm == "missing":
        path.unlink()
    else:
        content = bytearray(path.read_bytes())
        content[-9] ^= 1
        path.write_bytes(content)
    before = node_census()
    with pytest.raises(ValueError, match=rf"{name}.*{message}"):
        sample_data.load(sample)
    assert node_census() == before


@BY_NAME
def test_a_failure_half_way_leaves_no_trace(sample: sample_data.Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    # Not with a damaged file: Slicer crashes on some, which is why the checksums come first.
    def fail(path: str, properties: Any) -> None:
        raise RuntimeError(f"Failed to load node from file: {path}")

    monkeypatch.setattr(slicer.util, "loadSegmentation", fail)
    before = node_census()
    with pytest.raises(RuntimeError, match=f"{sample.name}-segmentation"):
        sample_data.load(sample.name)
    assert node_census() == before


def test_a_folder_with_a_blank_in_its_name_works_both_ways(copy: Path) -> None:
    with installed():
        sample_data.register(lambda source: sample_data.load(source.sampleName))
        for source in SampleDataLogic.sampleDataSourcesByCategory("RNCA Refine"):
            press(source)
            assert len(SampleDataLogic().downloadSamples(source.sampleName)) == 2


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
    assert [files.image.name, files.broken.name] == list(sample_data.HEART.checksums)
    case = read_case(files.image, files.broken, StructureChoice(segment="myocardium"))
    volume, segmentation = sample_data.load()
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(volume), case.stack.image)
    labelmap = slicer.vtkOrientedImageData()
    segmentation.GetBinaryLabelmapRepresentation("myocardium", labelmap)
    voxels = vtk_to_numpy(labelmap.GetPointData().GetScalars()).reshape(case.stack.mask.shape)
    np.testing.assert_array_equal(voxels, case.stack.mask)
