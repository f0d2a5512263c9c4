"""Messages of expected and unexpected errors, and numbers in sentences."""

from __future__ import annotations

from pathlib import Path

import pytest

from rncarefine.refine.options import OptionError
from RNCARefineLib.panel.messages import error_text, number_ranges, shown_errors, unbroken


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
        (RuntimeError("CUDA out of memory. Tried 2 GiB"), "The GPU is out of memory."),
        (RuntimeError("MPS backend out of memory"), "The GPU is out of memory."),
        (RuntimeError("CUDA error: no kernel image is available"), "does not support this GPU"),
        (NotImplementedError("aten::x is not implemented for the MPS device"), "lacks an operation"),
        (MemoryError(), "Out of memory."),
    ],
)
def test_expected_errors_have_a_message_with_a_remedy(error: Exception, text: str) -> None:
    assert text in error_text(error)
    assert "\n" not in error_text(error)
    assert error_text(error).endswith(".")


@pytest.mark.parametrize("error", [KeyError("a"), RuntimeError("odd"), NotImplementedError("x"), TypeError("x")])
def test_unexpected_errors_are_reraised(error: Exception) -> None:
    assert error_text(error) == ""
    with pytest.raises(type(error)), shown_errors("It has failed."):
        raise error


def test_an_expected_error_is_shown_after_the_wait_cursor(caplog: pytest.LogCaptureFixture) -> None:
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
    assert str(tmp_path / "a" / "b.csv") in error_text(caught.value)


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ([], ""),
        ([4], "4"),
        ([2, 3], "2, 3"),
        (range(9), "0 to 8"),
        ([7, 0, 2, 3, 4, 5], "0, 2 to 5, 7"),
        ([1, 2, 3, 5, 6, 7], "1 to 3, 5 to 7"),
    ],
)
def test_three_or_more_numbers_in_a_row_are_a_run(numbers: list[int], text: str) -> None:
    assert number_ranges(numbers) == text


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("LV mass 1.5 -> 2.0 g (+1.4 %)", "LV mass 1.5 -> 2.0\u00a0g (+1.4\u00a0%)"),
        ("35 mm\u00b2 and 8 mm", "35\u00a0mm\u00b2 and 8\u00a0mm"),
        ("2 gaps in 9 slices", "2 gaps in 9 slices"),
    ],
)
def test_no_line_breaks_between_a_number_and_its_unit(text: str, kept: str) -> None:
    assert unbroken(text) == kept
