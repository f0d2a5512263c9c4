"""Table of slices of the HTML report."""

from __future__ import annotations

from html import escape

from ..refine.records import Report, SliceRecord
from ..words import Verdict
from .markup import (
    ARROW,
    anything_decided,
    column_heads,
    decision,
    ends,
    expected,
    from_to,
    needs_review,
    number,
    still_flagged,
)


def slice_table(report: Report) -> str:
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
    rows = "".join(_row(record, decided, names.get(record.k, "")) for record in report.slices)
    return (
        f"<div class=wide tabindex=0><table class=slices>{column_heads(titles)}"
        f"<tbody>{rows}</tbody></table></div>{_WORDS}"
    )


def _row(record: SliceRecord, with_decision: bool, end: str) -> str:
    kind = "flagged" if still_flagged(record) else "quiet" if record.verdict is Verdict.INTACT else ""
    flag = " &#9873; flagged" if needs_review(record) else ""
    areas = (
        record.added_mm2,
        record.removed_mm2,
        record.taken_from_pool_mm2,
        record.taken_from_others_mm2,
        record.pool_outside_mm2,
    )
    cells = [
        expected(record),
        str(record.finding_before),
        str(record.finding_after),
        escape(str(record.verdict)) + flag,
        *([decision(record)] if with_decision else []),
        "" if record.confidence is None else number(record.confidence, ".2f"),
        number(record.gap_deg_before, ".0f"),
        from_to(record.thickness_before_mm, record.thickness_after_mm, ".1f"),
        from_to(record.thinnest_before_mm, record.thinnest_after_mm, ".1f"),
        *(number(area, ".0f") if area else "0" for area in areas),
        _counts(record.b0_before, record.b0_after),
        _counts(record.b1_before, record.b1_after),
    ]
    place = f" <span class=end>{end}</span>" if end else ""
    return f'<tr class="{kind}"><th scope=row>{record.k}{place}</th>' + (
        "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
    )


def _counts(before: int, after: int) -> str:
    return str(before) if before == after else f"{before}&nbsp;{ARROW}&nbsp;{after}"


_WORDS = (
    "<p class=note>With an arrow: before &rarr; after. <b>ring</b>: a closed wall (one component, one hole) "
    "&middot; <b>disc</b>: solid, at the apex &middot; <b>open</b>: with a gap &middot; <b>fragmented</b>: several "
    "components &middot; <b>porous</b>: several holes &middot; <b>open (outflow tract)</b>: allowed at the base. "
    "Components (b0) and holes (b1) are the Betti numbers of the slice. Gap: the widest sector without wall. Wall "
    "thickness: see above; thinnest 0 means a gap. From pool, from others: where the new wall overlaps blood pool and "
    "other labels; labels of a label map are overwritten, segments in Slicer are not. Pool outside: blood pool outside "
    "the closed ring. Confidence: the probability that the wall is good (Dice at least 0.75), if the model is "
    "calibrated. Flagged: the slice was left unchanged, or its repair needs review. Slices are numbered from 0.</p>"
)
