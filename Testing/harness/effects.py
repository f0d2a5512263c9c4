"""Segment Editor with the project's effect in it, registered and activated as the application does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import slicer
import vtk

from . import toy_engine
from .hearts import SHAPE, Heart, Mask
from .modules import load_scripted_module
from .scripted_effect import ScriptedEffect
from .segment_editor import SegmentEditor, install_segment_editor

MODULE_FILE = Path(__file__).resolve().parents[2] / "RNCARefine" / "SegmentEditorRNCARefine.py"
NAME = "RNCA Repair"


@dataclass
class CountingEngine:
    """The toy engine in the place of the real one, and how often it was asked.

    Attributes:
        licence: Under which its model may be used; a permissive one, so that there is no question about terms.
    """

    repairs: int = 0
    checks: int = 0
    licence: str = "CC0 1.0"

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take the real engine's place for the test."""
        import rncarefine.nca.model
        import rncarefine.refine.repair

        monkeypatch.setattr(rncarefine.refine.repair, "repair", self._repair)
        monkeypatch.setattr(rncarefine.refine.repair, "check", self._check)
        monkeypatch.setattr(rncarefine.nca.model, "load_model", self._load_model)

    def _repair(self, *arguments: Any, **options: Any) -> Any:
        self.repairs += 1
        return toy_engine.repair(*arguments, **options)

    def _check(self, *arguments: Any) -> Any:
        self.checks += 1
        return toy_engine.check(*arguments)

    def _load_model(self, name: str) -> Any:
        from rncarefine.nca.model import available_models

        return SimpleNamespace(card=replace(available_models()[0], licence=self.licence))


def register() -> None:
    """Load the hidden module and complete the start-up, at which it registers the effect."""
    install_segment_editor()
    load_scripted_module(MODULE_FILE)
    slicer.app.completeStartup()


class EffectBench:
    """A heart in Segment Editor, with the effect active.

    Attributes:
        heart: What is edited, selected with its segment ``myo``.
        editor: The editor.
        scripted: The C++ half of the editor's copy of the effect.
        effect: Its Python half.
    """

    def __init__(self, heart: Heart) -> None:
        self.heart = heart
        heart.segmentation.SetReferenceImageGeometryParameterFromVolumeNode(heart.volume)
        register()
        self.editor = SegmentEditor()
        self.editor.setSegmentationNode(heart.segmentation)
        self.editor.setSourceVolumeNode(heart.volume)
        self.editor.setCurrentSegmentID("myo")
        self.editor.setActiveEffectByName(NAME)
        scripted = self.editor.activeEffect()
        assert isinstance(scripted, ScriptedEffect)
        self.scripted = scripted
        self.effect: Any = scripted.self()

    @property
    def options(self) -> Any:
        return self.effect.options

    @property
    def node(self) -> Any:
        return self.editor.mrmlSegmentEditorNode()

    @property
    def preview(self) -> Any:
        """The preview node that the editor node refers to."""
        return self.scripted.nodeReference("Preview")

    @property
    def text(self) -> str:
        return str(self.options.findings.text)

    def choose(self, combo: Any, text: str) -> None:
        """Choose the entry of a combo box that has this text."""
        combo.currentIndex = combo.findText(text)
        assert combo.currentText == text

    def show_slice(self, k: int, name: str = "Yellow") -> None:
        """Turn a view of the desktop parallel to the stack and move it to slice ``k``."""
        view = slicer.app.layoutManager().sliceWidget(name).mrmlSliceNode()
        view.RotateToVolumePlane(self.heart.volume)
        ijk_to_ras = vtk.vtkMatrix4x4()
        self.heart.volume.GetIJKToRASMatrix(ijk_to_ras)
        j, i = SHAPE[1] / 2, SHAPE[2] / 2
        view.JumpSlice(*(slicer.util.arrayFromVTKMatrix(ijk_to_ras) @ [i, j, k, 1])[:3])

    @property
    def rings(self) -> Mask:
        """The wall after a repair of the whole segment, from how the heart was drawn."""
        return np.repeat(self.heart.ring[None], SHAPE[0], axis=0)

    def assert_voxels(self, **expected: Mask) -> None:
        """Fail unless these segments have these voxels, and all others those that were drawn."""
        for segment_id, drawn in self.heart.masks.items():
            found = self.heart.voxels(segment_id)
            np.testing.assert_array_equal(found, expected.get(segment_id, drawn), err_msg=segment_id)

    def close(self) -> None:
        self.editor.close()
