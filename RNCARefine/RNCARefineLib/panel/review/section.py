"""The review section: content of the slice table, and navigation between slices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
from slicer.i18n import tr as _

from rncarefine.refine.decisions import needs_decision, review_status
from rncarefine.refine.records import Report, SliceRecord

from ...mrml.review.decisions import is_repaired
from ...mrml.review.kept import reviewed_segments
from ..controls import ChoiceBox, Option, enable, set_text
from ..frames import frame_of, has_repaired_frame, player_of, summary_of_frames
from ..messages import error_text, shown_errors, unbroken
from .findings import Checked, Findings, ReviewedSegment
from .slice_table import SliceTable


class ReviewSection:
    """Shows a check or a repaired segmentation, slice by slice.

    Args:
        ui: The widgets of the panel.
        logic: ``RNCARefineLogic``.
        on_content: Called when the content was changed or read again.
        on_slice: Called when another slice is selected.
    """

    def __init__(self, ui: Any, logic: Any, on_content: Callable[[], None], on_slice: Callable[[], None]) -> None:
        self._ui = ui
        self._logic = logic
        self._notify_content = on_content
        self._notify_slice = on_slice
        self._parameters: Any = None
        self._checked: Checked | None = None
        self._findings: Findings | None = None
        self._had_reviews = False
        self._read_for: tuple[Any, Any, Any] = (None, None, None)
        self._table = SliceTable(ui.sliceTable, self._on_slice)
        self._reviewed = ChoiceBox(ui.reviewedSelector, self._on_reviewed)
        self._filter = ChoiceBox(ui.filterSelector, self._on_filter)
        filters = [Option("all", _("All")), Option("changed", _("Changed")), Option("flagged", _("Flagged"))]
        self._filter.fill(filters, "all")
        # Always two lines, so that the buttons do not move when a slice is selected.
        ui.reasonLabel.setMinimumHeight(2 * ui.reasonLabel.fontMetrics().lineSpacing())
        ui.nextButton.connect("clicked()", self.next)
        ui.previousButton.connect("clicked()", self.previous)
        self._shortcuts = [*shortcuts(ui, "N", self.next), *shortcuts(ui, "P", self.previous)]

    @property
    def findings(self) -> Findings | None:
        """The shown check or review."""
        return self._findings

    @property
    def current(self) -> SliceRecord | None:
        """The selected slice."""
        return self._table.current()

    def update(self, parameters: Any, *, again: bool = False) -> None:
        """Follow the parameter node.

        Args:
            parameters: The parameter node.
            again: Read the shown content again because it may have changed.
        """
        self._parameters = parameters
        if again or self._read_for != self._chosen():
            self.refresh()

    def prefill(self, parameters: Any, *, arrived: bool = False) -> None:
        """Select the repaired segmentation of the scene if there is exactly one and nothing is shown.

        Args:
            parameters: The parameter node.
            arrived: Only if there was none the last time.
        """
        nodes = _reviewable_nodes()
        wanted = parameters.reviewedSegmentation is None and self._checked is None
        if wanted and len(nodes) == 1 and not (arrived and self._had_reviews):
            parameters.reviewedSegmentation = nodes[0]
        self._had_reviews = bool(nodes)

    def show_check(self, checked: Checked) -> None:
        """Show the result of a check."""
        self._checked = checked
        self._parameters.reviewedSegmentation = None
        self.refresh()

    def show_reviewed(self, reviewed: ReviewedSegment) -> None:
        """Show the segmentation after a decision."""
        self._findings = reviewed
        self._show("")

    def refresh(self) -> None:
        """Read the content again."""
        if self._checked is not None and not self._checked.is_there():
            self._checked = None
        node = self._repaired_node()
        self._offer(node)
        self._read_for = self._chosen()
        self._findings, trouble = None, ""
        try:
            if node is None:
                trouble = self._take_check()
            elif is_repaired(node):
                self._findings = ReviewedSegment.of(self._logic, node, self._segment_id(node), self._volume())
            else:
                trouble = _("{frame} was not repaired. Show another frame, or repair this one.")
                trouble = trouble.format(frame=str(frame_of(player_of(node))).capitalize())
        except ValueError as error:
            trouble = error_text(error)
        self._show(trouble)

    def clear(self) -> None:
        """Forget everything because the scene was closed."""
        self._parameters = self._checked = self._findings = None
        self._read_for = (None, None, None)
        self._reviewed.fill([Option("", _("None"))], "")
        self._show("")

    def next(self) -> None:
        """Go to the next slice that was changed or flagged."""
        self._table.step(1)

    def previous(self) -> None:
        """Go to the previous slice that was changed or flagged."""
        self._table.step(-1)

    def next_undecided(self) -> None:
        """Go to the next undecided slice; stay if there is none."""
        self._table.step_to_undecided()

    def choose(self, k: int) -> None:
        """Go to a slice."""
        self._table.choose(k)

    def _show(self, trouble: str) -> None:
        findings, node = self._findings, self._repaired_node()
        checked = isinstance(findings, Checked)
        self._table.show(None if findings is None else findings.report, checked=checked)
        of_all = "" if node is None else unbroken(summary_of_frames(node))
        set_text(self._ui.summaryLabel, of_all if findings is None else findings.summary)
        progress = trouble or ("" if findings is None else _progress(findings.report, checked))
        self._ui.decisionLabel.text = progress or _("Check or repair a segmentation to see its slices here.")
        self._update_stops()
        self._update_reason()
        self._notify_content()

    def _offer(self, node: Any) -> None:
        nothing = _("None")
        if self._checked is not None:
            nothing = _("Check of {name}").format(name=self._checked.segmentation_node.GetName())
            if self._checked.frame is not None:
                nothing = f"{nothing}, {self._checked.frame}"
        options = [option for known in _reviewable_nodes() for option in _options_of(known)]
        chosen = "" if node is None else _key(node, self._segment_id(node))
        self._reviewed.fill([Option("", nothing), *options], chosen)

    def _take_check(self) -> str:
        """Show the check if there is one; otherwise return the reason."""
        if self._checked is None:
            return ""
        frame = self._checked.frame_shown()
        if frame == self._checked.frame:
            self._findings = self._checked
            return ""
        text = _("{frame} was not checked. Check it, or return to the checked frame.")
        return text.format(frame=str(frame or _("this volume")).capitalize())

    def _repaired_node(self) -> Any:
        """Return the segmentation selected for review, if it is still in the scene and repaired."""
        node = None if self._parameters is None else self._parameters.reviewedSegmentation
        return node if node is not None and node.GetScene() is not None and _is_reviewable(node) else None

    def _segment_id(self, node: Any) -> str | None:
        """Return the repaired segment selected for review; ``None`` if the shown frame has none."""
        repaired = reviewed_segments(node.GetSegmentation())
        chosen = self._parameters.reviewedSegmentID
        return chosen if chosen in repaired else next(iter(repaired), None)

    def _volume(self) -> Any:
        return None if self._parameters is None else self._parameters.inputVolume

    def _chosen(self) -> tuple[Any, Any, Any]:
        node = self._repaired_node()
        return node, None if node is None else self._segment_id(node), self._volume()

    def _update_stops(self) -> None:
        unless = "" if self._table.has_stops() else _("No listed slice was changed or flagged.")
        enable(self._ui.nextButton, _("Go to the next slice that was changed or flagged (N)."), unless)
        enable(self._ui.previousButton, _("Go to the previous slice that was changed or flagged (P)."), unless)

    def _update_reason(self) -> None:
        record = self._table.current()
        if record is None:
            text = "" if self._findings is None else _("Select a slice to show it in the views.")
        elif record.accepted is False:
            text = _("Slice {k}: restored as before the repair.").format(k=record.k)
        else:
            text = _("Slice {k}: {verdict}. {reason}").format(k=record.k, verdict=record.verdict, reason=record.reason)
        self._ui.reasonLabel.text = text.strip()

    def _on_slice(self, k: int) -> None:
        with shown_errors(_("The slice could not be shown.")):
            if self._findings is not None:
                self._findings.show_slice(k)
        self._update_reason()
        self._notify_slice()

    def _on_reviewed(self, key: str) -> None:
        if self._parameters is not None:
            node_id, _space, segment_id = key.partition(" ")
            self._parameters.reviewedSegmentID = segment_id
            self._parameters.reviewedSegmentation = slicer.mrmlScene.GetNodeByID(node_id) if node_id else None

    def _on_filter(self, which: str) -> None:
        self._table.filter(which)
        self._update_stops()
        self._update_reason()
        self._notify_slice()


def _is_reviewable(node: Any) -> bool:
    """Whether a segmentation was repaired in the shown frame or in another one."""
    return is_repaired(node) or has_repaired_frame(node)


def _reviewable_nodes() -> list[Any]:
    return [node for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode") if _is_reviewable(node)]


def _options_of(node: Any) -> list[Option]:
    """Return an entry for a repaired segmentation, or one per repaired segment if there are several."""
    name, segmentation = node.GetName(), node.GetSegmentation()
    repaired = reviewed_segments(segmentation)
    if len(repaired) < 2:
        return [Option(_key(node, next(iter(repaired), None)), name)]
    return [
        Option(_key(node, segment_id), f"{name} / {segmentation.GetSegment(segment_id).GetName()}")
        for segment_id in repaired
    ]


def _key(node: Any, segment_id: str | None) -> str:
    return f"{node.GetID()} {segment_id or ''}"


def _progress(report: Report, checked: bool) -> str:
    """Return the review progress."""
    if checked:
        return _("Nothing was changed. Repair to review slices.")
    wanted = [record for record in report.slices if needs_decision(record)]
    if not wanted:
        return _("No slice needs a decision.")
    decided = sum(record.accepted is not None for record in wanted)
    words = {"flagged": _("flagged"), "in progress": _("in progress"), "completed": _("completed")}
    return _("{decided} of {wanted} slices decided; status: {status}.").format(
        decided=decided, wanted=len(wanted), status=words[review_status(report)]
    )


def shortcuts(ui: Any, key: str, slot: Callable[[], None]) -> list[Any]:
    """Add a one-letter shortcut to the slice table and to the buttons that step or decide.

    A shortcut of the whole panel would also fire while a letter is typed in a combo box.
    """
    import qt

    buttons = (ui.previousButton, ui.nextButton, ui.acceptButton, ui.rejectButton, ui.undoButton, ui.redoButton)
    made = [qt.QShortcut(widget) for widget in (ui.sliceTable, *buttons)]
    for shortcut in made:
        shortcut.setKey(qt.QKeySequence(key))
        shortcut.setContext(qt.Qt.WidgetShortcut)
        shortcut.connect("activated()", slot)
    return made
