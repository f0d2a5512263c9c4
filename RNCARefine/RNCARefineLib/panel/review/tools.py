"""Actions on the shown slice or segmentation: decide, undo, show changes, and export."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
from slicer.i18n import tr as _

from rncarefine.refine.decisions import needs_decision
from rncarefine.refine.records import Report, SliceRecord

from ...mrml.review.views import align_views
from ..controls import enable
from ..dialogs import report_file
from ..messages import shown_errors
from .findings import Findings, ReviewedSegment
from .section import ReviewSection, shortcuts
from .slice_table import is_changed


class ReviewTools:
    """The buttons below the slice table.

    Args:
        ui: The widgets of the panel.
        root: The widget that windows belong to.
        logic: ``RNCARefineLogic``.
        section: What is shown.
        notice: Shows a sentence to the user.
    """

    def __init__(self, ui: Any, root: Any, logic: Any, section: ReviewSection, notice: Callable[[str], None]) -> None:
        self._ui = ui
        self._root = root
        self._logic = logic
        self._section = section
        self._notice = notice
        self._stepped: Any = None
        for button, slot in (
            (ui.acceptButton, self._accept),
            (ui.rejectButton, self._reject),
            (ui.undoButton, self._undo),
            (ui.redoButton, self._redo),
            (ui.alignViewsButton, self._align),
            (ui.plotButton, self._plot),
            (ui.exportButton, self._export),
        ):
            button.connect("clicked()", slot)
        ui.showChangesCheckBox.connect("toggled(bool)", self._show_changes)
        # As a click: a disabled button stays one.
        self._shortcuts = [
            *shortcuts(ui, "A", lambda: ui.acceptButton.click()),
            *shortcuts(ui, "R", lambda: ui.rejectButton.click()),
        ]

    def update(self) -> None:
        """Enable the actions that apply to the shown slice and segmentation."""
        ui, findings, record = self._ui, self._section.findings, self._section.current
        no_repair = (
            "" if isinstance(findings, ReviewedSegment) else _("Repair first, or select a repaired segmentation.")
        )
        nothing = "" if findings is not None else _("Check or repair first.")
        enable(
            ui.acceptButton,
            _("Accept this slice as shown (A). If it was rejected and not edited since, the repair is restored."),
            no_repair or _no_accept(record),
        )
        enable(
            ui.rejectButton,
            _("Restore this slice exactly as before the repair (R)."),
            no_repair or _no_reject(record),
        )
        target = self._target()
        untouched = "" if target is not None else no_repair
        enable(
            ui.undoButton,
            _("Undo the last decision or repair in place. In a sequence, this requires that the same frame is shown."),
            untouched or ("" if self._logic.canUndo(target) else _("There is nothing to undo.")),
        )
        enable(
            ui.redoButton,
            _("Redo the last undone decision or repair."),
            untouched or ("" if self._logic.canRedo(target) else _("There is nothing to redo.")),
        )
        enable(ui.showChangesCheckBox, _("Show added and removed voxels in the views."), no_repair)
        enable(ui.alignViewsButton, _("Rotate the slice views to the planes of the stack."), nothing)
        enable(
            ui.plotButton,
            _(
                "Plot the wall thickness along the stack. A second chart with components (b0) and holes (b1) can be "
                "selected in the plot view."
            ),
            no_repair,
        )
        enable(
            ui.exportButton, _("Write the report: .html with pictures, .csv as a table, .json with all data."), nothing
        )
        self._show_state(findings)

    def clear(self) -> None:
        """Forget the segmentation of the last step because the scene was closed."""
        self._stepped = None

    # Deciding

    def _accept(self) -> None:
        self._decide(ReviewedSegment.accept)

    def _reject(self) -> None:
        self._decide(ReviewedSegment.reject)

    def _decide(self, decide: Callable[[ReviewedSegment, int], ReviewedSegment]) -> None:
        findings, record = self._section.findings, self._section.current
        if not isinstance(findings, ReviewedSegment) or record is None:
            return
        self._notice("")
        if not findings.is_current():
            self._section.refresh()
            self._notice(_("The shown frame has changed. Review its slices again."))
            return
        with shown_errors(_("The decision could not be saved."), wait=True):
            self._section.show_reviewed(decide(findings, record.k))
            self._section.next_undecided()

    def _undo(self) -> None:
        self._step(
            self._logic.undo,
            self._logic.canUndo,
            _("The segmentation was edited since. Undo also reverts these edits. Continue?"),
        )

    def _redo(self) -> None:
        self._step(
            self._logic.redo,
            self._logic.canRedo,  # Slicer forgets what was undone at most edits
            _("The segmentation was edited since. Redo reverts these edits. Continue?"),
        )

    def _step(self, step: Callable[[Any], bool], can: Callable[[Any], bool], question: str) -> None:
        node, before = self._target(), self._section.findings
        if node is None:
            return
        if can(node) and self._logic.editedSince(node) and not slicer.util.confirmOkCancelDisplay(question):
            return
        self._notice("")
        with shown_errors(_("Undo or Redo failed."), wait=True):
            step(node)
            self._stepped = node
            self._section.refresh()
            after = self._section.findings
            if isinstance(after, ReviewedSegment):
                after.refresh_tables()
            if (
                isinstance(before, ReviewedSegment)
                and isinstance(after, ReviewedSegment)
                and before.frame == after.frame
            ):
                self._go_to_difference(before.report, after.report)

    def _go_to_difference(self, before: Report, after: Report) -> None:
        """Go to the slice that the step changed."""
        for old, new in zip(before.slices, after.slices, strict=True):
            if old.accepted != new.accepted:
                self._section.choose(new.k)
                return

    def _target(self) -> Any:
        """Return the segmentation that Undo and Redo apply to.

        After a repair in place was undone, the segmentation has no review, but the repair can be redone.
        """
        findings = self._section.findings
        if isinstance(findings, ReviewedSegment):
            return findings.segmentation_node
        there = self._stepped is not None and self._stepped.GetScene() is not None
        return self._stepped if there else None

    # Looking

    def _show_state(self, findings: Findings | None) -> None:
        box = self._ui.showChangesCheckBox
        blocked = box.blockSignals(True)
        box.checked = isinstance(findings, ReviewedSegment) and findings.changes_shown()
        box.blockSignals(blocked)

    def _show_changes(self, visible: bool) -> None:
        findings = self._section.findings
        if isinstance(findings, ReviewedSegment):
            with shown_errors(_("The changes could not be shown.")):
                findings.show_changes(visible)

    def _align(self) -> None:
        findings = self._section.findings
        if findings is not None:
            with shown_errors(_("The views could not be aligned.")):
                align_views(findings.volume_node)

    def _plot(self) -> None:
        findings = self._section.findings
        if not isinstance(findings, ReviewedSegment):
            return
        with shown_errors(_("The plot could not be created."), wait=True):
            chart = findings.plot()
            if slicer.app.layoutManager() is not None:
                slicer.modules.plots.logic().ShowChartInLayout(chart)

    def _export(self) -> None:
        findings = self._section.findings
        if findings is None:
            return
        self._notice("")
        with shown_errors(_("The report could not be written.")):
            frame = findings.frame
            path = report_file(self._root, findings.segmentation_node.GetName(), frame.number if frame else None)
            if path:
                findings.export(path)
                self._notice(_("The report was written to {path}.").format(path=path))


def _no_accept(record: SliceRecord | None) -> str:
    if record is None:
        return _("Select a slice in the table.")
    if not needs_decision(record):
        return _("This slice was neither changed nor flagged. No decision is needed.")
    return _("This slice is already accepted.") if record.accepted else ""


def _no_reject(record: SliceRecord | None) -> str:
    if record is None:
        return _("Select a slice in the table.")
    if record.accepted is False:
        return _("This slice is already rejected.")
    return "" if is_changed(record) else _("The repair did not change this slice.")
