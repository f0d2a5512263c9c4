"""The report as one self-contained HTML page with embedded pictures, without scripts or network access."""

from __future__ import annotations

from html import escape

from ..refine.records import Report
from ..stack import Mask, Stack
from ..words import counted
from .gallery import gallery
from .headline import headline
from .markup import anything_decided, decisions, in_html, made, notes, number, page, provenance, slice_list, yes_or_no
from .polar_map import polar_maps
from .slice_rows import html_slice_table
from .style import STYLE

RESEARCH_USE = "For research use only. Not a medical device; every result must be checked by a qualified person."


def html_page(report: Report, stack: Stack, after: Mask) -> str:
    """Return the page.

    Args:
        report: The report.
        stack: The stack, with the mask before the repair.
        after: Mask after the repair, shape of ``stack.mask``.

    Returns:
        Self-contained HTML, with a row of pictures per changed or flagged slice.

    Raises:
        ValueError: The shapes of ``after`` and the stack differ.
    """
    if after.shape != stack.mask.shape:
        raise ValueError(f"The mask after the repair has shape {after.shape}, the stack has {stack.mask.shape}.")
    name = escape(report.stack.name)
    maps = polar_maps(report)
    parts = [
        f"<header><p class=brand>RNCARefine report</p><h1>{name}</h1>",
        made(report.run.version, report.run.date),
        f"{headline(report)}<p class=summary>{escape(report.summary())}</p></header>",
        _notices(report),
        f"<section><h2>Before and after</h2>{_totals(report)}</section>",
        f"<section><h2>Wall thickness</h2>{maps}{_thickness(report)}</section>" if maps else "",
        gallery(report, stack, after),
        f"<section><h2>Slices</h2>{html_slice_table(report)}</section>",
        _provenance(report),
        f"<footer><p><strong>{RESEARCH_USE}</strong></p></footer>",
    ]
    return page(name, parts, STYLE)


def _notices(report: Report) -> str:
    texts = [in_html(text) for text in report.warnings]
    outside = [record for record in report.slices if record.pool_outside_mm2 > 0]
    if outside:
        area = number(sum(record.pool_outside_mm2 for record in outside), ".0f")
        where = slice_list([record.k for record in outside])
        what = (
            "It was removed."
            if report.run.trim_pool
            else "It is kept. To remove it, repair with <i>Trim the blood pool to the ring</i> "
            "(command line: <code>--trim-pool</code>)."
        )
        texts.append(f"Blood pool lay outside the closed ring: {area} mm&sup2; in {where}. {what}")
    return notes(texts)


def _totals(report: Report) -> str:
    stack = report.stack
    mass = number(stack.lv_mass_after_g - stack.lv_mass_before_g, "+.1f")
    percent = number(stack.lv_mass_change_percent, "+.1f")
    invented = f"{number(stack.invented_mm, '.0f')} mm in total" if stack.invented_mm else "none"
    rows = [
        ("Closed rings", *_counts(stack.closed_before, stack.closed_after, stack.expected_rings), ""),
        ("Slices as expected, and not flagged", *_counts(stack.right_before, stack.right_after, stack.slices), ""),
        (
            "LV mass",
            f"{number(stack.lv_mass_before_g, '.1f')} g",
            f"{number(stack.lv_mass_after_g, '.1f')} g",
            f"{mass} g ({percent} %)",
        ),
        ("Thinnest wall of the closed rings", _mm(stack.thinnest_before_mm), _mm(stack.thinnest_after_mm), ""),
        ("Wall drawn where there was none", "", invented, ""),
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
        f"<p class=note>{counted(stack.slices, 'slice')}, {stack.changed} changed, {stack.flagged} flagged"
        f"{f', {decisions(report)}' if anything_decided(report) else ''}; "
        f"voxel {spacing} mm (slice, row, column). The mass before includes false walls away from the heart. "
        "3D counts are for information only: distant slices need not touch.</p>"
    )


def _counts(before: int, after: int, total: int) -> tuple[str, str]:
    return f"{before} of {total}", f"{after} of {total}"


def _mm(value: float | None) -> str:
    return "" if value is None else f"{number(value, '.1f')} mm"


def _provenance(report: Report) -> str:
    run = report.run
    entries = [
        ("RNCARefine", run.version),
        ("Date", run.date or "not known"),
        ("Backend, device", f"{run.backend}, {run.device}"),
        ("Seed, runs averaged, steps", f"{run.seed}, {run.samples}, {run.steps}"),
        ("Closed base expected", yes_or_no(run.close_base)),
        ("Add only", yes_or_no(run.add_only)),
        ("Fall back to polar interpolation", yes_or_no(run.geometry)),
        ("Largest change", "no limit" if run.max_change_mm2 is None else f"{run.max_change_mm2:g} mm\u00b2"),
        ("Trim the blood pool to the ring", yes_or_no(run.trim_pool)),
        ("Remove papillary muscles", yes_or_no(run.remove_islands)),
        ("Apex", f"{run.apex} slice"),
        ("Time", f"{run.seconds:.1f} s"),
    ]
    return provenance(report.model, "none: the stack was only checked", entries)


def _thickness(report: Report) -> str:
    wall = report.wall
    assumed = wall is not None and wall.view_assumed and bool(wall.segments)
    return f"<p class=note>{_THICKNESS}{_ASSUMED if assumed else ''}</p>"


_THICKNESS = (
    "One ring per slice. The thickness is measured along rays from the centre of the cavity, corrected "
    "for oblique rays, and averaged over 10 mm of wall, before and after from the same centre. "
    "Without a right ventricle the map is oriented as the pictures (0&deg; to the right). With one, lines separate the "
    "segments of the American Heart Association, and numbers are their means in mm; the apical cap is not measured."
)
_ASSUMED = (
    " <b>The header has no patient orientation: the pictures are assumed to be viewed from the apex, as usual. If they "
    "are viewed from the base, anterior and inferior are swapped.</b>"
)
