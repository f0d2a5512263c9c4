"""The headless Slicer: real where it matters, and not more permissive than the application."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import slicer

from harness.hearts import Heart, draw_heart
from harness.session import Session


def test_converter_rules_do_not_pile_up_over_sessions() -> None:
    factory = slicer.vtkSegmentationConverterFactory.GetInstance()
    registered = []
    for _ in range(3):
        session = Session()
        registered.append(sorted(rule.GetClassName() for rule in factory.GetConverterRules()))
        session.close()
    assert registered[0] == registered[1] == registered[2]
    assert len(set(registered[0])) == len(registered[0]) > 0


def test_closing_a_session_removes_its_temporary_folder() -> None:
    session = Session()
    folder = Path(slicer.app.temporaryPath)
    (folder / "file").touch()
    session.close()
    assert not folder.exists()


@pytest.mark.parametrize("name", ["mainWindow", "ioManager", "pythonManager", "restart"])
def test_the_application_has_nothing_that_it_does_not_stand_in_for(name: str) -> None:
    with pytest.raises(AttributeError):
        getattr(slicer.app, name)


def test_an_unknown_module_is_not_invented() -> None:
    with pytest.raises(AttributeError):
        _ = slicer.modules.segmenteditor
    assert slicer.app.moduleManager().module("SegmentEditor") is None


def test_the_description_of_a_module_takes_no_unknown_field(module: ModuleType) -> None:
    with pytest.raises(AttributeError):
        slicer.modules.rncarefine.titel = "typing error"


@pytest.mark.parametrize("geometry", ["axis-aligned", "oblique", "mirrored", "sheared"])
def test_the_drawn_heart_reads_back_as_it_was_drawn(geometry: str) -> None:
    heart = draw_heart(geometry)
    for segment_id, mask in heart.masks.items():
        np.testing.assert_array_equal(heart.voxels(segment_id), mask)
    layer = heart.segmentation.GetSegmentation().GetLayerIndex
    assert layer("myo") == layer("pool") == layer("rv") != layer("scar")


def test_the_independent_reader_agrees_with_slicer_s_own_helper(heart: Heart) -> None:
    for segment_id in heart.masks:
        theirs = slicer.util.arrayFromSegmentBinaryLabelmap(heart.segmentation, segment_id, heart.volume)
        np.testing.assert_array_equal(heart.voxels(segment_id), theirs)
