"""The module's self-test, run by the application: Reload and Test, or ctest.

Slicer imports this file when it starts: tested code is imported inside the tests.
"""

from __future__ import annotations

import importlib
import unittest
from typing import TYPE_CHECKING, Any

import slicer
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleTest

if TYPE_CHECKING:
    from rncarefine.stack import Mask


class SelfTest(ScriptedLoadableModuleTest):
    """Tests of ``RNCARefineTest`` in the module's file: a drawn heart, and the sample data.

    Tests that need a missing module are skipped with a log message.

    Attributes:
        makeLogic: ``RNCARefineLogic``.
    """

    makeLogic: Any = None
    BROKEN_SLICE = 3

    def setUp(self) -> None:
        """Start from an empty scene."""
        slicer.mrmlScene.Clear()

    def runTest(self) -> None:
        """Run all tests."""
        for test in (
            self.test_CheckFindsTheBrokenSlice,
            self.test_ProcessClosesIt,
            self.test_SampleIsRepairedAndReviewed,
            self.test_VesselSampleIsRepaired,
            self.test_SamplesAreOffered,
            self.test_StatisticsCountRings,
            self.test_EffectIsRegistered,
            self.test_PanelRepairs,
        ):
            self.setUp()
            try:
                test()
            except unittest.SkipTest as reason:
                self.delayDisplay(f"Skipped: {reason}")
        self.delayDisplay("Test passed")

    def test_CheckFindsTheBrokenSlice(self) -> None:
        """The broken slice is found, and nothing is changed."""
        self.delayDisplay("Checking a heart with a gap in one slice")
        volumeNode, segmentationNode = self.drawHeart()
        before = slicer.mrmlScene.GetNumberOfNodes()
        report = self.makeLogic().check(segmentationNode, "myocardium", volumeNode, "pool")
        assert [record.k for record in report.slices if record.verdict == "to repair"] == [self.BROKEN_SLICE]
        assert slicer.mrmlScene.GetNumberOfNodes() == before

    def test_ProcessClosesIt(self) -> None:
        """The broken slice is closed in a new segmentation; the input and the other slices do not change."""
        self.delayDisplay("Repairing it")
        volumeNode, segmentationNode = self.drawHeart()
        before = self.voxels(segmentationNode, volumeNode)
        logic = self.makeLogic()
        report = logic.process(segmentationNode, "myocardium", volumeNode, poolSegmentID="pool")
        assert report.stack.closed_after == report.stack.expected_rings
        after = self.voxels(logic.outputSegmentationNode(), volumeNode)
        changed = [k for k in range(len(before)) if (before[k] != after[k]).any()]
        assert changed == [self.BROKEN_SLICE]
        assert (self.voxels(segmentationNode, volumeNode) == before).all()
        assert logic.reportTableNode().GetNumberOfRows() == len(before)

    def test_SampleIsRepairedAndReviewed(self) -> None:
        """All rings of the sample are closed; rejecting a slice restores it, and undo reverts this."""
        from .mrml.sample_data import load

        self.delayDisplay("Repairing the sample data")
        volumeNode, segmentationNode = load()
        logic = self.makeLogic()
        report = logic.process(segmentationNode, "myocardium", volumeNode, poolSegmentID="bloodpool")
        assert report.stack.closed_before < report.stack.expected_rings
        assert report.stack.closed_after == report.stack.expected_rings
        repairedNode = logic.outputSegmentationNode()
        k = next(record.k for record in report.slices if record.taken_from_pool_mm2 > 0)
        segments = ("myocardium", "bloodpool")
        before, repaired = (
            [self.voxels(node, volumeNode, segment) for segment in segments]
            for node in (segmentationNode, repairedNode)
        )
        self.delayDisplay(f"Rejecting slice {k}, and undoing it")
        rejected = logic.reject(repairedNode, k)
        assert rejected.slices[k].accepted is False
        for segment, was, became in zip(segments, before, repaired, strict=True):
            expected = became.copy()
            expected[k] = was[k]
            assert (expected != became).any(), segment
            assert (self.voxels(repairedNode, volumeNode, segment) == expected).all(), segment
        assert logic.undo(repairedNode)
        assert logic.report(repairedNode).slices[k].accepted is None
        for segment, became in zip(segments, repaired, strict=True):
            assert (self.voxels(repairedNode, volumeNode, segment) == became).all(), segment

    def test_VesselSampleIsRepaired(self) -> None:
        """Bridges join vessels of the sample photograph; the mask does not change away from them."""
        import numpy as np

        from .mrml.sample_data import load

        self.delayDisplay("Repairing the sample photograph")
        volumeNode, segmentationNode = load("ChaseBroken")
        (before,) = self.voxels(segmentationNode, volumeNode, "vessels")
        logic = self.makeLogic()
        report = logic.processPicture(segmentationNode, "vessels", volumeNode, bridgesOnly=True)
        bridges = [place for place in report.places if place.verdict == "bridged"]
        assert len(bridges) == report.picture.bridges > 0
        assert report.picture.b0_after < report.picture.b0_before
        (after,) = self.voxels(logic.outputSegmentationNode(), volumeNode, "vessels")
        assert (after >= before).all()
        rows, columns = np.nonzero(after != before)
        far = np.ones(rows.shape, bool)
        for place in bridges:
            # A bridge stays within its length of its middle; it may be a few pixels wide.
            far &= np.hypot(rows - place.row, columns - place.column) > place.length_px + 3
        assert not far.any()
        assert (self.voxels(segmentationNode, volumeNode, "vessels")[0] == before).all()
        assert logic.reportTableNode().GetNumberOfRows() == len(report.places)

    def test_SamplesAreOffered(self) -> None:
        """The module Sample Data knows the samples and loads them without a connection."""
        from .mrml.sample_data import SAMPLES

        sampleData = self.moduleOrSkip("SampleData")
        self.delayDisplay("Loading the samples through the module Sample Data")
        sources = sampleData.SampleDataLogic.sampleDataSourcesByCategory("RNCA Refine")
        assert [source.sampleName for source in sources] == list(SAMPLES)
        for source, sample in zip(sources, SAMPLES.values(), strict=True):
            nodes = sampleData.SampleDataLogic().downloadFromSource(source)
            assert [node.GetName() for node in nodes] == [sample.volume_name, sample.segmentation_name]

    def test_StatisticsCountRings(self) -> None:
        """The table of the module Segment Statistics has the rings of the drawn heart."""
        segmentStatistics = self.moduleOrSkip("SegmentStatistics")
        self.delayDisplay("Computing segment statistics")
        _volumeNode, segmentationNode = self.drawHeart()
        logic = segmentStatistics.SegmentStatisticsLogic()
        logic.getParameterNode().SetParameter("Segmentation", segmentationNode.GetID())
        logic.getParameterNode().SetParameter("RNCARefineSegmentStatisticsPlugin.enabled", "True")
        logic.computeStatistics()
        tableNode = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode")
        logic.exportToTable(tableNode)
        row = {name: tableNode.GetTable().GetColumnByName(name) for name in ("Slices", "Ring slices", "Open slices")}
        assert [row[name].GetValue(0) for name in row] == [8, 7, 1]

    def test_EffectIsRegistered(self) -> None:
        """Segment Editor has the effect."""
        if not hasattr(slicer.modules, "segmenteditorrncarefine"):
            self.skipTest("the module that registers the effect is not loaded")
        effects = slicer.qSlicerSegmentEditorEffectFactory.instance().registeredEffects()
        assert "RNCA Repair" in [effect.name for effect in effects]

    def test_PanelRepairs(self) -> None:
        """The button Repair of the panel closes the drawn heart."""
        from .panel.dialogs import all_accepted

        representation = slicer.modules.rncarefine.widgetRepresentation()
        if representation is None:
            self.skipTest("there is no panel")
        self.delayDisplay("Pressing Repair in the panel")
        volumeNode, segmentationNode = self.drawHeart()
        widget = representation.self()
        widget.enter()
        try:
            parameters = widget.logic.getParameterNode()
            parameters.inputSegmentation, parameters.inputVolume = segmentationNode, volumeNode
            parameters.myocardiumSegmentID, parameters.poolSegmentID = "myocardium", "pool"
            # In testing mode Slicer declines every question.
            with all_accepted():
                widget.ui.repairButton.click()
            repairedNode = widget.logic.outputSegmentationNode()
            assert repairedNode is not None, widget.ui.noticeLabel.text
            stack = widget.logic.report(repairedNode).stack
            assert stack.closed_after == stack.expected_rings
        finally:
            if not representation.isEntered:
                widget.exit()

    def moduleOrSkip(self, name: str) -> Any:
        """Return the Python module of another Slicer module; the test is skipped where there is none."""
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError:
            self.skipTest(f"this application has no {name}")

    def drawHeart(self) -> tuple[Any, Any]:
        """Return a volume and a segmentation with the segments ``myocardium``, with a gap in one slice, and ``pool``.

        The volume has 8 slices of 96 x 96 pixels, 8 x 1.5 x 1.5 mm; the heart tapers towards the last one.
        """
        import numpy as np

        from .mrml.nodes.segments import write_segment
        from .mrml.nodes.volume_grid import VolumeGrid

        rows, columns = np.mgrid[:96, :96] - 48.0
        radii = np.linspace(22, 15, 8)[:, None, None]
        distance = np.hypot(rows, columns)[None]
        pool = (distance < radii - 7).astype(np.uint8)
        wall = ((distance >= radii - 7) & (distance < radii)).astype(np.uint8)
        image = 60 + 140 * pool + 20 * wall + np.random.default_rng(0).normal(0, 4, wall.shape)
        wall[self.BROKEN_SLICE][np.abs(np.degrees(np.arctan2(rows, columns))) < 15] = 0

        volume_node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Heart")
        slicer.util.updateVolumeFromArray(volume_node, image.astype(np.int16))
        volume_node.SetSpacing(1.5, 1.5, 8.0)
        segmentation_node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Segmentation")
        segmentation_node.CreateDefaultDisplayNodes()
        segmentation_node.SetReferenceImageGeometryParameterFromVolumeNode(volume_node)
        grid = VolumeGrid.of_volume(volume_node)
        for name, mask, colour in (("myocardium", wall, (0.8, 0.4, 0.3)), ("pool", pool, (0.9, 0.8, 0.2))):
            segmentation_node.GetSegmentation().AddEmptySegment(name, name, colour)
            write_segment(segmentation_node, name, mask, grid)
        return volume_node, segmentation_node

    def voxels(self, segmentationNode: Any, volumeNode: Any, segmentID: str = "myocardium") -> Mask:
        """Return a segment as an array on the volume's grid."""
        from .mrml.nodes.segments import read_segments
        from .mrml.nodes.volume_grid import VolumeGrid

        return read_segments(segmentationNode, [segmentID], VolumeGrid.of_volume(volumeNode))
