"""The report as one self-contained HTML page: no script, no network, pictures inside."""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape

from ..refine.decisions import needs_decision
from ..refine.records import Report, SliceRecord
from ..stack import Mask, Stack
from ..words import Finding, Verdict
from .pictures import SlicePictures, data_uri, slice_pictures, worth_a_picture
from .style import STYLE

RESEARCH_USE = "For research use only. Not a medical device; every result must be checked by a qualified person."


def html_page(report: Report, stack: Stack, after: Mask) -> str:
    """Return the whole page.

    Args:
        report: What to report.
        stack: The stack it is about, with the mask as it was before.
        after: The mask after the repair, shape of ``stack.mask``.

    Returns:
        HTML that needs nothing from outside. Slices that were changed or flagged have a row of pictures.

    Raises:
        ValueError: ``after`` has another shape than the stack.
    """
    if after.shape != stack.mask.shape:
        raise ValueError(f"The mask after the repair has shape {after.shape}, the stack has {stack.mask.shape}.")
    checked_only = any(record.verdict is Verdict.TO_REPAIR for record in report.slices)
    name = escape(report.stack.name)
    parts = [
        f"<header><p class=brand>RNCARefine report</p><h1>{name}</h1>",
        f"<p class=summary>{escape(report.summary())}</p>{_status(report, checked_only)}</header>",
        warnings_section(report.warnings),
        f"<section><h2>Before and after</h2>{_totals(report)}</section>",
        _gallery(report, stack, after, checked_only),
        f"<section><h2>Slices</h2>{_slices(report)}{_WORDS}</section>",
        f"<section class=provenance><h2>How it was made</h2>{_provenance(report)}</section>",
        f"<footer><p><strong>{RESEARCH_USE}</strong></p></footer>",
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>RNCARefine: {name}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(part for part in parts if part)
        + "\n</main>\n</body>\n</html>\n"
    )


def _status(report: Report, checked_only: bool) -> str:
    if checked_only:
        count = sum(record.verdict is Verdict.TO_REPAIR for record in report.slices)
        noun = "slice" if count == 1 else "slices"
        return f'<p class="status look">{count} {noun} to repair; nothing was changed</p>'
    flagged = [record.k for record in report.slices if _needs_review(record)]
    if flagged:
        which = ", ".join(str(k) for k in flagged)
        noun = "slice needs" if len(flagged) == 1 else "slices need"
        return f'<p class="status look">&#9873; {len(flagged)} {noun} review: {which}</p>'
    if _anything_decided(report):
        return _review(report)
    return '<p class="status fine">&#10003; Every slice is as expected</p>'


def _review(report: Report) -> str:
    """Return how far the review is, once nothing is flagged any more."""
    undecided = [record.k for record in report.slices if record.accepted is None and needs_decision(record)]
    if undecided:
        which = ", ".join(str(k) for k in undecided)
        return f'<p class="status look">Reviewed: {_decisions(report)}, not yet decided: {which}</p>'
    return f'<p class="status fine">&#10003; Reviewed: {_decisions(report)}</p>'


def _decisions(report: Report) -> str:
    accepted, rejected = (sum(record.accepted is answer for record in report.slices) for answer in (True, False))
    return f"{accepted} accepted, {rejected} rejected"


def warnings_section(warnings: Iterable[str]) -> str:
    """Return the section of what to note; empty if there is nothing."""
    items = "".join(f"<li>{escape(text)}</li>" for text in warnings)
    return f"<section class=warnings><h2>Please note</h2><ul>{items}</ul></section>" if items else ""


def _totals(report: Report) -> str:
    stack = report.stack
    mass = _number(stack.lv_mass_after_g - stack.lv_mass_before_g, "+.1f")
    percent = _number(stack.lv_mass_change_percent, "+.1f")
    rows = [
        ("Closed rings", *_counts(stack.closed_before, stack.closed_after, stack.expected_rings), ""),
        ("Slices as expected", *_counts(stack.right_before, stack.right_after, stack.slices), ""),
        (
            "LV mass",
            f"{_number(stack.lv_mass_before_g, '.1f')} g",
            f"{_number(stack.lv_mass_after_g, '.1f')} g",
            f"{mass} g ({percent} %)",
        ),
        ("Components in 3D (b0)", str(stack.b0_3d_before), str(stack.b0_3d_after), ""),
        ("Tunnels in 3D (b1)", str(stack.b1_3d_before), str(stack.b1_3d_after), ""),
        ("Cavities in 3D (b2)", str(stack.b2_3d_before), str(stack.b2_3d_after), ""),
    ]
    body = "".join(
        f"<tr><th scope=row>{title}</th><td>{before}</td><td>{after}</td><td>{change}</td></tr>"
        for title, before, after, change in rows
    )
    spacing = " &times; ".join(f"{value:.4g}" for value in stack.spacing_mm)
    return (
        '<table class="totals"><thead><tr><td></td><th scope=col>before</th><th scope=col>after</th>'
        f"<th scope=col>change</th></tr></thead><tbody>{body}</tbody></table>"
        f"<p class=note>{stack.slices} slices, {stack.changed} changed, {stack.flagged} flagged"
        f"{f', {_decisions(report)}' if _anything_decided(report) else ''}; "
        f"voxel {spacing} mm (slice, row, column). 3D counts are for information: slices that lie far apart "
        "need not touch.</p>"
    )


def _counts(before: int, after: int, total: int) -> tuple[str, str]:
    return f"{before} of {total}", f"{after} of {total}"


def _gallery(report: Report, stack: Stack, after: Mask, checked_only: bool) -> str:
    shown = worth_a_picture(report)
    if not shown:
        return ""
    cards = "".join(_card(record, slice_pictures(stack, after, record.k)) for record in shown)
    title = "Slices to repair" if checked_only else "Slices changed or flagged"
    return f"<section><h2>{title}</h2>{_LEGEND}{cards}</section>"


def _card(record: SliceRecord, pictures: SlicePictures) -> str:
    changed = bool(record.added_mm2 or record.removed_mm2)
    panes = [("image", pictures.image)]
    if changed:
        panes.append((f"before: {record.finding_before}", pictures.before))
        panes.append((f"after: {record.finding_after}", pictures.after))
        panes.append(("change", pictures.change))
    else:
        panes.append((f"as it is: {record.finding_before}", pictures.before))
    height, width = pictures.image.shape[:2]
    figures = "".join(
        f'<figure><img src="{data_uri(pixels)}" width={width} height={height} '
        f'alt="Slice {record.k}, {escape(caption)}"><figcaption>{escape(caption)}</figcaption></figure>'
        for caption, pixels in panes
    )
    facts = [f"expected: {record.expectation}"]
    if record.gap_deg_before > 0 and record.finding_before is not Finding.EMPTY:
        facts.append(f"gap {_number(record.gap_deg_before, '.0f')}&deg;, {_number(record.gap_mm_before, '.1f')} mm")
    if changed:
        facts.append(
            f"added {_number(record.added_mm2, '.0f')} mm&sup2;, removed {_number(record.removed_mm2, '.0f')} mm&sup2;"
        )
    if record.confidence is not None:
        facts.append(f"confidence {_number(record.confidence, '.2f')}")
    flag = ' <span class="flag">&#9873; needs review</span>' if _needs_review(record) else ""
    if record.accepted is not None:
        consequence = "" if record.accepted else ", put back as it was"
        flag = f" <span class=decision>{_decision(record)} in the review{consequence}</span>"
    reason = f"<p class=reason>{escape(record.reason)}</p>" if record.reason else ""
    return (
        f'<article class="card{" flagged" if _still_flagged(record) else ""}"><h3>Slice {record.k} '
        f"<span class=verdict>{escape(str(record.verdict))}</span>{flag}</h3>"
        f"<p class=facts>{' &middot; '.join(facts)}</p>{reason}<div class=panes>{figures}</div></article>"
    )


def _slices(report: Report) -> str:
    decided = _anything_decided(report)
    titles = [
        ("slice", ""),
        ("expected", ""),
        ("before", ""),
        ("after", ""),
        ("b0, b1 before", ""),
        ("b0, b1 after", ""),
        ("gap", "degrees"),
        ("verdict", ""),
        *([("decision", "")] if decided else []),
        ("confidence", "0 to 1"),
        *((title, "mm&sup2;") for title in ("added", "removed", "from pool", "from others", "pool outside")),
    ]
    head = "".join(f"<th scope=col>{title}{f'<small>{unit}</small>' if unit else ''}</th>" for title, unit in titles)
    return f"<div class=wide><table class=slices><thead><tr>{head}</tr></thead><tbody>" + (
        "".join(_row(record, decided) for record in report.slices) + "</tbody></table></div>"
    )


def _row(record: SliceRecord, with_decision: bool) -> str:
    kind = "flagged" if _still_flagged(record) else "quiet" if record.verdict is Verdict.INTACT else ""
    flag = " &#9873; flagged" if _needs_review(record) else ""
    areas = (
        record.added_mm2,
        record.removed_mm2,
        record.taken_from_pool_mm2,
        record.taken_from_others_mm2,
        record.pool_outside_mm2,
    )
    cells = [
        str(record.expectation),
        str(record.finding_before),
        str(record.finding_after),
        f"{record.b0_before}, {record.b1_before}",
        f"{record.b0_after}, {record.b1_after}",
        _number(record.gap_deg_before, ".0f"),
        escape(str(record.verdict)) + flag,
        *([_decision(record)] if with_decision else []),
        "" if record.confidence is None else _number(record.confidence, ".2f"),
        *(_number(area, ".0f") if area else "0" for area in areas),
    ]
    return f'<tr class="{kind}"><th scope=row>{record.k}</th>' + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _provenance(report: Report) -> str:
    run, model = report.run, report.model
    if model is None:
        weights = [("Model", "none: the stack was only checked")]
    else:
        weights = [
            ("Model", model.name),
            ("SHA-256", model.sha256),
            ("Licence of the weights", model.licence),
            ("Training data", model.training_data),
        ]
    made = [
        ("RNCARefine", run.version),
        ("Backend, device", f"{run.backend}, {run.device}"),
        ("Seed, runs averaged, steps", f"{run.seed}, {run.samples}, {run.steps}"),
        ("Closed base expected", _yes(run.close_base)),
        ("Add only", _yes(run.add_only)),
        ("Fall back to polar interpolation", _yes(run.geometry)),
        ("Apex", run.apex),
        ("Time", f"{_number(run.seconds, '.1f')} s"),
    ]
    return "".join(
        "<dl>" + "".join(f"<dt>{title}</dt><dd>{escape(str(value))}</dd>" for title, value in entries) + "</dl>"
        for entries in (weights, made)
    )


def _anything_decided(report: Report) -> bool:
    return any(record.accepted is not None for record in report.slices)


def _decision(record: SliceRecord) -> str:
    return "" if record.accepted is None else "accepted" if record.accepted else "rejected"


def _still_flagged(record: SliceRecord) -> bool:
    return record.flagged and record.accepted is None


def _needs_review(record: SliceRecord) -> bool:
    """Tell whether a flag means more than that the slice is still to be repaired."""
    return _still_flagged(record) and record.verdict is not Verdict.TO_REPAIR


def _number(value: float, form: str) -> str:
    """Return a number as text; a dash for what is not a finite number."""
    return format(value, form) if math.isfinite(value) else "&ndash;"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


_LEGEND = (
    "<p class=legend><span><i class=wall></i>outline of the myocardium</span>"
    "<span><i class=added></i>added</span><span><i class=removed></i>removed (striped)</span></p>"
)
_WORDS = (
    "<p class=note>b0: components of the myocardium in the slice; b1: holes. <b>ring</b> (1, 1) a closed wall &middot; "
    "<b>disc</b> (1, 0) solid, at the apex &middot; <b>open</b> (1, 0) with a gap &middot; <b>fragmented</b> b0 &gt; 1 "
    "&middot; <b>porous</b> b1 &gt; 1 &middot; <b>open on purpose</b>: outflow tract at the base. Gap: the widest "
    "sector without wall, before. From pool, from others: where the wall now lies on blood pool and on other "
    "labels; labels of a label map give way, segments in Slicer keep their voxels. Pool outside: blood pool that lies "
    "outside the closed ring. Confidence: how probable it is that the repaired wall is good (a Dice of at least 0.75), "
    "if the model is calibrated. Flagged: a slice that was left as it was, or a repair to be reviewed. Slices count "
    "from 0.</p>"
)
