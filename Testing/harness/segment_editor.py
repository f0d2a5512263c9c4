"""Stand-ins for Segment Editor: the effect factory, and the editor widget without its widgets.

What edits is the real ``vtkSlicerSegmentEditorLogic``. What notifies the effects of changes, and in which
order, follows qSlicerSegmentEditorEffectFactory.cxx and qMRMLSegmentEditorWidget.cxx.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import slicer
import vtk

from .scripted_effect import AbstractScriptedSegmentEditorEffect, ScriptedEffect, qSlicerSegmentEditorAbstractEffect


class EffectFactory:
    """``qSlicerSegmentEditorEffectFactory``: keeps a prototype of each effect."""

    def __init__(self) -> None:
        self._effects: list[ScriptedEffect] = []

    def instance(self) -> EffectFactory:
        """Return the only factory."""
        return self

    def registerEffect(self, effect: ScriptedEffect) -> bool:
        """Keep an effect as a prototype; false if one of its name is there already."""
        if not effect.name:
            raise ValueError("An effect without a name cannot be registered.")
        if any(known.name == effect.name for known in self._effects):
            return False
        self._effects.append(effect)
        return True

    def registeredEffects(self) -> list[ScriptedEffect]:
        return list(self._effects)


class SegmentEditor:
    """``qMRMLSegmentEditorWidget`` without its widgets: selects, activates effects, and notifies them of changes.

    Args:
        tag: Singleton tag of the editor node; modules with an editor of their own have tags of their own.

    Attributes:
        logic: The real logic. Private in the real class.
    """

    def __init__(self, tag: str = "SegmentEditor") -> None:
        scene = slicer.mrmlScene
        self.logic = slicer.vtkSlicerSegmentEditorLogic()
        self.logic.SetMRMLApplicationLogic(slicer.app.applicationLogic())
        self.logic.SetMRMLScene(scene)
        self.logic.SetVerbose(True)
        self._node = scene.GetSingletonNode(tag, "vtkMRMLSegmentEditorNode")
        if self._node is None:
            node = slicer.vtkMRMLSegmentEditorNode()
            node.SetSingletonTag(tag)
            self._node = scene.AddNode(node)
        self.logic.SetSegmentEditorNode(self._node)
        self._active: ScriptedEffect | None = None
        self._volume: Any = None
        self._effects: list[ScriptedEffect] = []
        for prototype in slicer.qSlicerSegmentEditorEffectFactory.instance().registeredEffects():
            effect = prototype.call("clone")
            assert isinstance(effect, ScriptedEffect), f"{prototype.name} has returned no clone."
            effect.attach(self)
            effect.setParameterSetNode(self._node)
            effect.call("setMRMLDefaults")
            effect.call("setupOptionsFrame")
            effect.optionsFrame().setVisible(False)
            self._effects.append(effect)
        modified = vtk.vtkCommand.ModifiedEvent
        self._observed = [
            (self._node, self._node.AddObserver(modified, self._update)),
            (self._node, self._node.AddObserver(self._node.EffectParameterModified, self._update_options)),
            (scene, scene.AddObserver(scene.EndCloseEvent, self._scene_closed)),
        ]
        for view in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
            self._observed.append((view, view.AddObserver(modified, self._view_modified)))

    def close(self) -> None:
        """Clean up, as the destructor of the real class does; it does not deactivate the active effect."""
        for observed, tag in self._observed:
            observed.RemoveObserver(tag)
        for effect in self._effects:
            effect.cleanup()
        self._effects, self._active = [], None

    def mrmlSegmentEditorNode(self) -> Any:
        return self._node

    def setSegmentationNode(self, node: Any) -> None:
        """Select another segmentation, which ends the active effect, and its first segment."""
        if self.logic.GetSegmentationNode() is node:
            return
        self.logic.SetSegmentationNode(node)
        self._node.SetActiveEffectName("")
        if node is not None and node.GetSegmentation().GetNumberOfSegments():
            self._node.SetSelectedSegmentID(node.GetSegmentation().GetNthSegmentID(0))

    def setSourceVolumeNode(self, node: Any) -> None:
        self.logic.SetSourceVolumeNode(node)

    def setCurrentSegmentID(self, segment_id: str | None) -> None:
        """Select another segment; without one, an effect for single segments ends."""
        self._node.SetSelectedSegmentID(segment_id)
        if not segment_id and self._active is not None and self._active.perSegment:
            self._node.SetActiveEffectName("")

    def effectByName(self, name: str) -> ScriptedEffect | None:
        return next((effect for effect in self._effects if effect.name == name), None)

    def activeEffect(self) -> ScriptedEffect | None:
        return self._active

    def setActiveEffectByName(self, name: str) -> None:
        self._node.SetActiveEffectName(name)

    def undo(self) -> None:
        self.logic.Undo()

    def redo(self) -> None:
        self.logic.Redo()

    def _update(self, *_: Any) -> None:
        """Follow the editor node, as ``updateWidgetFromMRML`` does: changes meanwhile are notified afterwards."""
        if slicer.mrmlScene.IsClosing():
            return
        was_modifying = self._node.StartModify()
        try:
            self._follow(self._node.GetSourceVolumeNode(), self._node.GetActiveEffectName() or "")
        finally:
            self._node.EndModify(was_modifying)

    def _follow(self, volume: Any, effect_name: str) -> None:
        if volume is not self._volume:
            self._volume = volume
            for effect in self._effects:
                effect.call("sourceVolumeNodeChanged")
        wanted = self.effectByName(effect_name)
        if wanted is self._active:
            return
        if self._active is not None:
            self._active.deactivate()
        if wanted is not None:
            assert volume is not None, "The effects are disabled without a source volume."
            wanted.activate()
            assert isinstance(wanted.call("helpText"), str)
        self._active = wanted

    def _update_options(self, *_: Any) -> None:
        for effect in self._effects:
            effect.updateGUIFromMRML()

    def _view_modified(self, view: Any, _event: str) -> None:
        if self._active is not None:
            self._active.call("processViewNodeEvents", view, vtk.vtkCommand.ModifiedEvent, None)

    def _scene_closed(self, *_: Any) -> None:
        # The node was reset with the scene. As in initializeParameterSetNode, notifications follow when all is set.
        was_modifying = self._node.StartModify()
        for effect in self._effects:
            effect.setParameterSetNode(self._node)
            effect.call("setMRMLDefaults")
        self._node.EndModify(was_modifying)
        self._update()


def install_segment_editor() -> None:
    """Put the stand-ins where an effect and the module that registers it look for them, with an empty factory."""
    effects: Any = ModuleType("SegmentEditorEffects")
    effects.AbstractScriptedSegmentEditorEffect = AbstractScriptedSegmentEditorEffect
    effects.__all__ = ["AbstractScriptedSegmentEditorEffect"]
    sys.modules["SegmentEditorEffects"] = effects
    python_qt: Any = ModuleType("qSlicerSegmentationsEditorEffectsPythonQt")
    python_qt.qSlicerSegmentEditorScriptedEffect = ScriptedEffect
    sys.modules["qSlicerSegmentationsEditorEffectsPythonQt"] = python_qt
    slicer.qSlicerSegmentEditorEffectFactory = EffectFactory()
    slicer.qSlicerSegmentEditorAbstractEffect = qSlicerSegmentEditorAbstractEffect
