"""RNCARefine, the Slicer module: repairs broken myocardium in short-axis cardiac MR.

Module, widget, logic and self-test. The work is done by the package ``RNCARefineLib``, which is imported only when it
is needed, so that this file loads in a few milliseconds when Slicer starts.
"""

from __future__ import annotations

import logging
import sys

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)

DOCUMENTATION = "https://github.com/rncarefine/SlicerRNCARefine"

#
# RNCARefine
#


class RNCARefine(ScriptedLoadableModule):
    """What Slicer shows about the module."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("RNCA Refine")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        self.parent.dependencies = ["Segmentations", "SubjectHierarchy", "Tables"]
        self.parent.contributors = ["The RNCARefine contributors"]
        self.parent.helpText = _(
            "Repairs broken myocardium in segmentations of short-axis cine cardiac MR: a refinement neural cellular "
            "automaton, guided by the image, closes the wall and prunes loose pieces; every slice is checked, and a "
            "report says what was broken, what was done, and what a person must look at. For research use."
        )
        self.parent.helpText += f'<p><a href="{DOCUMENTATION}">{DOCUMENTATION}</a></p>'
        self.parent.acknowledgementText = _(
            "The method follows the refinement neural cellular automaton (rNCA) of arXiv 2512.13397. "
            "The training data of each model are named in its model card."
        )


#
# RNCARefineWidget
#


class RNCARefineWidget(ScriptedLoadableModuleWidget):
    """Says how the logic is called; everything the module does is done by :class:`RNCARefineLogic`."""

    def setup(self):
        """Called when the module is opened for the first time."""
        import qt

        ScriptedLoadableModuleWidget.setup(self)
        self.usageLabel = qt.QLabel(
            _(
                "Call the repair from the Python console:\n\n"
                "from RNCARefine import RNCARefineLogic\n"
                "report = RNCARefineLogic().process(segmentationNode, segmentID, volumeNode)\n"
                "print(report.summary())\n\n"
                "help(RNCARefineLogic) explains every option. Documentation: {url}"
            ).format(url=DOCUMENTATION)
        )
        self.usageLabel.wordWrap = True
        self.usageLabel.setTextInteractionFlags(qt.Qt.TextSelectableByMouse)
        self.layout.addWidget(self.usageLabel)
        self.layout.addStretch(1)

    def onReload(self):
        """Called by the developer's Reload button; Slicer itself reloads only this file."""
        for name in [name for name in sys.modules if name.partition(".")[0] == "RNCARefineLib"]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)


#
# RNCARefineLogic
#


class RNCARefineLogic(ScriptedLoadableModuleLogic):
    """Check and repair from a script, a panel or an effect; shows no window.

    Usage::

        logic = RNCARefineLogic()
        report = logic.process(segmentationNode, segmentID, volumeNode, poolSegmentID=poolID)
        print(report.summary())
        repaired, table = logic.outputSegmentationNode(), logic.reportTableNode()
    """

    def __init__(self, parent=None):
        ScriptedLoadableModuleLogic.__init__(self, parent)
        self._undoSteps = None
        self._outputNodeID = None
        self._tableNodeID = None

    def check(self, segmentationNode, segmentID, volumeNode, poolSegmentID=None, *, closeBase=False, apex="auto"):
        """Diagnose every slice of a segment; nothing is changed.

        Args:
            segmentationNode: Segmentation whose source representation is a binary label map.
            segmentID: ID (not the name) of the myocardium.
            volumeNode: Scalar volume that it was drawn on, under the same transform, slices along k.
            poolSegmentID: ID of the blood pool; without it, rings are judged by the wall alone.
            closeBase: Expect rings at the base, too, where the outflow tract leaves the wall open on purpose.
            apex: "auto", or "first" or "last", the end of the stack at which the apex lies.

        Returns:
            ``RNCARefineLib.records.Report``: one record a slice and one of the stack.

        Raises:
            ValueError: The nodes cannot be read; the message names node and remedy.
        """
        from RNCARefineLib.mrml.guards import Selection
        from RNCARefineLib.mrml.process import check

        selection = Selection.create(segmentationNode, segmentID, volumeNode, poolSegmentID)
        return check(selection, _options(close_base=closeBase, apex=apex))

    def process(
        self,
        segmentationNode,
        segmentID,
        volumeNode,
        outputSegmentationNode=None,
        poolSegmentID=None,
        *,
        model=None,
        device="auto",
        seed=0,
        samples=1,
        steps=None,
        closeBase=False,
        addOnly=False,
        geometry=True,
        apex="auto",
        maxChangeMm2=None,
        inPlace=False,
        trimPool=False,
        progressCallback=None,
    ):
        """Repair the broken slices of a segment; slices that are as they should be are not touched.

        By default the result is a new segmentation beside the input: all its segments, two further ones that hold the
        added and the removed voxels, and a table with the report. If anything fails, the scene is as it was before.

        Args:
            segmentationNode: Segmentation whose source representation is a binary label map.
            segmentID: ID (not the name) of the myocardium.
            volumeNode: Scalar volume that it was drawn on, under the same transform, slices along k.
            outputSegmentationNode: Segmentation to overwrite with the result; a new one by default. Never the input.
            poolSegmentID: ID of the blood pool. The wall takes from it what it needs; no other segment is changed.
            model: Name of a model, or path of its weights; the default model if not given.
            device: "auto", "numpy", "cpu", "cuda" or "mps".
            seed: Seed of the automaton; the same seed gives the same result on every device.
            samples: Rollouts with different seeds; several give a confidence per slice.
            steps: Steps of a rollout; those of the model card if not given.
            closeBase: Close the base, too, where the outflow tract leaves the wall open on purpose.
            addOnly: Never remove a voxel from the myocardium.
            geometry: Let polar interpolation try where the automaton fails.
            apex: "auto", or "first" or "last", the end of the stack at which the apex lies.
            maxChangeMm2: Largest change of a slice in mm2; what would change more is refused.
            inPlace: Change the input itself, as one step that :meth:`undo` takes back.
            trimPool: Remove the blood pool that lies outside the closed ring.
            progressCallback: Called with the fraction done and a text; returning ``False`` cancels.

        Returns:
            ``RNCARefineLib.records.Report``. The nodes are :meth:`outputSegmentationNode` and :meth:`reportTableNode`.

        Raises:
            ValueError: Bad input; the message names node and remedy.
            RNCARefineLib.progress.Cancelled: ``progressCallback`` returned ``False``.
        """
        from RNCARefineLib.model import DEFAULT_MODEL, load_model
        from RNCARefineLib.mrml.guards import Selection
        from RNCARefineLib.mrml.process import Destination, process

        selection = Selection.create(segmentationNode, segmentID, volumeNode, poolSegmentID)
        options = _options(
            device=device,
            seed=seed,
            samples=samples,
            steps=steps,
            close_base=closeBase,
            add_only=addOnly,
            geometry=geometry,
            apex=apex,
            max_change_mm2=maxChangeMm2,
        )
        outcome = process(
            selection,
            load_model(DEFAULT_MODEL if model is None else model),
            options,
            Destination(outputSegmentationNode, inPlace, self._steps()),
            trim_pool=trimPool,
            progress=progressCallback,
        )
        self._outputNodeID = outcome.segmentation_node.GetID()
        self._tableNodeID = outcome.table_node.GetID()
        logging.info(f"RNCARefine, {outcome.segmentation_node.GetName()}: {outcome.report.summary()}")
        return outcome.report

    def outputSegmentationNode(self):
        """Return the segmentation that the last repair wrote, ``None`` if there is none or it was deleted."""
        return slicer.mrmlScene.GetNodeByID(self._outputNodeID) if self._outputNodeID else None

    def reportTableNode(self):
        """Return the table that the last repair wrote, ``None`` if there is none or it was deleted."""
        return slicer.mrmlScene.GetNodeByID(self._tableNodeID) if self._tableNodeID else None

    def undo(self, segmentationNode):
        """Take back the last repair in place that this logic has made; return whether there was one."""
        return self._steps().undo(segmentationNode)

    def redo(self, segmentationNode):
        """Make the repair in place again that was undone last; return whether there was one."""
        return self._steps().redo(segmentationNode)

    def _steps(self):
        from RNCARefineLib.mrml.undo import UndoSteps

        if self._undoSteps is None:
            self._undoSteps = UndoSteps()
        return self._undoSteps


def _options(*, apex, max_change_mm2=None, **values):
    """Return the engine's options; ``apex`` is a word."""
    from RNCARefineLib.repair import RepairOptions
    from RNCARefineLib.verify import Bounds
    from RNCARefineLib.words import Apex

    words = [str(word) for word in Apex]
    if str(apex) not in words:
        raise ValueError(f"The apex is {apex!r}. Give one of {', '.join(words)}.")
    return RepairOptions(apex=Apex(str(apex)), bounds=Bounds(most_change_mm2=max_change_mm2), **values)


#
# RNCARefineTest
#


class RNCARefineTest(ScriptedLoadableModuleTest):
    """Self-test for the application: a drawn heart, one slice of which is broken."""

    def setUp(self):
        """Start from an empty scene."""
        slicer.mrmlScene.Clear()

    def runTest(self):
        """Run all tests."""
        for test in (self.test_CheckFindsTheBrokenSlice, self.test_ProcessClosesIt):
            self.setUp()
            test()

    def test_CheckFindsTheBrokenSlice(self):
        """The broken slice is found, and nothing is changed."""
        self.delayDisplay("Checking a heart with a gap in one slice")
        volumeNode, segmentationNode = self.drawHeart()
        before = slicer.mrmlScene.GetNumberOfNodes()
        report = RNCARefineLogic().check(segmentationNode, "myocardium", volumeNode, "pool")
        assert [record.k for record in report.slices if record.verdict == "to repair"] == [self.BROKEN_SLICE]
        assert slicer.mrmlScene.GetNumberOfNodes() == before

    def test_ProcessClosesIt(self):
        """The broken slice is closed in a new segmentation; the input and the other slices are as they were."""
        self.delayDisplay("Repairing it")
        volumeNode, segmentationNode = self.drawHeart()
        before = self.voxels(segmentationNode, volumeNode)
        logic = RNCARefineLogic()
        report = logic.process(segmentationNode, "myocardium", volumeNode, poolSegmentID="pool")
        assert report.stack.closed_after == report.stack.expected_rings
        after = self.voxels(logic.outputSegmentationNode(), volumeNode)
        changed = [k for k in range(len(before)) if (before[k] != after[k]).any()]
        assert changed == [self.BROKEN_SLICE]
        assert (self.voxels(segmentationNode, volumeNode) == before).all()
        assert logic.reportTableNode().GetNumberOfRows() == len(before)
        self.delayDisplay("Test passed")

    BROKEN_SLICE = 3

    def drawHeart(self):
        """Return a volume (8 slices of 96 x 96 pixels, 8 x 1.5 x 1.5 mm) and a segmentation of its wall and pool."""
        import numpy as np

        from RNCARefineLib.mrml.segments import write_segment
        from RNCARefineLib.mrml.volume_grid import VolumeGrid

        rows, columns = np.mgrid[:96, :96] - 48.0
        angle = np.degrees(np.arctan2(rows, columns))
        # The heart tapers towards the apex, the last slice.
        radii = np.linspace(22, 15, 8)[:, None, None]
        distance = np.hypot(rows, columns)[None]
        pool = (distance < radii - 7).astype(np.uint8)
        wall = ((distance >= radii - 7) & (distance < radii)).astype(np.uint8)
        image = 60 + 140 * pool + 20 * wall + np.random.default_rng(0).normal(0, 4, wall.shape)
        wall[self.BROKEN_SLICE][np.abs(angle) < 15] = 0

        volumeNode = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Heart")
        slicer.util.updateVolumeFromArray(volumeNode, image.astype(np.int16))
        volumeNode.SetSpacing(1.5, 1.5, 8.0)
        segmentationNode = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Segmentation")
        segmentationNode.CreateDefaultDisplayNodes()
        segmentationNode.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
        grid = VolumeGrid.of_volume(volumeNode)
        for name, mask, colour in (("myocardium", wall, (0.8, 0.4, 0.3)), ("pool", pool, (0.9, 0.8, 0.2))):
            segmentationNode.GetSegmentation().AddEmptySegment(name, name, colour)
            write_segment(segmentationNode, name, mask, grid)
        return volumeNode, segmentationNode

    def voxels(self, segmentationNode, volumeNode):
        """Return the myocardium as an array on the volume's grid."""
        from RNCARefineLib.mrml.segments import read_segments
        from RNCARefineLib.mrml.volume_grid import VolumeGrid

        return read_segments(segmentationNode, ["myocardium"], VolumeGrid.of_volume(volumeNode))
