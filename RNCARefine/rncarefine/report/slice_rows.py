"""Table of slices of the HTML report."""

from __future__ import annotations

from html import escape

from ..refine.records import Report, SliceRecord
from .markup import ARROW, anything_decided, ends, expected, from_to, number, record_table


def html_slice_table(report: Report) -> str:
    """Return the table with one row per slice, and an explanation of its terms."""
    decided, names = anything_decided(report), ends(report)
    titles = [
        ("slice", ""),
        ("expected", ""),
        ("before", ""),
        ("after", ""),
        ("verdict", ""),
        *([("decision", "")] if decided else []),
        ("confi&shy;dence", "0 to 1"),
        ("gap before", "degrees"),
        ("thick&shy;ness", "mean, mm"),
        ("thinnest", "mm"),
        *((title, "mm&sup2;") for title in ("added", "removed", "from pool", "from others", "pool outside")),
        ("compo&shy;nents", "b0"),
        ("holes", "b1"),
    ]
    rows = ((record, _name(record.k, names.get(record.k, "")), _cells(record, decided)) for record in report.slices)
    return record_table(titles, rows) + _WORDS


def _name(k: int, end: str) -> str:
    return f"{k} <span class=end>{end}</span>" if end else str(k)


def _cells(record: SliceRecord, with_decision: bool) -> list[str]:
    flag = " &#9873; flagged" if record.needs_review else ""
    areas = (
        record.added_mm2,
        record.removed_mm2,
        record.taken_from_pool_mm2,
        record.taken_from_others_mm2,
        record.pool_outside_mm2,
    )
    return [
        expected(record),
        str(record.finding_before),
        str(record.finding_after),
        escape(str(record.verdict)) + flag,
        *([record.decision] if with_decision else []),
        "" if record.confidence is None else number(record.confidence, ".2f"),
        number(record.gap_deg_before, ".0f"),
        from_to(record.thickness_before_mm, record.thickness_after_mm, ".1f"),
        from_to(record.thinnest_before_mm, record.thinnest_after_mm, ".1f"),
        *(number(area, ".0f") if area else "0" for area in areas),
        _counts(record.b0_before, record.b0_after),
        _counts(record.b1_before, record.b1_after),
    ]


def _counts(before: int, after: int) -> str:
    return str(before) if before == after else f"{before}&nbsp;{ARROW}&nbsp;{after}"


_WORDS = (
    "<p class=note>With an arrow: before &rarr; after. <b>ring</b>: a closed wall (one component, one hole) "
    "&middot; <b>disc</b>: solid, at the apex &middot; <b>open</b>: with a gap &middot; <b>fragmented</b>: several "
    "components &middot; <b>porous</b>: several holes &middot; <b>open (outflow tract)</b>: allowed at the base. "
    "Components (b0) and holes (b1) are the Betti numbers of the slice. Gap: the widest sector without wall. Wall "
    "thickness: see above; thinnest 0 means a gap. From pool, from others: where the new wall overlaps blood pool and "
    "other labels; labels of a label map are overwritten, segments are not. Pool outside: blood pool outside "
    "the closed ring. Confidence: the probability that the wall is good (Dice at least 0.75), if the model is "
    "calibrated. Flagged: the slice was left unchanged, or its repair needs review. Slices are numbered from 0.</p>"
)
