"""The table of a repaired cine sequence: a row for each slice of each frame, and what was decided about it."""

from __future__ import annotations

import pytest

from harness.cine import DrawnCine, column, draw_cine, repair
from harness.hearts import GAP, SPECK
from RNCARefineLib.mrml.cine.report import refresh_frames_table
from RNCARefineLib.mrml.review.decisions import Review

pytestmark = pytest.mark.usefixtures("toy_engine")


@pytest.fixture
def cine() -> DrawnCine:
    return draw_cine()


def test_the_table_has_a_row_for_each_frame_and_slice(cine: DrawnCine) -> None:
    table = repair(cine, frames=[0, 2]).table_node
    slices = len(cine.walls[0])
    assert table.GetTable().GetColumn(0).GetName() == "frame"
    assert column(table, "frame") == [0] * slices + [2] * slices
    assert column(table, "k") == list(range(slices)) * 2
    broken = [
        (frame, k)
        for frame, k, verdict in zip(column(table, "frame"), column(table, "k"), column(table, "verdict"), strict=True)
        if verdict != "intact"
    ]
    assert broken == [(0, GAP), (0, SPECK), (2, 0), (2, GAP), (2, SPECK)]
    assert table.GetDescription().startswith("2 frames repaired: 5 of 10 slices closed before, 10 after; 0 flagged")


def test_the_table_of_all_frames_follows_the_decisions(cine: DrawnCine) -> None:
    outcome = repair(cine)
    node = outcome.segmentation_node
    Review.of(node).reject(GAP)
    cine.browser.SetSelectedItemNumber(2)
    Review.of(node).accept(0)
    table = refresh_frames_table(cine.browser, node, "myo", cine.heart.volume)
    assert table == outcome.table_node
    decided = [
        (frame, k, accepted)
        for frame, k, accepted in zip(
            column(table, "frame"), column(table, "k"), column(table, "accepted"), strict=True
        )
        if accepted
    ]
    assert decided == [(0, GAP, "no"), (2, 0, "yes")]


def test_shown_frame_and_all_frames_have_different_tables(cine: DrawnCine) -> None:
    outcome = repair(cine)
    table = Review.of(outcome.segmentation_node).refresh()
    assert table != outcome.table_node
    assert table.GetNumberOfRows() == len(cine.walls[0])
    assert outcome.table_node.GetNumberOfRows() == 3 * len(cine.walls[0])


def test_a_segmentation_without_a_repaired_frame_has_no_table(cine: DrawnCine) -> None:
    with pytest.raises(ValueError, match=r"'Heart'.*repaired frame"):
        refresh_frames_table(cine.browser, cine.heart.segmentation, "myo", cine.heart.volume)
