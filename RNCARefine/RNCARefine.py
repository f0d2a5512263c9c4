"""RNCARefine, the Slicer module: repairs broken myocardium in short-axis cardiac MR.

It defines module, parameter node, widget, logic and self-test. The packages ``RNCARefineLib`` and ``rncarefine`` are
imported on use, so that this file loads in a few milliseconds when Slicer starts.
"""

from __future__ import annotations

import logging
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import Choice, WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

from RNCARefineLib import self_test

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from rncarefine.batch.runs import BatchOutcome
    from rncarefine.refine.place_records import PictureReport
    from rncarefine.refine.records import Report
    from RNCARefineLib.mrml.cine.repair import CineOutcome
    from RNCARefineLib.mrml.review.decisions import Review
    from RNCARefineLib.mrml.review.vessels import VesselReview

    Progress = Callable[[float, str], "bool | None"]

DOCUMENTATION = "https://github.com/rncarefine/SlicerRNCARefine"

#
# RNCARefine
#


class RNCARefine(ScriptedLoadableModule):
    """Title, category and help of the module."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("RNCA Refine")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        self.parent.dependencies = ["Segmentations", "SubjectHierarchy", "Tables", "Plots"]
        self.parent.contributors = ["The RNCARefine contributors"]
        self.parent.helpText = _(
            "Repairs broken myocardium in segmentations of short-axis cine cardiac MR: a refinement neural cellular "
            "automaton, guided by the image, closes the wall and removes loose components. Every slice is verified, "
            "and a report lists what was broken, what was changed and what needs review. For research use."
        )
        self.parent.helpText += f'<p><a href="{DOCUMENTATION}">{DOCUMENTATION}</a></p>'
        self.parent.acknowledgementText = _(
            "The method follows the refinement neural cellular automaton (rNCA) of arXiv 2512.13397. "
            "The training data of each model are named in its model card."
        )
        # These need other modules, which are loaded later.
        slicer.app.connect("startupCompleted()", registerSampleData)
        slicer.app.connect("startupCompleted()", registerStatisticsPlugin)


def registerSampleData():
    """Offer the samples in the module Sample Data."""
    from RNCARefineLib.mrml import start_up

    start_up.register_sample_data()


def registerStatisticsPlugin():
    """Offer rings, gaps and Betti numbers for the table of the module Segment Statistics."""
    from RNCARefineLib.mrml import start_up

    start_up.register_statistics()


#
# RNCARefineParameterNode
#


@parameterNodeWrapper
class RNCARefineParameterNode:
    """Settings of the panel, saved and restored with the scene.

    Fields that are not listed are options of :meth:`RNCARefineLogic.process`; 0 or an empty text means none.

    Attributes:
        inputSegmentation: The segmentation to check and to repair.
        myocardiumSegmentID: ID of the wall in it; empty if none is chosen.
        moreWallSegmentIDs: IDs of further segments of the wall, such as scar, as a JSON list; empty for none.
        poolSegmentID: ID of the blood pool in it; empty for none.
        rvSegmentID: ID of the right ventricle in it, only for the report; empty for none.
        inputVolume: The image that was segmented.
        frames: What to repair of a cine sequence.
        output: Where the result goes.
        reviewedSegmentation: The repaired segmentation in the slice table.
        reviewedSegmentID: ID of the repaired segment in it, where several were.
    """

    inputSegmentation: slicer.vtkMRMLSegmentationNode
    myocardiumSegmentID: str = ""
    moreWallSegmentIDs: str = ""
    poolSegmentID: str = ""
    rvSegmentID: str = ""
    inputVolume: slicer.vtkMRMLScalarVolumeNode
    frames: Annotated[str, Choice(["shown frame", "all frames"])] = "shown frame"
    mode: Annotated[str, Choice(["slice-wise", "volumetric"])] = "slice-wise"
    model: str = ""
    output: Annotated[str, Choice(["new segmentation", "in place"])] = "new segmentation"
    device: Annotated[str, Choice(["auto", "numpy", "cpu", "cuda", "mps"])] = "auto"
    seed: Annotated[int, WithinRange(0, 2**31 - 1)] = 0
    samples: Annotated[int, WithinRange(1, 100)] = 1
    steps: Annotated[int, WithinRange(0, 1000)] = 0
    apex: Annotated[str, Choice(["auto", "first", "last"])] = "auto"
    closeBase: bool = False
    addOnly: bool = False
    geometry: bool = False
    removeIslands: bool = False
    maxChangeMm2: Annotated[float, WithinRange(0, 10000)] = 0.0
    trimPool: bool = False
    reviewedSegmentation: slicer.vtkMRMLSegmentationNode
    reviewedSegmentID: str = ""


class _ParameterNode(RNCARefineParameterNode):
    """Removes all observers when it is disconnected.

    In Slicer 5.10, ``disconnectGui`` leaves the observer of ``connectGui``, which keeps this object alive. When the
    scene is closed, it would write its defaults into the node that Slicer has just reset.
    """

    _connecting = False
    _guiObservers = ()

    def connectGui(self, gui):
        self._connecting, self._guiObservers = True, []
        try:
            return super().connectGui(gui)
        finally:
            self._connecting = False

    def AddObserver(self, event, callback, priority=0.0):
        tag = super().AddObserver(event, callback, priority)
        if self._connecting:
            self._guiObservers.append(tag)
        return tag

    def disconnectGui(self, guiTag):
        super().disconnectGui(guiTag)
        for tag in self._guiObservers:
            self.RemoveObserver(tag)


#
# RNCARefineWidget
#


class RNCARefineWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """Set up and tear down the panel, which is in ``RNCARefineLib.panel``."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self.panel = None
        self._parameterNode = None
        self._parameterNodeGuiTag = None

    def setup(self):
        """Called when the module is opened for the first time, and after a reload."""
        from RNCARefineLib.panel.panel import Panel

        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/RNCARefine.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = RNCARefineLogic()
        self.panel = Panel(uiWidget, self.ui, self.logic)
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(scene, scene.StartImportEvent, self.onSceneStartImport)
        self.addObserver(scene, scene.EndImportEvent, self.onSceneEndImport)
        self.initializeParameterNode()

    def cleanup(self):
        """Called when the application closes, and before a reload."""
        if self.panel is not None:
            self.releaseScene()
        self.removeObservers()

    def enter(self):
        """Called each time the module is opened."""
        self.initializeParameterNode()

    def exit(self):
        """Called each time another module is opened."""
        self.setParameterNode(None)

    def onReload(self):
        """Called by the developer's Reload button; Slicer itself reloads only this file."""
        for name in [name for name in sys.modules if name.partition(".")[0] in ("RNCARefineLib", "rncarefine")]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)

    def onSceneStartClose(self, caller, event):
        """Called before the scene is closed; its nodes must no longer be used."""
        self.releaseScene()

    def onSceneEndClose(self, caller, event):
        """Called after the scene was closed."""
        if self.parent.isEntered:
            self.initializeParameterNode()

    def onSceneStartImport(self, caller, event):
        """Called before a scene is loaded, because segments are loaded after the parameter node."""
        self.setParameterNode(None)
        # It would cache that the nodes it refers to are missing.
        self.logic.releaseParameterNode()

    def onSceneEndImport(self, caller, event):
        """Called after a scene was loaded."""
        if self.parent.isEntered:
            self.initializeParameterNode()

    def releaseScene(self):
        """Release all nodes."""
        self.setParameterNode(None)
        self.panel.clear()
        self.logic.releaseParameterNode()

    def initializeParameterNode(self):
        """Use the parameter node of the scene, and select unambiguous inputs."""
        self.setParameterNode(self.logic.getParameterNode())
        self.panel.prefill()

    def setParameterNode(self, parameterNode):
        """Connect another parameter node, or none, to the panel."""
        import vtk

        if self._parameterNode is not None:
            self._parameterNode.disconnectGui(self._parameterNodeGuiTag)
            node = self._parameterNode.parameterNode
            self.removeObserver(node, vtk.vtkCommand.ModifiedEvent, self.onParameterModified)
        self._parameterNode = parameterNode
        if parameterNode is not None:
            self._parameterNodeGuiTag = parameterNode.connectGui(self.ui)
            node = parameterNode.parameterNode
            self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self.onParameterModified)
        if self.panel is not None:
            self.panel.set_parameters(parameterNode)

    def onParameterModified(self, caller=None, event=None):
        """Called when a setting was changed, in the panel or elsewhere."""
        self.panel.update()


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
        self._outputNodeID = None
        self._parameterNode = None

    def getParameterNode(self) -> RNCARefineParameterNode:
        """Return the settings of the panel, always the same object until the scene is closed."""
        node = super().getParameterNode()
        if self._parameterNode is None or self._parameterNode.parameterNode is not node:
            self._parameterNode = _ParameterNode(node)
        return self._parameterNode

    def releaseParameterNode(self) -> None:
        """Release the parameter node; the next call of :meth:`getParameterNode` returns a new object."""
        self._parameterNode = None

    def check(
        self,
        segmentationNode: slicer.vtkMRMLSegmentationNode,
        segmentID: str | Sequence[str],
        volumeNode: slicer.vtkMRMLScalarVolumeNode,
        poolSegmentID: str | None = None,
        *,
        rvSegmentID: str | None = None,
        closeBase: bool = False,
        apex: str = "auto",
        removeIslands: bool = False,
    ) -> Report:
        """Diagnose every slice of a segment; nothing is changed.

        Args:
            segmentationNode: Segmentation whose source representation is a binary label map.
            segmentID: ID (not the name) of the myocardium. Several IDs, such as those of wall and scar, form one wall:
                new voxels are added to the first, and all others keep their segment.
            volumeNode: Segmented scalar volume, under the same transform, slices along k.
            poolSegmentID: ID of the blood pool; without it, rings are judged by the wall alone.
            rvSegmentID: ID of the right ventricle; only for the AHA segments in the report.

        The other arguments are options, see :class:`rncarefine.refine.options.RepairOptions`.

        Returns:
            ``rncarefine.refine.records.Report``: one record per slice and one of the stack.

        Raises:
            ValueError: The nodes cannot be read; the message names node and remedy.
        """
        given = dict(locals())
        from RNCARefineLib.mrml.nodes.guards import Selection
        from RNCARefineLib.mrml.process import check, options_among

        selection = Selection.create(segmentationNode, segmentID, volumeNode, poolSegmentID, rvSegmentID)
        return check(selection, options_among(given))

    def process(
        self,
        segmentationNode: slicer.vtkMRMLSegmentationNode,
        segmentID: str | Sequence[str],
        volumeNode: slicer.vtkMRMLScalarVolumeNode,
        outputSegmentationNode: slicer.vtkMRMLSegmentationNode | None = None,
        poolSegmentID: str | None = None,
        *,
        rvSegmentID: str | None = None,
        mode: str | None = None,
        model: str | Path | None = None,
        device: str = "auto",
        seed: int = 0,
        samples: int = 1,
        steps: int | None = None,
        closeBase: bool = False,
        addOnly: bool = False,
        geometry: bool = False,
        apex: str = "auto",
        maxChangeMm2: float | None = None,
        removeIslands: bool = False,
        inPlace: bool = False,
        trimPool: bool = False,
        progressCallback: Progress | None = None,
    ) -> Report:
        """Repair broken slices of a segment; correct slices are left unchanged.

        By default the result is a new segmentation next to the input, with all its segments, two further ones for the
        added and the removed voxels, and a table with the report. If anything fails, the scene is restored.

        Args:
            segmentationNode: Segmentation whose source representation is a binary label map.
            segmentID: ID (not the name) of the myocardium. Several IDs, such as those of wall and scar, form one wall:
                new voxels are added to the first, and all others keep their segment.
            volumeNode: Segmented scalar volume, under the same transform, slices along k.
            outputSegmentationNode: Segmentation to overwrite with the result; a new one by default. Never the input.
            poolSegmentID: ID of the blood pool. It loses the voxels that the wall covers; no other segment is changed.
            rvSegmentID: ID of the right ventricle; only for the AHA segments in the report.
            inPlace: Change the input itself, as one undo step.
            progressCallback: Called with the fraction done and a text; returning ``False`` cancels.

        The other arguments are options, see :class:`rncarefine.refine.options.RepairOptions`: ``closeBase`` is its
        ``close_base``. The terms of the model are logged once per session.

        Returns:
            ``rncarefine.refine.records.Report``. The nodes are :meth:`outputSegmentationNode` and
            :meth:`reportTableNode`.

        Raises:
            ValueError: Bad input; the message names node and remedy.
            rncarefine.progress.Cancelled: ``progressCallback`` returned ``False``.
        """
        given = dict(locals())
        from RNCARefineLib.mrml.nodes.guards import Selection
        from RNCARefineLib.mrml.process import Destination, chosen_weights, options_among, process

        selection = Selection.create(segmentationNode, segmentID, volumeNode, poolSegmentID, rvSegmentID)
        options = options_among(given)
        destination = Destination(outputSegmentationNode, inPlace, self._steps)
        outcome = process(selection, chosen_weights(options), options, destination, progressCallback)
        self._note(outcome.segmentation_node, outcome.report)
        return outcome.report

    def checkPicture(
        self,
        segmentationNode: slicer.vtkMRMLSegmentationNode,
        segmentID: str,
        volumeNode: slicer.vtkMRMLScalarVolumeNode,
    ) -> PictureReport:
        """Find gaps, loose fragments, pinholes and spurs of vessels in one picture; nothing is changed.

        Args:
            segmentationNode: Segmentation whose source representation is a binary label map.
            segmentID: ID (not the name) of the vessels.
            volumeNode: Segmented scalar or vector volume of one slice.

        Returns:
            ``rncarefine.refine.place_records.PictureReport``: one record per place.

        Raises:
            ValueError: The nodes cannot be read; the message names node and remedy.
        """
        from RNCARefineLib.mrml.nodes.guards import Selection
        from RNCARefineLib.mrml.vessels import check_vessels

        return check_vessels(Selection.create(segmentationNode, segmentID, volumeNode, picture=True))

    def processPicture(
        self,
        segmentationNode: slicer.vtkMRMLSegmentationNode,
        segmentID: str,
        volumeNode: slicer.vtkMRMLScalarVolumeNode,
        *,
        model: str | Path | None = None,
        device: str = "auto",
        seed: int = 0,
        samples: int = 1,
        steps: int | None = None,
        addOnly: bool = False,
        bridgesOnly: bool = False,
        progressCallback: Progress | None = None,
    ) -> PictureReport:
        """Repair the vessels of one picture by single edits, into a new segmentation next to the input.

        Nodes as in :meth:`checkPicture`, options as in :class:`rncarefine.refine.options.RepairOptions`. The model must
        be one of vessels.

        Returns:
            ``rncarefine.refine.place_records.PictureReport``. The nodes are :meth:`outputSegmentationNode` and
            :meth:`reportTableNode`; :meth:`pictureReview` accepts and rejects single edits.

        Raises:
            ValueError: Bad input; the message names node and remedy.
            rncarefine.progress.Cancelled: ``progressCallback`` returned ``False``.
        """
        given = dict(locals())
        from rncarefine.nca.card import TUBULAR
        from rncarefine.nca.model import choose_model
        from RNCARefineLib.mrml.nodes.guards import Selection
        from RNCARefineLib.mrml.process import options_among
        from RNCARefineLib.mrml.vessels import process_vessels

        selection = Selection.create(segmentationNode, segmentID, volumeNode, picture=True)
        review = process_vessels(selection, choose_model(model, task=TUBULAR), options_among(given), progressCallback)
        report = review.report()
        self._note(review.segmentation_node, report)
        return report

    def pictureReview(
        self, segmentationNode: slicer.vtkMRMLSegmentationNode, segmentID: str | None = None
    ) -> VesselReview:
        """Return the review of repaired vessels: ``accept``, ``reject`` and ``show`` a place, ``export`` the report.

        ``segmentID`` is the repaired segment; it is needed only if several were repaired.

        Raises:
            ValueError: No vessels were repaired in it, or not in this segment.
        """
        from RNCARefineLib.mrml.review.vessels import VesselReview

        return VesselReview.of(segmentationNode, segmentID)

    def outputSegmentationNode(self) -> slicer.vtkMRMLSegmentationNode | None:
        """Return the segmentation of the last repair; ``None`` if there is none or it was deleted."""
        return slicer.mrmlScene.GetNodeByID(self._outputNodeID) if self._outputNodeID else None

    def reportTableNode(self) -> slicer.vtkMRMLTableNode | None:
        """Return the table of the last repair, for a sequence that of all frames; ``None`` if it was deleted."""
        from RNCARefineLib.mrml.cine.report import FRAMES_ROLE
        from RNCARefineLib.mrml.review.table import existing_table

        outputNode = self.outputSegmentationNode()
        return outputNode and (outputNode.GetNodeReference(FRAMES_ROLE) or existing_table(outputNode))

    def review(self, segmentationNode: slicer.vtkMRMLSegmentationNode, segmentID: str | None = None) -> Review:
        """Return the review of a repaired segmentation: ``RNCARefineLib.mrml.review.decisions.Review``.

        Here and below, ``segmentID`` is the repaired segment; it is needed only if several were repaired.

        Raises:
            ValueError: The segmentation was never repaired.
        """
        from RNCARefineLib.mrml.review.decisions import Review

        return Review.of(segmentationNode, segmentID, undo=self._steps)

    def report(self, segmentationNode: slicer.vtkMRMLSegmentationNode, segmentID: str | None = None) -> Report:
        """Return the report of a repaired segmentation with the decisions made so far."""
        return self.review(segmentationNode, segmentID).report()

    def accept(self, segmentationNode: slicer.vtkMRMLSegmentationNode, k: int, segmentID: str | None = None) -> Report:
        """Accept slice ``k`` and return the report.

        If it was rejected and not edited since, its repair is restored; otherwise no voxel changes. This is one undo
        step.
        """
        review = self.review(segmentationNode, segmentID)
        review.accept(k)
        return review.report()

    def reject(self, segmentationNode: slicer.vtkMRMLSegmentationNode, k: int, segmentID: str | None = None) -> Report:
        """Restore wall and blood pool of slice ``k`` as before the repair, and return the report.

        This is one undo step.

        Raises:
            ValueError: The repair did not change this slice.
        """
        review = self.review(segmentationNode, segmentID)
        review.reject(k)
        return review.report()

    def exportReport(
        self, segmentationNode: slicer.vtkMRMLSegmentationNode, path: str | Path, segmentID: str | None = None
    ) -> None:
        """Write the report of a repaired segmentation as ``.csv``, ``.json`` or ``.html`` with pictures.

        If writing fails, an existing file is kept.

        Raises:
            ValueError: The extension is another one, or the segmentation was never repaired.
            OSError: The file cannot be written.
        """
        self.review(segmentationNode, segmentID).export(path)

    def plotReport(
        self, segmentationNode: slicer.vtkMRMLSegmentationNode, segmentID: str | None = None
    ) -> slicer.vtkMRMLPlotChartNode:
        """Return a plot chart node of b0 and b1 along the stack before and after; each call updates it."""
        from RNCARefineLib.mrml.review.plot import TOPOLOGY

        return self._plot(segmentationNode, segmentID, TOPOLOGY)

    def plotThickness(
        self, segmentationNode: slicer.vtkMRMLSegmentationNode, segmentID: str | None = None
    ) -> slicer.vtkMRMLPlotChartNode:
        """Return a plot chart node of the wall thickness along the stack; each call updates it."""
        from RNCARefineLib.mrml.review.plot import THICKNESS

        return self._plot(segmentationNode, segmentID, THICKNESS)

    def _plot(self, segmentationNode, segmentID, plot):
        from RNCARefineLib.mrml.review.plot import put_plot

        return put_plot(segmentationNode, self.review(segmentationNode, segmentID).refresh(), plot)

    def showChanges(
        self, segmentationNode: slicer.vtkMRMLSegmentationNode, visible: bool, segmentID: str | None = None
    ) -> None:
        """Show or hide the added and the removed voxels of a repaired segmentation."""
        self.review(segmentationNode, segmentID).show_changes(visible)

    def showSlice(self, segmentationNode: slicer.vtkMRMLSegmentationNode, k: int, segmentID: str | None = None) -> None:
        """Move every slice view to slice ``k`` of the stack of a repaired segmentation, centred on its heart."""
        from RNCARefineLib.mrml.review.views import show_slice

        review = self.review(segmentationNode, segmentID)
        show_slice(review.volume_node, k, review.wall_now()[k])

    def processSequence(
        self,
        browserNode: slicer.vtkMRMLSequenceBrowserNode,
        segmentationNode: slicer.vtkMRMLSegmentationNode,
        segmentID: str | Sequence[str],
        volumeNode: slicer.vtkMRMLScalarVolumeNode,
        poolSegmentID: str | None = None,
        *,
        rvSegmentID: str | None = None,
        frames: Iterable[int] | None = None,
        inPlace: bool = False,
        progressCallback: Progress | None = None,
        **options: Any,
    ) -> CineOutcome:
        """Repair frames of a cine sequence; every frame of the result has the same segments.

        Cancelling keeps finished frames; the others are copies of the input. A frame that cannot be repaired is
        reported in the outcome and skipped. Show a frame to review it.

        Args:
            browserNode: The sequence browser that plays volume and segmentation.
            segmentationNode: The segmentation that it shows; one that is not in the browser belongs to the shown frame.
            segmentID: ID (not the name) of the myocardium, or several as in :meth:`process`; the same in every frame.
            volumeNode: The volume that it shows.
            poolSegmentID: ID of the blood pool.
            rvSegmentID: ID of the right ventricle; only for the AHA segments in the reports.
            frames: The frames to repair, from 0; all if not given.
            inPlace: Change the input's frames instead of adding a sequence to the browser. A sequence has no
                undo step, even for one frame.
            progressCallback: As in :meth:`process`.
            options: Options as in :meth:`process`.

        Returns:
            ``RNCARefineLib.mrml.cine.repair.CineOutcome``: nodes, the report of each frame, the frames that failed.

        Raises:
            ValueError: Bad input, or no frame could be repaired; the message states the remedy.
            rncarefine.progress.Cancelled: ``progressCallback`` returned ``False`` before a frame was finished.
        """
        from rncarefine.refine.options import from_camel_case
        from RNCARefineLib.mrml.cine.frames import Cine
        from RNCARefineLib.mrml.cine.repair import process_sequence
        from RNCARefineLib.mrml.process import chosen_weights

        chosen = from_camel_case(options)
        outcome = process_sequence(
            Cine.create(browserNode, segmentationNode, segmentID, volumeNode, poolSegmentID, rvSegmentID),
            chosen_weights(chosen),
            chosen,
            frames=frames,
            in_place=inPlace,
            undo=self._steps,
            progress=progressCallback,
        )
        self._note(outcome.segmentation_node, outcome)
        return outcome

    def processBatch(
        self,
        inputFolder: str | Path | None,
        outputFolder: str | Path,
        *,
        cases: str | Path | None = None,
        imagePattern: str | None = None,
        segmentationPattern: str | None = None,
        segment: str | None = None,
        pool: str | None = None,
        rightVentricle: str | None = None,
        progressCallback: Progress | None = None,
        **options: Any,
    ) -> BatchOutcome:
        """Repair a folder of cases, each into a file of the same format, with one CSV table of all cases.

        The same call resumes an interrupted batch; a failed case is reported and skipped. Cases are read from files and
        written to files; the scene is not changed. A ``.seg.nrrd`` of the results can be loaded and reviewed.

        Args:
            inputFolder: Folder of cases; ``None`` with a list of cases.
            outputFolder: Folder for the results.
            cases: CSV file that lists the cases instead: columns ``case``, ``image`` and ``segmentation``.
            imagePattern: Pattern of the images in the folder, with ``{case}`` for the name of a case; by default
                ``{case}/image.*``.
            segmentationPattern: Pattern of the segmentations; by default ``{case}/segmentation.*``.
            segment: Myocardium: ID or name of a segment, or label; not needed if there is only one. Several, separated
                by commas, form one wall.
            pool: Blood pool, given like ``segment``.
            rightVentricle: Right ventricle, given like ``segment``; only for the AHA segments in the reports.
            progressCallback: As in :meth:`process`; cancelling keeps finished cases.
            options: As in :meth:`processSequence`.

        Returns:
            ``rncarefine.batch.runs.BatchOutcome``: cases done, skipped, flagged and failed.

        Raises:
            ValueError: No cases, or results of other settings in the folder.
            OSError: The results cannot be written; finished cases are kept.
        """
        from rncarefine.batch.cases import find_cases, read_cases
        from rncarefine.batch.sequential import repair_cases
        from rncarefine.refine.options import from_camel_case
        from RNCARefineLib.mrml.process import chosen_weights

        if cases is None:
            found = find_cases(inputFolder, imagePattern, segmentationPattern, leave_out=outputFolder)
        else:
            found = read_cases(cases)
        chosen = from_camel_case(options)
        return repair_cases(
            found,
            outputFolder,
            chosen_weights(chosen),
            chosen,
            segment=segment,
            pool=pool,
            right_ventricle=rightVentricle,
            progress=progressCallback,
            on_case=lambda outcome: logging.info(f"RNCARefine, {outcome.line()}"),
        )

    def undo(self, segmentationNode: slicer.vtkMRMLSegmentationNode) -> bool:
        """Undo the last repair in place or decision made by this logic; return whether there was one."""
        from RNCARefineLib.mrml.review.decisions import take_step

        return take_step(segmentationNode, self._steps.undo, self._steps.redo)

    def redo(self, segmentationNode: slicer.vtkMRMLSegmentationNode) -> bool:
        """Redo the last undone repair or decision; return whether there was one."""
        from RNCARefineLib.mrml.review.decisions import take_step

        return take_step(segmentationNode, self._steps.redo, self._steps.undo)

    def canUndo(self, segmentationNode: slicer.vtkMRMLSegmentationNode) -> bool:
        """Return whether there is a step to undo."""
        return self._steps.can_undo(segmentationNode)

    def editedSince(self, segmentationNode: slicer.vtkMRMLSegmentationNode) -> bool:
        """Return whether the segmentation was edited since the last step; undo and redo revert these edits, too."""
        return self._steps.edited_since(segmentationNode)

    def canRedo(self, segmentationNode: slicer.vtkMRMLSegmentationNode) -> bool:
        """Return whether there is a step to redo."""
        return self._steps.can_redo(segmentationNode)

    def _note(self, segmentationNode, result):
        """Remember the result of a repair and log its summary."""
        self._outputNodeID = segmentationNode.GetID()
        logging.info(f"RNCARefine, {segmentationNode.GetName()}: {result.summary()}")

    @cached_property
    def _steps(self):
        from RNCARefineLib.mrml.review.undo import UndoSteps

        return UndoSteps()


#
# RNCARefineTest
#


class RNCARefineTest(self_test.SelfTest):
    """Self-test for the application, with or without a main window; see ``RNCARefineLib.self_test``."""

    makeLogic = RNCARefineLogic
