"""The places of a picture of vessels: checked or repaired, one row per place, accepted or rejected one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

from rncarefine.refine.place_records import PictureReport, PlaceRecord
from rncarefine.words import PlaceVerdict

from ...mrml.review.vessels import VesselReview
from ...mrml.review.views import show_place
from ..controls import enable, set_text
from ..dialogs import report_file
from ..messages import shown_errors


class PlaceSection:
    """The table of places and the buttons below it.

    Args:
        ui: The widgets of the panel.
    """

    def __init__(self, ui: Any) -> None:
        self._ui = ui
        self._report: PictureReport | None = None
        self._review: VesselReview | None = None
        self._volume: Any = None
        self._set_up()
        ui.placeTable.connect("currentCellChanged(int,int,int,int)", self._on_current)
        ui.placeTable.connect("cellClicked(int,int)", lambda row, column: self._show_place(row))
        ui.acceptPlaceButton.connect("clicked()", lambda: self._decide(True))
        ui.rejectPlaceButton.connect("clicked()", lambda: self._decide(False))
        ui.exportPlacesButton.connect("clicked()", self._export)

    def follow(self, volume_node: Any) -> None:
        """Show this section instead of the slice table, with the review of a picture if the scene has one.

        Args:
            volume_node: The picture; ``None`` hides this section.
        """
        self._ui.placesCollapsibleButton.visible = volume_node is not None
        self._ui.reviewCollapsibleButton.visible = volume_node is None
        if volume_node is None:
            return
        if self._volume not in (None, volume_node) or (self._review is not None and not self._review.exists):
            self.clear()
        if self._report is None:
            review = VesselReview.of_volume(volume_node)
            if review is not None:
                self.show_review(review)
        elif self._review is not None and self._review.report() != self._report:
            self.show_review(self._review)

    def show_check(self, report: PictureReport, volume_node: Any) -> None:
        """Show the result of a check; no decision is needed."""
        self._report, self._review, self._volume = report, None, volume_node
        self._fill()

    def show_review(self, review: VesselReview) -> None:
        """Show a repaired segmentation."""
        self._report, self._review, self._volume = review.report(), review, review.volume_node
        self._fill()

    def clear(self) -> None:
        """Forget everything because the scene was closed."""
        self._report = self._review = self._volume = None
        self._fill()

    @property
    def current(self) -> PlaceRecord | None:
        """The selected place."""
        row = self._ui.placeTable.currentRow()
        return None if self._report is None or not 0 <= row < len(self._report.places) else self._report.places[row]

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
        self._fill()

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
        set_text(self._ui.placesSummaryLabel, "" if self._report is None else self._report.summary())
        self._update()

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
                show_place(self._volume, place.row, place.column)
        self._update()

    def _decide(self, accepted: bool) -> None:
        place = self.current
        if self._review is None or place is None:
            return
        with shown_errors(_("The decision could not be saved. Nothing was changed.")):
            decide = self._review.accept if accepted else self._review.reject
            self._report = decide(place.number)
            self._fill()

    def _export(self) -> None:
        if self._review is None or self._report is None:
            return
        path = report_file(self._ui.placeTable, self._review.segmentation_node.GetName())
        if path:
            with shown_errors(_("The report could not be written."), wait=True):
                self._review.export(path)


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
