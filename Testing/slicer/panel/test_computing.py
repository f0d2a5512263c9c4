"""The line that says what computes, and the button that installs PyTorch, in the panel."""

from __future__ import annotations

from typing import Any

import pytest
import slicer

import RNCARefineLib.panel.computing
from harness.hearts import Heart
from harness.panel_steps import open_module, repaired
from RNCARefineLib.panel.pytorch import Computing, PyTorch


class FakePyTorch:
    """Finds ``found``, and the second one after an installation."""

    def __init__(self) -> None:
        self.found = [Computing("CPU (NumPy)"), Computing("CPU (PyTorch 2.9.1)", installed=True)]
        self.looked = 0

    def computing(self) -> Computing:
        self.looked += 1
        return self.found[0]

    def install(self) -> str:
        self.found.pop(0)
        return "PyTorch is installed."


@pytest.fixture
def pytorch(monkeypatch: pytest.MonkeyPatch) -> FakePyTorch:
    """Stand in for the search for PyTorch in every panel that is opened."""
    fake = FakePyTorch()
    monkeypatch.setattr(RNCARefineLib.panel.computing, "PyTorch", lambda: fake)
    return fake


def test_nobody_looks_for_pytorch_before_advanced_is_opened_and_then_once(pytorch: FakePyTorch) -> None:
    panel = open_module()
    assert pytorch.looked == 0
    for collapsed in (False, True, False):
        panel.ui.advancedCollapsibleButton.collapsed = collapsed
    assert pytorch.looked == 1
    assert panel.ui.computingLabel.text == "CPU (NumPy)"
    assert panel.ui.installPyTorchButton.enabled


def test_installing_says_what_came_of_it_and_looks_again(pytorch: FakePyTorch) -> None:
    panel = open_module()
    panel.ui.advancedCollapsibleButton.collapsed = False
    panel.ui.installPyTorchButton.click()
    assert panel.ui.noticeLabel.text == "PyTorch is installed."
    assert panel.ui.computingLabel.text == "CPU (PyTorch 2.9.1)"
    assert not panel.ui.installPyTorchButton.enabled
    assert panel.ui.installPyTorchButton.toolTip == "PyTorch is installed."


def test_pytorch_in_trouble_says_so_in_the_tooltips(pytorch: FakePyTorch) -> None:
    pytorch.found = [Computing("CPU (NumPy)", True, "PyTorch 1.9 is too old.")]
    panel = open_module()
    panel.ui.advancedCollapsibleButton.collapsed = False
    assert panel.ui.computingLabel.toolTip == "PyTorch 1.9 is too old."
    assert panel.ui.installPyTorchButton.toolTip == "PyTorch 1.9 is too old."


def test_the_line_follows_what_the_last_repair_was_computed_with(heart: Heart, toy_engine: None) -> None:
    assert repaired(heart).ui.computingLabel.text == "CPU (toy)"


def test_the_extension_is_asked_for_and_requested_from_the_server(
    desktop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = PyTorch(find_spec=lambda name: None)
    monkeypatch.setattr(RNCARefineLib.panel.computing, "PyTorch", lambda: absent)
    panel = open_module()
    desktop.dialogs.answer("Cancel")
    panel.ui.installPyTorchButton.click()
    assert "extension PyTorch" in desktop.dialogs.texts[0]
    assert panel.ui.noticeLabel.text == "Nothing was installed; repairs run without PyTorch."
    assert slicer.app.extensionsManagerModel().requested == []
    desktop.dialogs.answer("Ok")
    panel.ui.installPyTorchButton.click()
    assert slicer.app.extensionsManagerModel().requested == ["PyTorch"]
    assert "downloaded" in panel.ui.noticeLabel.text
    assert slicer.app.extensionsManagerModel().interactive
