"""The slices of a report as a table with one row per slice, a filter, and navigation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from slicer.i18n import tr as _

from rncarefine.refine.decide import MIN_CONFIDENCE
from rncarefine.refine.decisions import needs_decision
from rncarefine.refine.records import Report, SliceRecord
from rncarefine.words import REPAIRED, Verdict

from ..controls import make_small

_LIGHT, _DARK = {"review": "#b34a00", "repaired": "#0072b2"}, {"review": "#f0a050", "repaired": "#56b4e9"}
"""Accent colours of slices that need review and of repaired slices, on a light and on a dark background."""


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Attributes:
        title: Heading.
        tip: Tooltip of the heading.
        text: Returns the text of a slice.
        number: Whether the text is a number and aligned to the right.
        accented: Whether the text has the accent colour of the slice.
        of_check, of_repair: Whether the column is shown for a check, or for a repair.
    """

    title: str
    tip: str
    text: Callable[[SliceRecord], str]
    number: bool = False
    accented: bool = False
    of_check: bool = False
    of_repair: bool = True

    @property
    def alignment(self) -> int:
        """Alignment of its texts."""
        import qt

        return (qt.Qt.AlignRight if self.number else qt.Qt.AlignLeft) | qt.Qt.AlignVCenter


class SliceTable:
    """A ``QTableWidget`` that shows a report.

    Args:
        table: The widget.
        on_slice: Called with the number of a slice when its row is selected.
    """

    def __init__(self, table: Any, on_slice: Callable[[int], None]) -> None:
        self._table = table
        self._on_slice = on_slice
        self._columns = _columns()
        self._records: list[SliceRecord] = []
        self._filter = "all"
        self._set_up()
        table.connect("currentCellChanged(int,int,int,int)", self._on_current)
        # A click on the selected row shows its slice again.
        table.connect("cellClicked(int,int)", self._on_clicked)

    def show(self, report: Report | None, *, checked: bool = False) -> None:
        """Show a report, or nothing; the selected row is kept, and no signal is sent.

        Args:
            report: The report.
            checked: Whether it is the report of a check.
        """
        import qt

        accents = _DARK if self._table.palette.color(qt.QPalette.Base).lightness() < 128 else _LIGHT
        self._records = [] if report is None else list(report.slices)
        blocked = self._table.blockSignals(True)
        self._table.setRowCount(len(self._records))
        for number, column in enumerate(self._columns):
            self._table.setColumnHidden(number, not (column.of_check if checked else column.of_repair))
        for row, record in enumerate(self._records):
            for number, column in enumerate(self._columns):
                item = _item(record, column)
                if column.accented and accent_of(record):
                    item.setForeground(qt.QBrush(qt.QColor(accents[accent_of(record)])))
                self._table.setItem(row, number, item)
        self._table.blockSignals(blocked)
        self._apply_filter()

    def filter(self, which: str) -> None:
        """List "all" slices, those that were "changed", or those that are "flagged"."""
        self._filter = which
        self._apply_filter()

    def current(self) -> SliceRecord | None:
        """Return the slice of the selected row; ``None`` if no row is selected."""
        row = self._table.currentRow()
        if not 0 <= row < len(self._records) or self._table.isRowHidden(row) or not self._is_chosen(row):
            return None
        return self._records[row]

    def _is_chosen(self, row: int) -> bool:
        item = self._table.item(row, 0)
        return item is not None and bool(item.isSelected())

    def choose(self, k: int) -> None:
        """Select the row of a slice."""
        for row, record in enumerate(self._records):
            if record.k == k:
                self._table.setCurrentCell(row, 0)

    def has_stops(self) -> bool:
        """Whether there is a slice to go to with :meth:`step`."""
        return bool(self._stops())

    def step(self, direction: int) -> None:
        """Go to the next (1) or previous (-1) slice that was changed or flagged, cyclically."""
        stops = self._stops()
        if not stops:
            return
        here = self._table.currentRow()
        if direction > 0:
            row = next((stop for stop in stops if stop > here), stops[0])
        else:
            row = next((stop for stop in reversed(stops) if stop < here), stops[-1])
        self._table.setCurrentCell(row, 0)
        if row == here:  # the only stop: selecting it again sends no signal
            self._notify(row)

    def step_to_undecided(self) -> None:
        """Go to the next undecided slice, cyclically; stay if there is none."""
        stops = [row for row in self._stops() if self._records[row].accepted is None]
        if stops:
            here = self._table.currentRow()
            self._table.setCurrentCell(next((stop for stop in stops if stop > here), stops[0]), 0)

    def _stops(self) -> list[int]:
        return [
            row
            for row, record in enumerate(self._records)
            if (needs_decision(record) or is_to_repair(record)) and not self._table.isRowHidden(row)
        ]

    def _apply_filter(self) -> None:
        for row, record in enumerate(self._records):
            shown = {"all": True, "changed": is_changed(record), "flagged": record.flagged}[self._filter]
            self._table.setRowHidden(row, not shown)

    def _on_current(self, row: int, column: int, previous_row: int, previous_column: int) -> None:
        # A table that gets the keyboard focus makes its first row current without selecting it.
        if row != previous_row and self._is_chosen(row):
            self._notify(row)

    def _on_clicked(self, row: int, column: int) -> None:
        self._notify(row)

    def _notify(self, row: int) -> None:
        if 0 <= row < len(self._records):
            self._on_slice(self._records[row].k)

    def _set_up(self) -> None:
        import qt

        table = self._table
        table.setColumnCount(len(self._columns))
        table.setHorizontalHeaderLabels([column.title for column in self._columns])
        for number, column in enumerate(self._columns):
            table.horizontalHeaderItem(number).setToolTip(column.tip)
            table.horizontalHeaderItem(number).setTextAlignment(column.alignment)
            # The last column that is shown takes the rest of the width.
            last = number == len(self._columns) - 1 or not column.of_repair
            mode = qt.QHeaderView.Stretch if last else qt.QHeaderView.ResizeToContents
            table.horizontalHeader().setSectionResizeMode(number, mode)
        table.horizontalHeader().minimumSectionSize = 24
        table.horizontalHeader().highlightSections = False
        table.verticalHeader().setVisible(False)
        for part in (table, table.horizontalHeader()):
            make_small(part, 0.86)  # eight columns in the width of a panel
        table.verticalHeader().setSectionResizeMode(qt.QHeaderView.ResizeToContents)


def is_check(record: SliceRecord) -> bool:
    """Whether a record may come from a check, so that nothing was changed."""
    return record.verdict in (Verdict.INTACT, Verdict.TO_REPAIR)


def is_to_repair(record: SliceRecord) -> bool:
    """Whether a check found a slice that a repair would change."""
    return record.verdict is Verdict.TO_REPAIR


def is_changed(record: SliceRecord) -> bool:
    """Whether the repair changed a slice, even if it was rejected afterwards."""
    return record.verdict in REPAIRED or record.added_mm2 > 0 or record.removed_mm2 > 0


def accent_of(record: SliceRecord) -> str:
    """Return the accent of a slice: "review", "repaired" or none."""
    if (record.flagged and record.accepted is None) or is_to_repair(record):
        return "review"
    return "repaired" if is_changed(record) and record.accepted is not False else ""


def decision_of(record: SliceRecord) -> str:
    """Return the decision about a slice as a word."""
    if record.accepted is not None:
        return _("yes") if record.accepted else _("no")
    if record.flagged:
        return _("review")
    return _("undecided") if needs_decision(record) else ""


def _verdict(record: SliceRecord) -> str:
    return {
        Verdict.INTACT: _("intact"),
        Verdict.TO_REPAIR: _("to repair"),
        Verdict.AUTOMATON: _("automaton"),
        Verdict.CLEANED: _("cleaned"),
        Verdict.GEOMETRY: _("geometry"),
        Verdict.REFUSED: _("refused"),
    }[record.verdict]


def _columns() -> list[Column]:
    def area(value: float) -> str:
        return f"{value:.0f}" if value else ""

    return [
        Column(_("Slice"), _("Number of the slice along the stack, from 0."), lambda r: str(r.k), True, of_check=True),
        Column(_("Before"), _("Finding before the repair."), lambda r: str(r.finding_before), of_check=True),
        Column(_("After"), _("Finding now."), lambda r: str(r.finding_after)),
        Column(
            _("Verdict"),
            _(
                "Automaton (repaired by the automaton), cleaned (only loose components and pores removed), geometry "
                "(polar interpolation), intact, or refused (left unchanged). Each of them may need review."
            ),
            _verdict,
            accented=True,
            of_check=True,
        ),
        Column(
            _("Reason"),
            _("Reason for the verdict."),
            lambda r: r.reason,
            of_check=True,
            of_repair=False,
        ),
        Column(
            _("Conf."),
            _(
                "Confidence, 0 to 1: the probability that the wall is good (Dice of at least 0.75), or the expected "
                "Dice (uncalibrated model). A wall below {minimum:g} needs review."
            ).format(minimum=MIN_CONFIDENCE),
            lambda r: "" if r.confidence is None else f"{r.confidence:.2f}",
            True,
        ),
        Column(_("+\nmm\u00b2"), _("Added area in mm\u00b2."), lambda r: area(r.added_mm2), True),
        Column(_("\u2212\nmm\u00b2"), _("Removed area in mm\u00b2."), lambda r: area(r.removed_mm2), True),
        Column(
            _("Accepted"),
            _("Your decision; review or undecided if there is none."),
            decision_of,
            accented=True,
        ),
    ]


def _item(record: SliceRecord, column: Column) -> Any:
    import qt

    item = qt.QTableWidgetItem(column.text(record))
    item.setToolTip(_about(record))
    item.setFlags(qt.Qt.ItemIsSelectable | qt.Qt.ItemIsEnabled)
    item.setTextAlignment(column.alignment)
    return item


def _about(record: SliceRecord) -> str:
    """Return the tooltip of a row: verdict, reason, Betti numbers and gap."""
    numbers = _("b0, b1: {b0}, {b1}").format(b0=record.b0_before, b1=record.b1_before)
    if not is_check(record):
        numbers += " " + _("before; {b0}, {b1} now").format(b0=record.b0_after, b1=record.b1_after)
    gap = _("Largest gap before: {gap:.0f} degrees").format(gap=record.gap_deg_before)
    lines = [str(record.verdict).capitalize(), record.reason, numbers, gap if record.gap_deg_before > 0 else ""]
    return "\n".join(filter(None, lines))
