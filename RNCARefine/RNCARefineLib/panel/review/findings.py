"""Content of the slice table: the report of a check, or a repaired segmentation and its review."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rncarefine.refine.records import Report
from rncarefine.report.report import write_report

from ...mrml.nodes.guards import Selection
from ...mrml.nodes.reader import Reading, read
from ...mrml.review.decisions import Review
from ...mrml.review.plot import THICKNESS, TOPOLOGY, put_plot
from ...mrml.review.views import show_slice
from ..frames import Frame, browser_of, frame_of, player_of, refresh_frames, summary_of_frames
from ..messages import unbroken


@dataclass(frozen=True, eq=False)
class Checked:
    """The result of a check.

    Attributes:
        logic: ``RNCARefineLogic``.
        selection: The checked nodes and segments.
        options: Keyword arguments of ``RNCARefineLogic.check``.
        report: The report.
        frame: The checked frame of a sequence.
    """

    logic: Any
    selection: Selection
    options: dict[str, Any]
    report: Report
    frame: Frame | None = None

    @classmethod
    def of(cls, logic: Any, selection: Selection, options: dict[str, Any]) -> Checked:
        """Check a selection.

        Raises:
            ValueError: The nodes cannot be read.
        """
        frame = _shown(selection.segmentation_node, selection.volume_node)
        return cls(logic, selection, options, _check(logic, selection, options), frame)

    @property
    def segmentation_node(self) -> Any:
        """The segmentation that was checked."""
        return self.selection.segmentation_node

    @property
    def volume_node(self) -> Any:
        """The image it was checked with."""
        return self.selection.volume_node

    def is_there(self) -> bool:
        """Whether the checked nodes are still in the scene."""
        return self.segmentation_node.GetScene() is not None and self.volume_node.GetScene() is not None

    def frame_shown(self) -> Frame | None:
        """The frame that is shown now; the check is of :attr:`frame`."""
        return _shown(self.segmentation_node, self.volume_node)

    @property
    def summary(self) -> str:
        """Summary line of the check."""
        return unbroken(_of_frame(self.frame, self.report))

    def show_slice(self, k: int) -> None:
        """Move every slice view to a slice, centred on the heart."""
        show_slice(self.volume_node, k, self._read().stack.mask[k])

    def export(self, path: str) -> None:
        """Check again and write the report, so that table and pictures agree."""
        stack = self._read().stack
        write_report(_check(self.logic, self.selection, self.options), path, stack, stack.mask)

    def _read(self) -> Reading:
        return read(self.selection)


@dataclass(frozen=True, eq=False)
class ReviewedSegment:
    """A repaired segment whose slices are accepted or rejected.

    Attributes:
        review: The review.
        report: The report with the decisions made so far.
        frame: The checked frame of a sequence.
    """

    review: Review
    report: Report
    frame: Frame | None = None

    @classmethod
    def of(
        cls, logic: Any, segmentation_node: Any, segment_id: str | None = None, volume_node: Any = None
    ) -> ReviewedSegment:
        """Read the review of a repaired segment.

        Args:
            logic: ``RNCARefineLogic``.
            segmentation_node: The repaired segmentation.
            segment_id: The repaired segment, where several were.
            volume_node: The image it was repaired with, where the segmentation was loaded without it.

        Raises:
            ValueError: It was never repaired, or its volume is not in the scene.
        """
        review: Review = logic.review(segmentation_node, segment_id)
        try:
            return cls._read(review)
        except ValueError:
            if volume_node is None:
                raise
            Review.of(segmentation_node, review.segment_id, volume_node=volume_node)
            return cls._read(review)

    @classmethod
    def _read(cls, review: Review) -> ReviewedSegment:
        return cls(review, review.report(), frame_of(player_of(review.segmentation_node)))

    @property
    def segmentation_node(self) -> Any:
        """The repaired segmentation."""
        return self.review.segmentation_node

    @property
    def volume_node(self) -> Any:
        """The image it was repaired with."""
        return self.review.volume_node

    @property
    def summary(self) -> str:
        """Summary line of the repair; for a sequence a second line about the frame."""
        of_all = summary_of_frames(self.segmentation_node)
        return unbroken("\n".join(filter(None, [of_all, _of_frame(self.frame if of_all else None, self.report)])))

    def is_there(self) -> bool:
        """Whether the segmentation is still in the scene."""
        return self.segmentation_node.GetScene() is not None

    def is_current(self) -> bool:
        """Whether :attr:`frame` is still shown: decisions apply to the shown frame."""
        return frame_of(player_of(self.segmentation_node)) == self.frame

    def accept(self, k: int) -> ReviewedSegment:
        """Accept a slice and return the updated review."""
        self.review.accept(k)
        return self._decided()

    def reject(self, k: int) -> ReviewedSegment:
        """Restore a slice as before the repair and return the updated review."""
        self.review.reject(k)
        return self._decided()

    def refresh_tables(self) -> None:
        """Update the tables of the scene after an undo or redo."""
        self.review.refresh()
        refresh_frames(self.segmentation_node, self.review.segment_id, self.volume_node)

    def show_slice(self, k: int) -> None:
        """Move every slice view to a slice, centred on the heart."""
        show_slice(self.volume_node, k, self.review.wall_now()[k])

    def changes_shown(self) -> bool:
        """Whether the added and the removed voxels are shown."""
        return self.review.changes_shown()

    def show_changes(self, visible: bool) -> None:
        """Show or hide the added and the removed voxels."""
        self.review.show_changes(visible)

    def plot(self) -> Any:
        """Create the charts of topology and wall thickness; return the chart of the thickness."""
        table = self.review.refresh()
        put_plot(self.segmentation_node, table, TOPOLOGY)
        return put_plot(self.segmentation_node, table, THICKNESS)

    def export(self, path: str) -> None:
        """Write the report with the decisions made so far."""
        self.review.export(path)

    def _decided(self) -> ReviewedSegment:
        refresh_frames(self.segmentation_node, self.review.segment_id, self.volume_node)
        return self._read(self.review)


Findings = Checked | ReviewedSegment


def _check(logic: Any, selection: Selection, options: dict[str, Any]) -> Report:
    report: Report = logic.check(
        selection.segmentation_node,
        selection.wall_ids,
        selection.volume_node,
        selection.pool_id,
        rvSegmentID=selection.rv_id,
        **options,
    )
    return report


def _shown(segmentation_node: Any, volume_node: Any) -> Frame | None:
    return frame_of(browser_of(segmentation_node, volume_node))


def _of_frame(frame: Frame | None, report: Report) -> str:
    return report.summary() if frame is None else f"{str(frame).capitalize()}: {report.summary()}"
