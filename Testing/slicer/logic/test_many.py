"""The logic's calls for many stacks: the frames of a sequence, and a folder of cases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer

from engine.model_folders import seeing_weights
from harness.cine import INTACT_FRAME, draw_cine
from harness.cohort import break_case, write_cases
from harness.hearts import GAP, draw_heart, node_census, segment_voxels
from RNCARefineLib.mrml.review.decisions import Review
from RNCARefineLib.mrml.review.kept import tag_of


def test_every_frame_is_repaired_and_the_shown_one_reviewed(logic: Any) -> None:
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


# A folder of cases


@pytest.fixture
def batch(module: Any, tmp_path: Path) -> Any:
    """Return ``processBatch`` of the logic on the cases anna, bert and carl, with weights that see the wall."""
    write_cases(tmp_path / "in", ["anna", "bert", "carl"])
    weights = str(seeing_weights(tmp_path))

    def process(output: str = "out", source: Any = tmp_path / "in", **options: Any) -> Any:
        chosen = {"segment": "myo", "pool": "pool", "model": weights, "device": "numpy", "closeBase": True, **options}
        return module.RNCARefineLogic().processBatch(source, tmp_path / output, **chosen)

    return process


def test_a_folder_of_cases_is_repaired_and_resumed(batch: Any, tmp_path: Path) -> None:
    break_case(tmp_path / "in" / "bert")
    outcome = batch()
    assert outcome.repaired == ["anna", "carl"]
    assert "constant" in outcome.failed["bert"]
    assert sorted(path.name for path in (tmp_path / "out").glob("*.seg.nrrd")) == ["anna.seg.nrrd", "carl.seg.nrrd"]
    again = batch()
    assert (again.repaired, again.skipped, list(again.failed)) == ([], ["anna", "carl"], ["bert"])
    with pytest.raises(ValueError, match="settings"):
        batch(seed=1)


def test_a_result_can_be_loaded_and_reviewed(batch: Any, module: Any, tmp_path: Path) -> None:
    batch()
    volume = slicer.util.loadVolume(str(tmp_path / "in" / "anna" / "image.nrrd"), properties={})
    node = slicer.util.loadSegmentation(str(tmp_path / "out" / "anna.seg.nrrd"), properties={})
    heart = draw_heart()
    after = {name: segment_voxels(node, name, volume) for name in heart.masks}
    assert (after["myo"] != heart.masks["myo"]).any()
    for name in ("rv", "scar"):
        np.testing.assert_array_equal(after[name], heart.masks[name])
    logic = module.RNCARefineLogic()
    review = Review.of(node, volume_node=volume)
    assert (review.segment_id, review.pool_id, review.report().stack.name) == ("myo", "pool", "anna")
    assert review.report().stack.closed_after == 5
    np.testing.assert_array_equal(review.wall_now(), after["myo"])
    assert tag_of(node.GetSegmentation().GetSegment("myo"), "Site.Reader") == "reader 2"
    logic.reject(node, GAP)
    for name in ("myo", "pool"):
        np.testing.assert_array_equal(segment_voxels(node, name, volume)[GAP], heart.masks[name][GAP])
    logic.accept(node, GAP)
    np.testing.assert_array_equal(segment_voxels(node, "myo", volume), after["myo"])
    assert review.report().slices[GAP].accepted


def test_the_scene_is_not_changed(batch: Any) -> None:
    draw_heart()
    before = node_census()
    assert batch().repaired == ["anna", "bert", "carl"]
    assert node_census() == before


def test_a_list_and_patterns_name_the_cases(batch: Any, tmp_path: Path) -> None:
    listed = tmp_path / "cases.csv"
    listed.write_text("Case;Image;Segmentation\nfirst;in/anna/image.nrrd;in/anna/segmentation.seg.nrrd\n")
    assert batch("one", None, cases=listed).repaired == ["first"]
    patterns = {"imagePattern": "{case}/im*.nrrd", "segmentationPattern": "{case}/seg*.seg.nrrd"}
    assert batch("two", **patterns).repaired == ["anna", "bert", "carl"]


def test_a_batch_can_be_stopped_in_a_case_and_resumed(batch: Any, tmp_path: Path) -> None:
    def stop(fraction: float, text: str) -> bool:
        return "bert" not in text or fraction < 0.5

    outcome = batch(progressCallback=stop)
    assert outcome.stopped
    assert outcome.repaired == ["anna"]
    assert not (tmp_path / "out" / "bert.seg.nrrd").exists()
    assert batch().repaired == ["bert", "carl"]
