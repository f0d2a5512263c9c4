"""Pictures of the HTML report: one row per changed or flagged slice."""

from __future__ import annotations

from html import escape

from ..refine.records import Report, SliceRecord
from ..stack import Mask, Stack
from ..words import Finding
from .markup import card, ends, expected, number, only_checked
from .pictures import HeartView, SlicePictures, png_uri, slice_pictures, slices_to_show


def gallery(report: Report, stack: Stack, after: Mask) -> str:
    """Return the section with the pictures; empty if no slice was changed or flagged.

    Args:
        report: The report.
        stack: The stack, with the mask before the repair.
        after: Mask after the repair, shape of ``stack.mask``.
    """
    shown = slices_to_show(report)
    if not shown:
        return ""
    view, names = HeartView.of(stack, after), ends(report)
    cards = []
    for record in shown:
        hidden = view.hidden_mm2(stack, stack.mask, record.k)
        cards.append(_card(record, slice_pictures(stack, after, record.k, view), names.get(record.k, ""), hidden))
    title = "Slices to repair" if only_checked(report) else "Slices changed or flagged"
    scale = f"<p class=note>All pictures are {2 * view.half_mm:.0f} mm wide, with the same contrast.</p>"
    return f"<section><h2>{title}</h2>{_LEGEND}{scale}{''.join(cards)}</section>"


def _card(record: SliceRecord, pictures: SlicePictures, end: str, hidden_mm2: float) -> str:
    panes = [("image", pictures.image[..., 0])]
    if record.changed:
        panes.append((f"before: {record.finding_before}", pictures.before))
        panes.append((f"after: {record.finding_after}", pictures.after))
        panes.append(("change", pictures.change))
    else:
        panes.append((f"unchanged: {record.finding_before}", pictures.before))
    height, width = pictures.image.shape[:2]
    figures = "".join(
        f'<figure><img src="{png_uri(pixels)}" width={width} height={height} '
        f'alt="Slice {record.k}, {escape(caption)}"><figcaption>{escape(caption)}</figcaption></figure>'
        for caption, pixels in panes
    )
    place = f" <span class=end>{end}</span>" if end else ""
    return card(record, f"Slice {record.k}{place}", _facts(record, hidden_mm2), figures)


def _facts(record: SliceRecord, hidden_mm2: float) -> list[str]:
    facts = [f"expected: {expected(record)}"]
    if record.gap_deg_before > 0 and record.finding_before is not Finding.EMPTY:
        facts.append(f"gap {number(record.gap_deg_before, '.0f')}&deg;, {number(record.gap_mm_before, '.1f')} mm")
    if record.changed:
        facts.append(
            f"added {number(record.added_mm2, '.0f')} mm&sup2;, removed {number(record.removed_mm2, '.0f')} mm&sup2;"
        )
    if record.thinnest_after_mm:
        facts.append(f"thinnest wall {number(record.thinnest_after_mm, '.1f')} mm")
    if record.invented_mm:
        facts.append(f"{number(record.invented_mm, '.0f')} mm of wall drawn where there was none")
    if record.confidence is not None:
        facts.append(f"confidence {number(record.confidence, '.2f')}")
    if hidden_mm2:
        facts.append(f"{number(hidden_mm2, '.0f')} mm&sup2; of the previous wall lie outside the picture")
    return facts


_LEGEND = (
    "<p class=legend><span><i class=wall></i>outline of the myocardium</span>"
    "<span><i class=added></i>added</span><span><i class=removed></i>removed (striped)</span></p>"
)
