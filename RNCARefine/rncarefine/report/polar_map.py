"""Polar map of the wall thickness: one ring per slice, base outside, apex inside."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ..anatomy.aha import levels
from ..anatomy.thickness import DIRECTIONS
from ..refine.records import Report, SliceRecord, ThicknessRecord, WallRecord
from ..words import Apex, Expectation, Finding

LIMITS_MM = (3.0, 5.0, 7.0, 9.0, 11.0, 14.0)
"""Limits of the thickness classes in mm."""
RADIUS, MIDDLE = 150.0, 14.0
"""Outer and inner radius of the map, in units of the drawing."""
_SIDE = 2 * RADIUS + 64
_STEP = 360 / DIRECTIONS


def polar_maps(report: Report) -> str:
    """Return the maps before and after with their legend; empty if no wall was measured."""
    if report.wall is None or not any(one.after_mm or one.before_mm for one in report.wall.slices):
        return ""
    shown = [record for record in report.slices if record.expectation is not Expectation.EMPTY]
    if report.run.apex == Apex.FIRST:
        shown.reverse()
    by_slice = {one.k: one for one in report.wall.slices}
    same = all(one.before_mm == one.after_mm for one in report.wall.slices)
    maps = [] if same else [_map("before", shown, by_slice, report.wall, before=True)]
    maps.append(_map("unchanged" if same else "after", shown, by_slice, report.wall, before=False))
    return f"<div class=maps>{''.join(maps)}</div>{_legend(any(one.invented for one in report.wall.slices))}"


def _map(
    title: str, shown: Sequence[SliceRecord], by_slice: dict[int, ThicknessRecord], wall: WallRecord, *, before: bool
) -> str:
    width = (RADIUS - MIDDLE) / len(shown)
    parts = []
    for n, record in enumerate(shown):
        outer = RADIUS - n * width
        one = by_slice[record.k]
        values = one.before_mm if before else one.after_mm
        if values:
            parts += _ring(record.k, values, outer - width, outer, wall)
        else:
            finding = record.finding_before if before else record.finding_after
            what = "solid" if finding is Finding.DISC else "not measured"
            parts.append(_sector(0, 360, outer - width, outer, "none", f"slice {record.k}: {what}"))
        if not before:
            parts += [_arc(n, outer - width / 2, wall) for n in one.invented]
    parts += _lines(shown, width, wall)
    parts += _numbers(shown, width, wall, before=before) if wall.segments else _angles()
    half = _SIDE / 2
    return (
        f'<figure class=map><svg viewBox="{-half:g} {-half:g} {_SIDE:g} {_SIDE:g}" role="img" '
        f'aria-label="Polar map of the wall thickness, {title}">{"".join(parts)}</svg>'
        f"<figcaption>{title}: base (slice {shown[0].k}) outside, apex (slice {shown[-1].k}) inside</figcaption>"
        "</figure>"
    )


def _ring(k: int, values: Sequence[float], inner: float, outer: float, wall: WallRecord) -> list[str]:
    """Draw one slice; neighbouring directions of the same class form one sector."""
    classes = [_class(value) for value in values]
    starts = [n for n in range(DIRECTIONS) if classes[n] != classes[n - 1]] or [0]
    parts = []
    for start, stop in zip(starts, [*starts[1:], starts[0] + DIRECTIONS], strict=True):
        part = [values[n % DIRECTIONS] for n in range(start, stop)]
        low, high = f"{min(part):.1f}", f"{max(part):.1f}"
        mm = "no wall" if not any(part) else f"{low} mm" if low == high else f"{low} to {high} mm"
        text = f"slice {k}, {start * _STEP:.0f} to {stop * _STEP % 360 or 360:.0f} degrees: {mm}"
        parts.append(_sector(*_turned(start, stop, wall), inner, outer, classes[start], text))
    return parts


def _class(value: float) -> str:
    return "gap" if value <= 0 else f"t{int(np.searchsorted(LIMITS_MM, value, side='right'))}"


def _turned(start: float, stop: float, wall: WallRecord) -> tuple[float, float]:
    """Return the angles on the page, clockwise from the right, of a range of directions.

    With a septum the map is oriented as that of the AHA, the septum to the left and the anterior wall at the top;
    otherwise like the pictures.
    """
    first, last = start * _STEP, stop * _STEP
    if wall.septum_deg is None:
        return first, last
    placed = [180 - wall.turn * (angle - wall.septum_deg) for angle in (first, last)]
    return min(placed), max(placed)


def _sector(first: float, last: float, inner: float, outer: float, kind: str, text: str) -> str:
    if last - first >= 360:
        path = "".join(
            f"M{r:.2f} 0A{r:.2f} {r:.2f} 0 1 {sweep} {-r:.2f} 0A{r:.2f} {r:.2f} 0 1 {sweep} {r:.2f} 0Z"
            for r, sweep in ((outer, 1), (inner, 0))
        )
    else:
        large = int(last - first > 180)
        (a, b), (c, d) = _at(first, outer), _at(last, outer)
        (e, f), (g, h) = _at(last, inner), _at(first, inner)
        path = (
            f"M{a:.2f} {b:.2f}A{outer:.2f} {outer:.2f} 0 {large} 1 {c:.2f} {d:.2f}"
            f"L{e:.2f} {f:.2f}A{inner:.2f} {inner:.2f} 0 {large} 0 {g:.2f} {h:.2f}Z"
        )
    return f'<path class="{kind}" d="{path}"><title>{text}</title></path>'


def _arc(direction: int, radius: float, wall: WallRecord) -> str:
    """Draw the mark of a direction with new wall."""
    first, last = _turned(direction, direction + 1, wall)
    (a, b), (c, d) = _at(first, radius), _at(last, radius)
    return f'<path class="new" d="M{a:.2f} {b:.2f}A{radius:.2f} {radius:.2f} 0 0 1 {c:.2f} {d:.2f}"/>'


def _lines(shown: Sequence[SliceRecord], width: float, wall: WallRecord) -> list[str]:
    """Draw the lines between slices and, if known, between the AHA segments."""
    parts = [f'<circle class="slice" r="{RADIUS - n * width:.2f}"/>' for n in range(len(shown) + 1)]
    for level, (inner, outer) in _bounds(shown, width).items() if wall.segments else ():
        angles = range(45, 405, 90) if level == 2 else range(0, 360, 60)
        parts.append(f'<circle class="aha" r="{outer:.2f}"/><circle class="aha" r="{inner:.2f}"/>')
        for angle in angles:
            (a, b), (c, d) = _at(angle, inner), _at(angle, outer)
            parts.append(f'<path class="aha" d="M{a:.2f} {b:.2f}L{c:.2f} {d:.2f}"/>')
    return parts


def _bounds(shown: Sequence[SliceRecord], width: float) -> dict[int, tuple[float, float]]:
    """Return the radii between which each level of the AHA's model lies."""
    rings = [n for n, record in enumerate(shown) if record.expectation is Expectation.RING]
    bounds: dict[int, tuple[float, float]] = {}
    for n, level in zip(rings, levels(len(rings)), strict=True):
        _, outer = bounds.get(level, (0.0, RADIUS - n * width))
        bounds[level] = (RADIUS - (n + 1) * width, outer)
    return bounds


def _numbers(shown: Sequence[SliceRecord], width: float, wall: WallRecord, *, before: bool) -> list[str]:
    """Write the mean thickness of each segment into it, and the names of the walls around the map."""
    bounds = _bounds(shown, width)
    parts = []
    for segment in wall.segments:
        level, number = (0, 1, 2)[(segment.segment - 1) // 6], (segment.segment - 1) % 6
        value = segment.before_mm if before else segment.after_mm
        if level in bounds and value is not None:
            x, y = _at(_middle(level, number), sum(bounds[level]) / 2)
            title = f"segment {segment.segment}, {segment.name}: {value:.1f} mm"
            parts.append(f'<text x="{x:.1f}" y="{y:.1f}">{value:.1f}<title>{title}</title></text>')
    names = ((0, -1, "anterior"), (0, 1, "inferior"))
    parts += [f'<text class="name" x="{x}" y="{y * (RADIUS + 12):g}">{name}</text>' for x, y, name in names]
    for x, name in ((-1, "septal"), (1, "lateral")):
        place = x * (RADIUS + 12)
        parts.append(f'<text class="name" transform="translate({place:g} 0) rotate({90 * x})">{name}</text>')
    return parts


def _middle(level: int, number: int) -> float:
    """Return the angle of the middle of a segment on the page: the anterior one at the top, then counter-clockwise."""
    return -90 - number * (90 if level == 2 else 60)


def _angles() -> list[str]:
    """Label the angles around a map without a septum."""
    parts = []
    for angle in range(0, 360, 90):
        x, y = _at(angle, RADIUS + 18)
        parts.append(f'<text class="name" x="{x:.1f}" y="{y:.1f}">{angle}&#176;</text>')
    return parts


def _at(angle: float, radius: float) -> tuple[float, float]:
    turned = np.deg2rad(angle)
    return float(radius * np.cos(turned)), float(radius * np.sin(turned))


def _legend(invented: bool) -> str:
    names = [f"&lt; {LIMITS_MM[0]:g}"]
    names += [f"{low:g}&ndash;{high:g}" for low, high in pairwise(LIMITS_MM)]
    names.append(f"&ge; {LIMITS_MM[-1]:g} mm")
    keys = "".join(f'<span><i class="t{n}"></i>{name}</span>' for n, name in enumerate(names))
    new = "<span><i class=new></i>drawn where there was no wall</span>" if invented else ""
    others = "<span><i class=gap></i>no wall</span><span><i class=none></i>not measured</span>"
    return f"<p class=legend>{keys}{others}{new}</p>"
