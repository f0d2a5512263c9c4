"""The logic's calls for many stacks: the frames of a sequence, and a folder of cases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import slicer

from harness.cine import INTACT_FRAME, draw_cine
from harness.cohort import break_case, write_cases
from harness.hearts import node_census


def test_every_frame_of_a_sequence_is_repaired_and_the_shown_one_can_be_reviewed(logic: Any) -> None:
    cine = draw_cine()
    heart = cine.heart
    outcome = logic.processSequence(cine.browser, heart.segmentation, "myo", heart.volume, "pool", seed=3)
    assert sorted(outcome.reports) == [0, 1, 2]
    assert {report.run.seed for report in outcome.reports.values()} == {3}
    assert outcome.reports[INTACT_FRAME].stack.changed == 0
    assert logic.outputSegmentationNode() == outcome.segmentation_node
    assert logic.reportTableNode() == outcome.table_node
    assert logic.reportTableNode().GetNumberOfRows() == sum(len(r.slices) for r in outcome.reports.values())
    changed = next(record.k for record in outcome.reports[0].slices if record.added_mm2 > 0)
    before = heart.voxels("myo")[changed]
    logic.reject(outcome.segmentation_node, changed)
    assert (heart.voxels("myo", outcome.segmentation_node)[changed] == before).all()


def test_frames_options_and_cancelling_reach_the_sequence(logic: Any) -> None:
    cine = draw_cine()
    heart = cine.heart
    outcome = logic.processSequence(cine.browser, heart.segmentation, "myo", heart.volume, frames=[2], inPlace=True)
    assert list(outcome.reports) == [2]
    assert outcome.segmentation_node == heart.segmentation
    with pytest.raises(TypeError, match="colour"):
        logic.processSequence(cine.browser, heart.segmentation, "myo", heart.volume, colour="red")
    before = node_census()
    with pytest.raises(ValueError, match=r"slice-wise.*volumetric"):
        logic.processSequence(
            cine.browser, heart.segmentation, "myo", heart.volume, mode="volumetric", model="sax-cine-2d"
        )
    assert node_census() == before


def test_a_folder_of_cases_is_repaired_and_gone_on_with(logic: Any, tmp_path: Path) -> None:
    write_cases(tmp_path / "in", ["anna", "bert", "carl"])
    break_case(tmp_path / "in" / "bert")
    outcome = logic.processBatch(tmp_path / "in", tmp_path / "out", segment="myo", pool="pool")
    assert outcome.repaired == ["anna", "carl"]
    assert "constant" in outcome.failed["bert"]
    assert sorted(path.name for path in (tmp_path / "out").glob("*.seg.nrrd")) == ["anna.seg.nrrd", "carl.seg.nrrd"]
    again = logic.processBatch(tmp_path / "in", tmp_path / "out", segment="myo", pool="pool")
    assert (again.repaired, again.skipped, list(again.failed)) == ([], ["anna", "carl"], ["bert"])
    with pytest.raises(ValueError, match="settings"):
        logic.processBatch(tmp_path / "in", tmp_path / "out", segment="myo", pool="pool", seed=1)


def test_a_list_and_patterns_name_the_cases_and_somebody_s_scene_is_not_cleared(logic: Any, tmp_path: Path) -> None:
    write_cases(tmp_path / "in", ["anna"])
    listed = tmp_path / "cases.csv"
    listed.write_text("case,image,segmentation\nfirst,in/anna/image.nrrd,in/anna/segmentation.seg.nrrd\n")
    assert logic.processBatch(None, tmp_path / "one", cases=listed, segment="myo").repaired == ["first"]
    patterns = {"imagePattern": "{case}/im*.nrrd", "segmentationPattern": "{case}/seg*.seg.nrrd"}
    assert logic.processBatch(tmp_path / "in", tmp_path / "two", segment="myo", **patterns).repaired == ["anna"]
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Mine")
    with pytest.raises(ValueError, match="scene"):
        logic.processBatch(tmp_path / "in", tmp_path / "three", segment="myo")
    assert slicer.util.getNode("Mine")
