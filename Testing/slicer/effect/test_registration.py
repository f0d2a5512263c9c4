"""The effect as Slicer finds it: registered at start-up by a hidden module, loaded from its file, cloned per editor."""

from __future__ import annotations

import gc
import sys
import weakref
from pathlib import Path
from typing import Any

import pytest
import slicer

from harness.effects import MODULE_FILE, NAME, EffectBench, register
from harness.hearts import Heart
from harness.modules import load_scripted_module
from harness.segment_editor import SegmentEditor, install_segment_editor

FOLDER = MODULE_FILE.parent / "SegmentEditorRNCARefineLib"
LIBRARY = ("RNCARefineLib", "rncarefine")


def registered() -> list[Any]:
    return slicer.qSlicerSegmentEditorEffectFactory.instance().registeredEffects()


def test_the_effect_is_registered_after_start_up() -> None:
    install_segment_editor()
    load_scripted_module(MODULE_FILE)
    assert registered() == []
    slicer.app.completeStartup()
    (effect,) = registered()
    assert effect.name == NAME
    assert effect.title
    assert effect.perSegment
    assert effect.requireSegments
    assert Path(effect.pythonSource()) == FOLDER / "SegmentEditorEffect.py"


def test_the_registering_module_is_hidden_and_needs_segmentations() -> None:
    register()
    module = slicer.app.moduleManager().module("SegmentEditorRNCARefine")
    assert module.hidden
    assert module.dependencies == ["Segmentations"]


def test_opening_an_editor_does_not_import_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] in LIBRARY]:
        monkeypatch.delitem(sys.modules, name)
    register()
    editor = SegmentEditor()
    editor.close()
    loaded = {name for name in sys.modules if name.partition(".")[0] in LIBRARY}
    parts = ("panel", "panel.controls", "panel.effect", "panel.effect.options")
    assert loaded == {"RNCARefineLib", *(f"RNCARefineLib.{part}" for part in parts)}


def test_texts_are_translated_in_the_context_of_the_extension(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = set()
    monkeypatch.setattr(type(slicer.app), "translate", lambda app, context, text: asked.add((context, text)) or text)
    register()
    registered()[0].self().helpText()
    contexts = {context for context, text in asked if text == "RNCA Repair" or "Closes gaps" in text}
    assert contexts == {"SegmentEditorRNCARefineLib.SegmentEditorEffect"}


def test_its_button_has_an_icon(heart: Heart) -> None:
    register()
    icon = registered()[0].self().icon()
    assert [(size.width(), size.height()) for size in icon.availableSizes()] == [(128, 128)]


def test_the_cursor_is_that_of_the_application(heart: Heart, session: Any) -> None:
    register()
    effect = registered()[0].self()
    assert effect.createCursor(None).className() == "QCursor"
    session.open_desktop()
    assert effect.createCursor(None).className() == "QCursor"


def test_a_closed_editor_releases_the_effect(heart: Heart) -> None:
    bench = EffectBench(heart)
    effect = weakref.ref(bench.effect)
    bench.close()
    check = bench.options.check
    check.click()  # nothing answers any more
    del check, bench
    delattr(slicer, "SegmentEditorRNCARefineLib")
    gc.collect()
    assert effect() is None
