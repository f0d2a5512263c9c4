"""Batches: every case loaded, repaired, saved and forgotten; broken cases, stops and full disks on the way."""

from __future__ import annotations

import csv
import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import slicer

from engine.model_folders import seeing_weights
from harness import toy_engine
from harness.cohort import break_case, write_cases
from harness.hearts import draw_heart, node_census, segment_voxels
from rncarefine.batch.cases import CohortCase, find_cases
from rncarefine.batch.cohort import OutputError
from rncarefine.batch.runs import BatchOutcome, CaseNews
from rncarefine.nca.model import load_model
from rncarefine.refine.options import RepairOptions
from RNCARefineLib.mrml.batch import find_segment, process_batch
from RNCARefineLib.mrml.reviewing import Review

NAMES = ("p1", "p2", "p3")


@pytest.fixture
def cases(tmp_path: Path) -> list[CohortCase]:
    write_cases(tmp_path / "in", NAMES)
    return find_cases(tmp_path / "in")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def batch(cases: list[CohortCase], out: Path, **options: Any) -> BatchOutcome:
    model: Any = toy_engine.ToyModel("toy")
    repair = options.pop("options", RepairOptions())
    return process_batch(cases, out, model, repair, **{"segment": "myo", "pool": "pool", **options})


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "cohort.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@contextmanager
def disk_full_after(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond ``size`` bytes."""
    resource = pytest.importorskip("resource", reason="Windows has no limit on the size of files")
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        signal.signal(signal.SIGXFSZ, handler)


pytestmark = pytest.mark.usefixtures("toy_engine")


def test_every_case_is_repaired_and_saved(cases: list[CohortCase], out: Path) -> None:
    outcome = batch(cases, out)
    assert outcome.repaired == list(NAMES)
    assert not outcome.failed
    for case in cases:
        volume = slicer.util.loadVolume(str(case.image), properties={})
        node = slicer.util.loadSegmentation(str(out / f"{case.name}.seg.nrrd"), properties={})
        heart = draw_heart()
        ring = np.repeat(heart.ring[None], len(heart.masks["myo"]), axis=0)
        np.testing.assert_array_equal(segment_voxels(node, "myo", volume), ring)
        np.testing.assert_array_equal(segment_voxels(node, "rv", volume), heart.masks["rv"])
        assert Review.of(node, volume_node=volume).report().stack.name == case.name
    assert [(row["case"], row["k"]) for row in rows(out)] == [(name, str(k)) for name in NAMES for k in range(5)]


def test_the_scene_is_empty_between_the_cases_and_afterwards(cases: list[CohortCase], out: Path) -> None:
    empty = node_census()
    censuses = []
    batch(cases, out, tell=lambda news: censuses.append(node_census()))
    assert censuses == [empty] * 3
    assert node_census() == empty


def test_the_inputs_are_not_changed(cases: list[CohortCase], out: Path) -> None:
    before = {path: path.read_bytes() for case in cases for path in case.files()}
    batch(cases, out)
    assert {path: path.read_bytes() for path in before} == before


def test_a_scene_with_data_is_refused_unless_it_may_be_cleared(cases: list[CohortCase], out: Path) -> None:
    draw_heart()
    before = node_census()
    with pytest.raises(ValueError, match=r"'Cine', 'Heart'.*clearScene"):
        batch(cases, out)
    assert node_census() == before
    assert not out.exists()
    assert batch(cases, out, clear_scene=True).repaired == list(NAMES)


def test_nodes_that_the_application_made_do_not_count_as_data(cases: list[CohortCase], out: Path) -> None:
    hidden = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode", "Red Volume Slice")
    hidden.SetHideFromEditors(True)
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLColorTableNode", "Colours")
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLCameraNode", "Camera")
    assert batch(cases, out).repaired == list(NAMES)


@pytest.mark.parametrize("class_name", ["vtkMRMLTableNode", "vtkMRMLModelNode", "vtkMRMLSequenceNode"])
def test_every_kind_of_data_is_protected(cases: list[CohortCase], out: Path, class_name: str) -> None:
    slicer.mrmlScene.AddNewNodeByClass(class_name, "Mine")
    with pytest.raises(ValueError, match="'Mine'"):
        batch(cases, out)


def test_a_broken_case_is_logged_and_the_others_go_on(cases: list[CohortCase], out: Path, tmp_path: Path) -> None:
    break_case(tmp_path / "in" / "p2")
    news: list[CaseNews] = []
    outcome = batch(cases, out, tell=news.append)
    assert outcome.repaired == ["p1", "p3"]
    assert "constant" in outcome.failed["p2"]
    assert [one.word for one in news] == ["repaired", "failed", "repaired"]
    assert not (out / "p2.seg.nrrd").exists()
    assert (out / "failed.csv").read_text().splitlines()[1].startswith("p2,p2: the image is constant")
    assert {row["case"] for row in rows(out)} == {"p1", "p3"}


@pytest.mark.parametrize("part", ["image.nrrd", "segmentation.seg.nrrd"])
@pytest.mark.parametrize("kept", [0, 100, 0.5, 0.95])
def test_a_file_that_was_cut_off_breaks_its_case_and_not_slicer(
    cases: list[CohortCase], out: Path, tmp_path: Path, part: str, kept: float
) -> None:
    path = tmp_path / "in" / "p2" / part
    data = path.read_bytes()
    path.write_bytes(data[: int(kept) if kept in (0, 100) else int(kept * len(data))])
    outcome = batch(cases, out)
    assert outcome.repaired == ["p1", "p3"]
    assert f"{part}: the" in outcome.failed["p2"]


def test_a_cut_off_nifti_image_is_not_taken_for_a_whole_one(cases: list[CohortCase], out: Path, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.nii.gz", tmp_path / "cut.nii.gz"
    sitk.WriteImage(sitk.ReadImage(str(cases[0].image)), str(whole))
    cut.write_bytes(whole.read_bytes()[:-1000])
    segmentation = cases[0].segmentation
    outcome = batch([CohortCase("a", cut, segmentation), CohortCase("b", whole, segmentation)], out)
    assert outcome.repaired == ["b"]
    assert "cut off" in outcome.failed["a"]


def test_label_maps_are_repaired_by_the_label(cases: list[CohortCase], out: Path, tmp_path: Path) -> None:
    heart = draw_heart("axis-aligned")
    labels = heart.masks["myo"] * 2
    labels[heart.masks["pool"] > 0] = 3
    image, label_map = tmp_path / "image.nii.gz", tmp_path / "labels.nii.gz"
    assert slicer.util.saveNode(heart.volume, str(image), properties={})
    picture = sitk.ReadImage(str(image))
    drawn = sitk.GetImageFromArray(labels.astype(np.uint8))
    drawn.CopyInformation(picture)
    sitk.WriteImage(drawn, str(label_map))
    ring = np.repeat(heart.ring[None], 5, axis=0)
    slicer.mrmlScene.Clear()
    outcome = batch([CohortCase("nifti", image, label_map)], out, segment="2", pool="3")
    assert outcome.repaired == ["nifti"], outcome.failed
    node = slicer.util.loadSegmentation(str(out / "nifti.seg.nrrd"), properties={})
    volume = slicer.util.loadVolume(str(image), properties={})
    np.testing.assert_array_equal(segment_voxels(node, "Segment_2", volume), ring)


def test_a_case_may_name_segments_of_its_own(cases: list[CohortCase], out: Path) -> None:
    own = [replace(cases[0], segment="myo", pool="pool"), cases[1]]
    outcome = batch(own, out, segment="nothing", pool=None)
    assert outcome.repaired == ["p1"]
    assert "'nothing'" in outcome.failed["p2"]


def test_a_run_can_be_stopped_in_a_case_and_resumed(cases: list[CohortCase], out: Path) -> None:
    empty = node_census()
    outcome = batch(cases, out, progress=lambda fraction, text: "Case 2 of 3 (p2): Repairing slice 3" not in text)
    assert outcome.stopped
    assert outcome.repaired == ["p1"]
    assert node_census() == empty
    assert sorted(path.name for path in out.iterdir()) == ["cohort.csv", "p1.seg.nrrd", "reports", "settings.json"]
    first = (out / "p1.seg.nrrd").stat().st_mtime_ns
    again = batch(cases, out)
    assert again.skipped == ["p1"]
    assert again.repaired == ["p2", "p3"]
    assert (out / "p1.seg.nrrd").stat().st_mtime_ns == first
    assert len(rows(out)) == 15


def test_ctrl_c_empties_the_scene_and_keeps_what_is_finished(cases: list[CohortCase], out: Path) -> None:
    def interrupt(fraction: float, text: str) -> None:
        if text.startswith("Case 2 of 3 (p2): Repairing"):
            raise KeyboardInterrupt

    empty = node_census()
    with pytest.raises(KeyboardInterrupt):
        batch(cases, out, progress=interrupt)
    assert node_census() == empty
    assert batch(cases, out).skipped == ["p1"]


def test_a_resumed_run_with_other_settings_is_refused(cases: list[CohortCase], out: Path) -> None:
    batch(cases[:1], out)
    with pytest.raises(ValueError, match=r"seed was 0, is 3"):
        batch(cases, out, options=RepairOptions(seed=3))
    with pytest.raises(ValueError, match=r"pool was 'pool', is None"):
        batch(cases, out, pool=None)
    with pytest.raises(ValueError, match=r"trim_pool was False, is True"):
        batch(cases, out, options=RepairOptions(trim_pool=True))


def test_a_failed_case_is_tried_again(cases: list[CohortCase], out: Path, tmp_path: Path) -> None:
    image = tmp_path / "in" / "p2" / "image.nrrd"
    kept = image.rename(tmp_path / "kept.nrrd")
    missing = [*cases[:1], CohortCase("p2", image, cases[1].segmentation), *cases[2:]]
    assert "does not exist" in batch(missing, out).failed["p2"]
    kept.rename(image)
    outcome = batch(missing, out)
    assert outcome.repaired == ["p2"]
    assert not outcome.failed
    assert (out / "failed.csv").read_text() == "case,reason\n"


@pytest.mark.parametrize("size", [0, 300, 2000])
def test_a_full_disk_ends_the_batch_and_leaves_no_half_file(cases: list[CohortCase], out: Path, size: int) -> None:
    """Slicer reports a result as written though the disk was full."""
    empty = node_census()
    batch(cases[:1], out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with disk_full_after(size), pytest.raises(OutputError, match=r"Make room"):
        batch(cases, out)
    assert node_census() == empty
    after = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert after == before
    assert batch(cases, out).repaired == ["p2", "p3"]


def test_a_result_that_slicer_cuts_off_is_noticed(cases: list[CohortCase], out: Path, monkeypatch: Any) -> None:
    save = slicer.util.saveNode

    def cut(node: Any, path: str, properties: dict[str, Any]) -> bool:
        done = save(node, path, properties=properties)
        os.truncate(path, os.path.getsize(path) - 100)
        return bool(done)

    monkeypatch.setattr(slicer.util, "saveNode", cut)
    with pytest.raises(OutputError, match=r"p1\.seg\.nrrd.*disk full"):
        batch(cases, out)
    assert not (out / "p1.seg.nrrd").exists()


def test_a_result_that_slicer_refuses_to_write_ends_the_batch(
    cases: list[CohortCase], out: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(slicer.util, "saveNode", lambda node, path, properties: False)
    with pytest.raises(OutputError, match=r"write .*p1\.seg\.nrrd"):
        batch(cases, out)


def test_trimming_without_a_pool_is_refused_before_anything_is_made(cases: list[CohortCase], out: Path) -> None:
    with pytest.raises(ValueError, match="trimmed"):
        batch(cases, out, pool=None, options=RepairOptions(trim_pool=True))
    assert not out.exists()


def test_results_never_overwrite_their_own_inputs(cases: list[CohortCase], tmp_path: Path) -> None:
    folder = tmp_path / "flat"
    folder.mkdir()
    for case in cases:
        image, segmentation = case.files()
        image.rename(folder / f"{case.name}.nrrd")
        segmentation.rename(folder / f"{case.name}.seg.nrrd")
    flat = find_cases(folder, "{case}.nrrd", "{case}.seg.nrrd")
    with pytest.raises(ValueError, match=r"p1\.seg\.nrrd exists"):
        batch(flat, folder)


@pytest.mark.parametrize(
    ("wanted", "segment_id"), [("myo", "myo"), ("The pool", "pool"), ("7", "Segment_7"), ("lv", "lv"), (None, None)]
)
def test_a_segment_is_found_by_id_name_or_label(wanted: str | None, segment_id: str | None) -> None:
    heart = draw_heart()
    segmentation = heart.segmentation.GetSegmentation()
    segmentation.AddEmptySegment("Segment_7", "Segment_7")
    segmentation.AddEmptySegment("lv", "myo")  # an ID goes before a name
    if segment_id is None:
        with pytest.raises(ValueError, match=r"myocardium.*'myo' \(The myo\)"):
            find_segment(heart.segmentation, wanted, "myocardium")
    else:
        assert find_segment(heart.segmentation, wanted, "myocardium") == segment_id


def test_the_only_segment_need_not_be_named() -> None:
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    node.GetSegmentation().AddEmptySegment("only")
    assert find_segment(node, None, "myocardium") == "only"


def test_a_segment_that_is_not_there_or_not_clear_is_refused() -> None:
    heart = draw_heart()
    with pytest.raises(ValueError, match=r"'lumen'.*'myo' \(The myo\), 'pool'"):
        find_segment(heart.segmentation, "lumen", "blood pool")
    heart.segmentation.GetSegmentation().GetSegment("rv").SetName("The myo")
    with pytest.raises(ValueError, match=r"Several.*'The myo'"):
        find_segment(heart.segmentation, "The myo", "myocardium")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the memory in use is read from /proc")
def test_many_cases_leave_nothing_in_memory(tmp_path: Path, out: Path) -> None:
    """The quick version of Testing/benchmarks/benchmark_batch_memory.py, which runs 200 cases."""
    names = [f"case{number:02}" for number in range(30)]
    write_cases(tmp_path / "many", names)
    cases = find_cases(tmp_path / "many")
    objects, memory = [], []

    def note(news: CaseNews) -> None:
        objects.append(slicer.mrmlScene.GetNumberOfNodes())
        memory.append(int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"))

    outcome = batch(cases, out, tell=note)
    assert len(outcome.repaired) == 30, outcome.failed
    assert len(set(objects)) == 1
    growth = (memory[-1] - memory[9]) / 20
    # Its arrays alone have more than 60 kB: image, four segments and their repair, 9,600 voxels each.
    assert growth < 60_000, f"{growth / 1000:.0f} kB a case"


class TestTheRealEngine:
    """On an automaton that proposes the wall that the image shows."""

    @pytest.fixture
    def toy_engine(self) -> None:
        """The engine is not replaced here."""

    def test_repairs_cases_the_same_way_whatever_was_done_before(
        self, cases: list[CohortCase], out: Path, tmp_path: Path
    ) -> None:
        model = load_model(seeing_weights(tmp_path))
        options = RepairOptions(device="numpy", close_base=True)
        outcome = process_batch(cases, out, model, options, segment="myo", pool="pool")
        assert outcome.repaired == list(NAMES)
        results = [(out / f"{name}.seg.nrrd").read_bytes() for name in NAMES]
        shapes = [sitk.GetArrayFromImage(sitk.ReadImage(str(out / f"{name}.seg.nrrd"))) for name in NAMES]
        assert len(results[0]) > 1000
        for shape in shapes[1:]:
            np.testing.assert_array_equal(shape, shapes[0])
        closed = [row for row in rows(out) if row["finding_after"] == "ring"]
        assert len(closed) == 15


def test_a_pool_that_one_case_lacks_is_noted_in_its_report(cases: list[CohortCase], out: Path) -> None:
    outcome = batch(cases, out, pool="lumen", options=RepairOptions(trim_pool=True))
    assert not outcome.failed
    assert outcome.totals.noted_cases == len(cases)
    report = json.loads((out / "reports" / f"{cases[0].name}.json").read_text(encoding="utf-8"))["report"]
    assert report["doubts"][0]["code"] == "pool_not_found"
