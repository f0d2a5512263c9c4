"""Numbers in sentences: runs instead of long lists, and units that stay with their numbers."""

from __future__ import annotations

import pytest

from RNCARefineLib.panel.numbers import listed, unbroken


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
    assert listed(numbers) == text


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
