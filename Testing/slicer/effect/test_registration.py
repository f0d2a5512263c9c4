"""The effect as Slicer finds it: registered at start-up by a hidden module, loaded from its file, cloned per editor."""

from __future__ import annotations

import gc
import importlib
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


def test_the_effect_is_registered_when_the_application_has_started_up_and_not_before() -> None:
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


def test_the_module_that_registers_it_is_hidden_and_waits_for_segmentations() -> None:
    register()
    module = slicer.app.moduleManager().module("SegmentEditorRNCARefine")
    assert module.hidden
    assert module.dependencies == ["Segmentations"]


def test_opening_an_editor_loads_neither_the_engine_nor_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] in LIBRARY]:
        monkeypatch.delitem(sys.modules, name)
    register()
    editor = SegmentEditor()
    editor.close()
    loaded = {name for name in sys.modules if name.partition(".")[0] in LIBRARY}
    parts = ("panel", "panel.controls", "panel.effect", "panel.effect.options")
    assert loaded == {"RNCARefineLib", *(f"RNCARefineLib.{part}" for part in parts)}


def test_the_effect_s_file_is_alone_in_its_folder_since_slicer_makes_a_plain_module_of_it() -> None:
    register()
    assert {path.name for path in FOLDER.iterdir() if path.name != "__pycache__"} == {
        "SegmentEditorEffect.py",
        "SegmentEditorEffect.png",
        "__init__.py",
    }
    module = sys.modules["SegmentEditorRNCARefineLib"]
    assert module.SegmentEditorEffect.__module__ == "SegmentEditorRNCARefineLib"
    with pytest.raises(ModuleNotFoundError, match="package"):
        importlib.import_module("SegmentEditorRNCARefineLib.anything")


def test_translators_find_the_texts_under_the_extension_s_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_the_cursor_is_the_application_s_with_and_without_a_main_window(heart: Heart, session: Any) -> None:
    register()
    effect = registered()[0].self()
    assert effect.createCursor(None).className() == "QCursor"
    session.open_desktop()
    assert effect.createCursor(None).className() == "QCursor"


def test_an_editor_that_is_closed_lets_go_of_the_effect(heart: Heart) -> None:
    bench = EffectBench(heart)
    effect = weakref.ref(bench.effect)
    bench.close()
    check = bench.options.check
    check.click()  # nothing answers any more
    del check, bench
    delattr(slicer, "SegmentEditorRNCARefineLib")
    gc.collect()
    assert effect() is None
