"""The effect with the real engine and the shipped model on the sample data, from check to undo."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import slicer

from harness.effects import NAME, register
from harness.hearts import is_a_ring, segment_voxels
from harness.segment_editor import SegmentEditor
from rncarefine.io.sample import MYOCARDIUM, POOL, sample_files

pytestmark = pytest.mark.slow


def test_the_sample_is_repaired_and_one_undo_restores_it(desktop: Any) -> None:
    volume = slicer.util.loadVolume(str(sample_files().image), properties={})
    node = slicer.util.loadSegmentation(str(sample_files().broken), properties={})
    segmentation = node.GetSegmentation()
    wall, pool = (segmentation.GetSegmentIdBySegmentName(name) for name in (MYOCARDIUM, POOL))

    def voxels(segment_id: str) -> np.ndarray:
        return segment_voxels(node, segment_id, volume)

    before = {segment_id: voxels(segment_id) for segment_id in (wall, pool)}
    register()
    editor = SegmentEditor()
    editor.setSegmentationNode(node)
    editor.setSourceVolumeNode(volume)
    editor.setCurrentSegmentID(wall)
    editor.setActiveEffectByName(NAME)
    effect = editor.activeEffect()
    assert effect is not None
    options = effect.self().options
    options.pool.currentIndex = options.pool.findText(POOL)

    options.check.click()
    assert options.findings.text.startswith("9 of 9 slices")
    options.preview.click()
    for segment_id, drawn in before.items():
        np.testing.assert_array_equal(voxels(segment_id), drawn)
    proposed = segment_voxels(effect.nodeReference("Preview"), "proposed", volume)

    options.apply.click()
    assert "0 to 8" in options.findings.text
    after = voxels(wall)
    np.testing.assert_array_equal(after, proposed)
    assert all(is_a_ring(slice_) for slice_ in after)
    taken = after & ~before[wall] & before[pool]
    assert taken.any()
    np.testing.assert_array_equal(voxels(pool), before[pool] & ~taken)
    options.check.click()
    assert options.findings.text.startswith("No slice needs repair")

    editor.undo()
    for segment_id, drawn in before.items():
        np.testing.assert_array_equal(voxels(segment_id), drawn)
    assert not editor.logic.CanUndo()
    editor.close()
