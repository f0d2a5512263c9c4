"""Errors as sentences: each has a remedy, none has a second line, and what nobody foresaw stays an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from rncarefine.refine.options import OptionError
from RNCARefineLib.panel.faults import sentence, shown_errors


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("Choose another volume."), "Choose another volume."),
        (OptionError("max_change_mm2", "is -1. Give a number."), "Option 'Largest change' is -1. Give a number."),
        (
            OSError(28, "No space left on device", "/full/report.csv"),
            "/full/report.csv: No space left on device.",
        ),
        (PermissionError(13, "Permission denied", "/r.csv"), "/r.csv: Permission denied."),
        (OSError("odd"), "odd."),
        (RuntimeError("CUDA out of memory. Tried 2 GiB"), "The GPU has too little memory."),
        (RuntimeError("MPS backend out of memory"), "The GPU has too little memory."),
        (RuntimeError("CUDA error: no kernel image is available"), "does not know this GPU"),
        (NotImplementedError("aten::x is not implemented for the MPS device"), "lacks an operation"),
        (MemoryError(), "The computer has too little memory."),
    ],
)
def test_what_can_be_expected_is_a_sentence_with_a_remedy(error: Exception, text: str) -> None:
    assert text in sentence(error)
    assert "\n" not in sentence(error)
    assert sentence(error).endswith(".")


@pytest.mark.parametrize("error", [KeyError("a"), RuntimeError("odd"), NotImplementedError("x"), TypeError("x")])
def test_what_nobody_foresaw_has_no_sentence_and_is_raised_again(error: Exception) -> None:
    assert sentence(error) == ""
    with pytest.raises(type(error)), shown_errors("It has failed."):
        raise error


def test_an_expected_error_is_shown_after_the_wait_cursor_is_gone(caplog: pytest.LogCaptureFixture) -> None:
    import qt

    with shown_errors("It has failed.", wait=True):
        assert qt.QApplication.overrideCursor() is not None
        raise ValueError("Choose another volume.")
    assert qt.QApplication.overrideCursor() is None
    assert "Choose another volume." in caplog.text
    assert "It has failed." not in caplog.text


def test_a_file_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(OSError) as caught:
        (tmp_path / "a" / "b.csv").write_text("x")
    assert str(tmp_path / "a" / "b.csv") in sentence(caught.value)
