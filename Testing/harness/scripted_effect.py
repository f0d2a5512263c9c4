"""Stand-in for the C++ half of a Segment Editor effect written in Python, and for the base class of its Python half.

No editing is done here. Since Slicer 5.10 the C++ half hands every edit, undo step and label map to
``vtkSlicerSegmentEditorLogic``, and so does :class:`ScriptedEffect`: masks, intensity range, overwrite mode and undo
are the application's own code. Order of calls and rules for names follow qSlicerSegmentEditorAbstractEffect.cxx and
qSlicerSegmentEditorScriptedEffect.cxx. Where the application prints an error and continues, this raises.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any, ClassVar

import slicer

Value = str | int | float
_MODES = ("ModificationModeSet", "ModificationModeAdd", "ModificationModeRemove", "ModificationModeRemoveAll")
"""The logic's names for the values of ``qSlicerSegmentEditorAbstractEffect.ModificationMode``."""


class qSlicerSegmentEditorAbstractEffect:
    """The enumerators that Python code needs; the editing is in :class:`ScriptedEffect`."""

    ModificationModeSet, ModificationModeAdd, ModificationModeRemove, ModificationModeRemoveAll = range(4)
    NotConfirmed, ConfirmedWithoutDialog, ConfirmedWithDialog = range(3)


class ScriptedEffect:
    """``qSlicerSegmentEditorScriptedEffect``: what an effect in Python knows as ``self.scriptedEffect``.

    Attributes:
        name: Key of the effect, never translated. ``title``, ``perSegment`` and the cursor flags are Slicer's, too.
    """

    __slots__ = (
        "_active",
        "_editor",
        "_frame",
        "_node",
        "_self",
        "_source",
        "name",
        "perSegment",
        "requireSegments",
        "showEffectCursorInSliceView",
        "showEffectCursorInThreeDView",
        "title",
    )

    hidden_segment_answer: ClassVar[int] = qSlicerSegmentEditorAbstractEffect.NotConfirmed
    """Answer to the question whether to edit a hidden segment. Not in the real class."""

    def __init__(self, parent: None) -> None:
        self.name, self.title = "UnnamedScriptedEffect", ""
        self.perSegment = self.requireSegments = self.showEffectCursorInSliceView = True
        self.showEffectCursorInThreeDView = False
        self._active = False
        self._editor: Any = None
        self._frame = self._node = self._self = None
        self._source = ""

    def setPythonSource(self, path: str) -> bool:
        """Load the effect's class from a file, by the application's own statements, and make the Python half."""
        if not path.endswith((".py", ".pyc")) or "\\" in path:
            raise ValueError(f"{path} is not a Python file with forward slashes.")
        module_name, class_name = Path(path).parent.name, Path(path).stem.partition(".")[0]
        class_name += "" if class_name.endswith("Effect") else "Effect"
        if not hasattr(sys.modules.get(module_name), class_name):
            spec = importlib.util.spec_from_file_location(module_name, path)
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            sys.modules[module_name] = module
            spec.loader.exec_module(module)
        self._self = getattr(sys.modules[module_name], class_name)(self)
        self._source = path
        setattr(slicer, module_name, self._self)
        return True

    def pythonSource(self) -> str:
        """Return the path that :meth:`setPythonSource` was given."""
        return self._source

    def self(self) -> Any:
        return self._self

    # What the editor widget calls. Python's half is called after the C++ half, and only where it has the method.

    def call(self, method: str, *arguments: Any) -> Any:
        """Call a method of the Python half. Not in the real class, where each method does so by itself."""
        function = getattr(self._self, method, None)
        return function(*arguments) if function is not None else None

    def attach(self, editor: Any) -> None:
        """Connect to the editor; in the real class ``setCallbackSlots``, ``setSegmentEditorLogic``, ``setVolumes``."""
        self._editor = editor

    def activate(self) -> None:
        """Show and fill the options, and call the Python effect."""
        self.optionsFrame().setVisible(True)
        self._active = True
        self.updateGUIFromMRML()
        self.call("activate")

    def deactivate(self) -> None:
        self.optionsFrame().setVisible(False)
        self._active = False
        self.call("deactivate")

    def active(self) -> bool:
        return self._active

    def cleanup(self) -> None:
        """Let go of everything, the effect is about to be destroyed."""
        self.call("cleanup")

    def updateGUIFromMRML(self) -> None:
        """Tell Python that a parameter has changed, unless the effect is not active."""
        if self._active:
            self.call("updateGUIFromMRML")

    # Parameters

    def parameterSetNode(self) -> Any:
        return self._node

    def setParameterSetNode(self, node: Any) -> None:
        self._node = node

    def parameter(self, name: str) -> str:
        """Return a parameter of this effect or, if it has none of the name, a common one."""
        for key in (f"{self.name}.{name}", name):
            value = self._node.GetAttribute(key)
            if value is not None:
                return str(value)
        raise KeyError(f"Effect {self.name} has no parameter {name}.")

    def integerParameter(self, name: str) -> int:
        return int(self.parameter(name))

    def doubleParameter(self, name: str) -> float:
        return float(self.parameter(name))

    def parameterDefined(self, name: str) -> bool:
        """Whether this effect has a parameter of the name that is not empty."""
        return bool(self._node.GetAttribute(f"{self.name}.{name}"))

    def setParameter(self, name: str, value: Value) -> None:
        """Set a parameter of this effect; only the event for effect parameters is sent."""
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise TypeError(f"Parameter {name} cannot be {value!r}; the overloads are text, whole number and number.")
        text = format(value, ".6g") if isinstance(value, float) else str(value)  # as QString::number
        key = f"{self.name}.{name}"
        if (self._node.GetAttribute(key) or "") == text:
            return
        was_disabled = self._node.GetDisableModifiedEvent()
        self._node.SetDisableModifiedEvent(1)
        self._node.SetAttribute(key, text)
        self._node.SetDisableModifiedEvent(was_disabled)
        self._node.InvokeCustomModifiedEvent(self._node.EffectParameterModified)

    def setParameterDefault(self, name: str, value: Value) -> None:
        if not self.parameterDefined(name):
            self.setParameter(name, value)

    def nodeReference(self, name: str) -> Any:
        """Return the node that a parameter of this effect, or a common one, refers to."""
        return self._node.GetNodeReference(f"{self.name}.{name}") or self._node.GetNodeReference(name)

    def setNodeReference(self, name: str, node: Any) -> None:
        """Let a parameter of this effect refer to a node."""
        role = f"{self.name}.{name}"
        if self._node.GetNodeReference(role) is node:
            return
        self._node.SetNodeReferenceID(role, None if node is None else node.GetID())
        self._node.InvokeCustomModifiedEvent(self._node.EffectParameterModified)

    # Options

    def optionsFrame(self) -> Any:
        """Return the frame of the options, made on the first call."""
        if self._frame is None:
            import qt

            self._frame = qt.QFrame()
            layout = qt.QFormLayout(self._frame)
            layout.setContentsMargins(4, 4, 4, 4)
            layout.setSpacing(4)
        return self._frame

    def addOptionsWidget(self, widget: Any) -> None:
        """Add a row: a widget, or a layout of widgets."""
        self._adopt(widget)
        self.optionsFrame().layout().addRow(widget)

    def addLabeledOptionsWidget(self, label: str, widget: Any) -> Any:
        """Add a row with a label before it, and return the label."""
        import qt

        self._adopt(widget)
        caption = qt.QLabel(label)
        self.optionsFrame().layout().addRow(caption, widget)
        return caption

    def _adopt(self, widget: Any) -> None:
        import qt

        if isinstance(widget, qt.QWidget):
            widget.setParent(self.optionsFrame())
            widget.setSizePolicy(qt.QSizePolicy(qt.QSizePolicy.Preferred, qt.QSizePolicy.MinimumExpanding))

    # Editing

    def defaultModifierLabelmap(self) -> Any:
        """Return the modifier label map, emptied, in the segmentation's reference geometry; ``None`` without one."""
        logic = self._logic()
        return logic.GetModifierLabelmap() if logic.ResetModifierLabelmapToDefault() else None

    def sourceVolumeImageData(self) -> Any:
        """Return the source volume, resampled to the segmentation's reference geometry."""
        logic = self._logic()
        return logic.GetAlignedSourceVolume() if logic.UpdateAlignedSourceVolume() else None

    def saveStateForUndo(self) -> None:
        self._logic().SaveStateForUndo()

    def modifySegmentByLabelmap(
        self, segmentation_node: Any, segment_id: str, labelmap: Any, mode: int, bypass_masking: bool = False
    ) -> None:
        assert isinstance(bypass_masking, bool)
        logic, everywhere = self._logic(), (0, -1, 0, -1, 0, -1)
        logic.ModifySegmentByLabelmap(
            segmentation_node,
            segment_id,
            labelmap,
            getattr(logic, _MODES[mode]),
            everywhere,
            self.perSegment,
            bypass_masking,
        )

    def confirmCurrentSegmentVisible(self) -> int:
        """Ask if the segment is hidden; zero if nothing is to be done."""
        answers = qSlicerSegmentEditorAbstractEffect
        segmentation, segment_id = self._node.GetSegmentationNode(), self._node.GetSelectedSegmentID()
        if segmentation is None or not segment_id:
            return answers.ConfirmedWithoutDialog
        display = segmentation.GetDisplayNode()
        if display is not None and display.GetVisibility() and display.GetSegmentVisibility(segment_id):
            return answers.ConfirmedWithoutDialog
        return self.hidden_segment_answer

    def _logic(self) -> Any:
        assert self._editor is not None, f"{self.name} is not in an editor."
        return self._editor.logic


class AbstractScriptedSegmentEditorEffect:
    """The base class of the Python half."""

    def __init__(self, scriptedEffect: ScriptedEffect) -> None:
        self.scriptedEffect = scriptedEffect

    def register(self) -> None:
        """Make the effect known to every editor that is opened from now on."""
        slicer.qSlicerSegmentEditorEffectFactory.instance().registerEffect(self.scriptedEffect)

    def cleanup(self) -> None:
        """Let go of everything."""
