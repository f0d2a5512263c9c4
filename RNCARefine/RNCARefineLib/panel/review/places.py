"""The places of a picture of vessels: checked or repaired, one row per place, accepted or rejected one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import slicer
from slicer.i18n import tr as _

from rncarefine.refine.place_records import PictureReport, PlaceRecord
from rncarefine.words import PlaceVerdict

from ...mrml.review.vessels import VesselReview
from ...mrml.review.views import show_place
from ..controls import ChoiceBox, Option, enable, set_text
from ..dialogs import report_file
from ..messages import error_text, shown_errors


@dataclass(frozen=True, eq=False)
class Checked:
    """The result of a check.

    Attributes:
        segmentation_node: The segmentation that was checked.
        volume_node: The picture it was checked with.
        report: The report.
    """

    segmentation_node: Any
    volume_node: Any
    report: PictureReport

    def is_of(self, volume_node: Any) -> bool:
        """Whether a picture is the checked one, and the checked segmentation is still in the scene."""
        return self.volume_node == volume_node and self.segmentation_node.GetScene() is not None


class PlaceSection:
    """The table of places and the buttons below it.

    Args:
        ui: The widgets of the panel.
    """

    def __init__(self, ui: Any) -> None:
        self._ui = ui
        self._report: PictureReport | None = None
        self._review: VesselReview | None = None
        self._checked: Checked | None = None
        self._parameters: Any = None
        self._reviewed = ChoiceBox(ui.reviewedPictureSelector, self._on_reviewed)
        self._set_up()
        ui.placeTable.connect("currentCellChanged(int,int,int,int)", self._on_current)
        ui.placeTable.connect("cellClicked(int,int)", lambda row, column: self._show_place(row))
        ui.acceptPlaceButton.connect("clicked()", lambda: self._decide(True))
        ui.rejectPlaceButton.connect("clicked()", lambda: self._decide(False))
        ui.exportPlacesButton.connect("clicked()", self._export)

    def follow(self, parameters: Any) -> None:
        """Show this section instead of the slice table, with the check or a review of the chosen picture.

        Args:
            parameters: The parameter node, whose volume is a picture; ``None`` hides this section.
        """
        self._parameters = parameters
        self._ui.placesCollapsibleButton.visible = parameters is not None
        self._ui.reviewCollapsibleButton.visible = parameters is None
        if parameters is not None:
            self._refresh()

    def show_check(self, report: PictureReport) -> None:
        """Show the result of a check; no decision is needed."""
        self._checked = Checked(self._parameters.inputSegmentation, self._parameters.inputVolume, report)
        self._parameters.reviewedSegmentation = None
        self._refresh()

    def clear(self) -> None:
        """Forget everything because the scene was closed."""
        self._checked = self._review = None
        self._reviewed.fill([Option("", _("None"))], "")
        self._show(None)
        self.follow(None)

    @property
    def current(self) -> PlaceRecord | None:
        """The selected place."""
        row = self._ui.placeTable.currentRow()
        return None if self._report is None or not 0 <= row < len(self._report.places) else self._report.places[row]

    def _refresh(self) -> None:
        """Read the content again."""
        volume, trouble = self._parameters.inputVolume, ""
        if self._checked is not None and not self._checked.is_of(volume):
            self._checked = None
        reviews = VesselReview.all_of(volume)
        self._review, report = self._wanted(reviews), None
        try:
            if self._review is not None:
                VesselReview.of(self._review.segmentation_node, self._review.segment_id, volume_node=volume)
                report = self._review.report()
            elif self._checked is not None:
                report = self._checked.report
        except ValueError as error:
            self._review, trouble = None, error_text(error)
        nothing = [Option("", _("None"))] if not reviews else []
        if self._checked is not None:
            nothing = [Option("", _("Check of {name}").format(name=self._checked.segmentation_node.GetName()))]
        key = "" if self._review is None else _key(self._review)
        self._reviewed.fill([*nothing, *(Option(_key(review), _name(review, reviews)) for review in reviews)], key)
        self._show(report, trouble)

    def _wanted(self, reviews: Sequence[VesselReview]) -> VesselReview | None:
        """Return the review to show: the chosen one, or without a check that of the chosen segment, or the last one."""
        parameters = self._parameters
        chosen = parameters.reviewedSegmentation, parameters.reviewedSegmentID
        for review in reviews:
            if (review.segmentation_node, review.segment_id) == chosen:
                return review
        if self._checked is not None:
            return None
        of_segment = [review for review in reviews if review.segment_id == parameters.myocardiumSegmentID]
        return next(iter(of_segment or reviews), None)

    def _on_reviewed(self, key: str) -> None:
        if self._parameters is not None:
            node_id, _space, segment_id = key.partition(" ")
            self._parameters.reviewedSegmentID = segment_id
            self._parameters.reviewedSegmentation = slicer.mrmlScene.GetNodeByID(node_id) if node_id else None

    def _set_up(self) -> None:
        import qt

        table, titles = self._ui.placeTable, [title for title, _text in _COLUMNS]
        table.setColumnCount(len(titles))
        table.setHorizontalHeaderLabels([_(title) for title in titles])
        for number in range(len(titles)):
            last = number == len(titles) - 1
            mode = qt.QHeaderView.Stretch if last else qt.QHeaderView.ResizeToContents
            table.horizontalHeader().setSectionResizeMode(number, mode)
        table.verticalHeader().setVisible(False)
        self._show(None)

    def _show(self, report: PictureReport | None, trouble: str = "") -> None:
        """Show a report, or nothing and the reason."""
        if report != self._report:
            self._report = report
            self._fill()
        set_text(self._ui.placesSummaryLabel, trouble if report is None else report.summary())
        self._update()

    def _fill(self) -> None:
        import qt

        table, places = self._ui.placeTable, [] if self._report is None else self._report.places
        row = table.currentRow()
        blocked = table.blockSignals(True)
        table.setRowCount(len(places))
        for number, place in enumerate(places):
            for column, (_title, text) in enumerate(_COLUMNS):
                item = qt.QTableWidgetItem(text(place))
                item.setToolTip(place.reason)
                item.setFlags(qt.Qt.ItemIsSelectable | qt.Qt.ItemIsEnabled)
                table.setItem(number, column, item)
        if 0 <= row < len(places):
            table.setCurrentCell(row, 0)
        table.blockSignals(blocked)

    def _update(self) -> None:
        place = self.current
        self._ui.placeReasonLabel.text = "" if place is None else place.reason
        missing = ""
        if self._review is None:
            missing = _("Repair first.")
        elif place is None:
            missing = _("Select a place first.")
        enable(self._ui.acceptPlaceButton, _("Accept the repair of the selected place."), missing)
        if not missing and place is not None and not (place.added_px or place.removed_px):
            missing = _("Nothing was changed at this place.")
        enable(self._ui.rejectPlaceButton, _("Restore the selected place as before the repair."), missing)
        unless = "" if self._review is not None else _("Repair first.")
        enable(self._ui.exportPlacesButton, _("Write the report with the decisions: CSV, JSON or HTML."), unless)

    def _on_current(self, row: int, column: int, previous_row: int, previous_column: int) -> None:
        if row != previous_row:
            self._show_place(row)

    def _show_place(self, row: int) -> None:
        if self._report is not None and 0 <= row < len(self._report.places):
            place = self._report.places[row]
            with shown_errors(_("The place could not be shown.")):
                show_place(self._parameters.inputVolume, place.row, place.column)
        self._update()

    def _decide(self, accepted: bool) -> None:
        place = self.current
        if self._review is None or place is None:
            return
        with shown_errors(_("The decision could not be saved. Nothing was changed.")):
            decide = self._review.accept if accepted else self._review.reject
            self._show(decide(place.number))

    def _export(self) -> None:
        if self._review is None or self._report is None:
            return
        path = report_file(self._ui.placeTable, self._review.segmentation_node.GetName())
        if path:
            with shown_errors(_("The report could not be written."), wait=True):
                self._review.export(path)


def _key(review: VesselReview) -> str:
    return f"{review.segmentation_node.GetID()} {review.segment_id}"


def _name(review: VesselReview, reviews: Sequence[VesselReview]) -> str:
    """Return the name of a segmentation, with the segment if several of it were repaired."""
    node = review.segmentation_node
    if sum(other.segmentation_node == node for other in reviews) < 2:
        return str(node.GetName())
    return f"{node.GetName()} / {node.GetSegmentation().GetSegment(review.segment_id).GetName()}"


def _decision(place: PlaceRecord) -> str:
    if place.accepted is not None:
        return _("yes") if place.accepted else _("no")
    if place.verdict is PlaceVerdict.TO_REPAIR:
        return ""
    changed = bool(place.added_px or place.removed_px)
    return _("review") if place.flagged else _("undecided") if changed else ""


_COLUMNS: list[tuple[str, Callable[[PlaceRecord], str]]] = [
    ("Place", lambda place: str(place.number)),
    ("Finding", lambda place: str(place.finding)),
    ("Verdict", lambda place: str(place.verdict)),
    ("Pixels", lambda place: f"{place.size_px:.0f}"),
    ("Conf.", lambda place: "" if place.confidence is None else f"{place.confidence:.2f}"),
    ("Contrast", lambda place: "" if place.support is None else f"{place.support:.2f}"),
    ("Accepted", _decision),
]
"""Heading and text of each column."""
