"""Headline of the HTML report: changes and review status."""

from __future__ import annotations

import math

from ..refine.decisions import needs_decision
from ..refine.records import Report
from ..words import Verdict
from .markup import anything_decided, badge, decisions, only_checked, slice_list

LARGE_CHANGE_PERCENT = 10.0
"""From this change of the LV mass on, the headline is a warning."""


def headline(report: Report) -> str:
    """Return two badges: changes and review status."""
    return badge(*_changed(report)) + badge(*_review(report))


def _changed(report: Report) -> tuple[bool, str]:
    stack = report.stack
    if only_checked(report):
        return True, "Only checked; nothing was changed"
    if not stack.changed:
        return True, "Nothing was changed"
    percent = stack.lv_mass_change_percent
    large = not math.isfinite(percent) or abs(percent) >= LARGE_CHANGE_PERCENT
    return not large, f"{_how_many(stack.changed, stack.slices)} changed; {_mass(percent)}"


def _how_many(count: int, total: int) -> str:
    if total == 1:
        return "The only slice was"
    if count == total:
        return f"All {total} slices were"
    return f"{count} of {total} slices {'was' if count == 1 else 'were'}"


def _mass(percent: float) -> str:
    if not math.isfinite(percent):
        return "the LV mass was zero before"
    if abs(percent) < 0.5:
        return "the LV mass changed by less than 0.5 %"
    return f"the LV mass {'rose' if percent > 0 else 'fell'} by {abs(percent):.0f} %"


def _review(report: Report) -> tuple[bool, str]:
    to_repair = [record.k for record in report.slices if record.verdict is Verdict.TO_REPAIR]
    flagged = [record.k for record in report.slices if record.needs_review]
    if flagged:
        noun = "slice needs" if len(flagged) == 1 else "slices need"
        return False, f"&#9873; {len(flagged)} {noun} review: {', '.join(map(str, flagged))}"
    if to_repair:
        return False, f"{len(to_repair)} to repair: {slice_list(to_repair)}"
    if anything_decided(report):
        return _decided(report)
    if report.stack.changed:
        return True, "&#10003; No slice is flagged; check the pictures"
    return True, "&#10003; Every slice is as expected"


def _decided(report: Report) -> tuple[bool, str]:
    """Return the review status if nothing is flagged."""
    undecided = [record.k for record in report.slices if record.accepted is None and needs_decision(record)]
    if undecided:
        return False, f"Reviewed: {decisions(report)}, not yet decided: {', '.join(map(str, undecided))}"
    return True, f"&#10003; Reviewed: {decisions(report)}"
