"""Messages of the Segment Editor effect after a check, a preview and a repair."""

from __future__ import annotations

from collections.abc import Sequence

from slicer.i18n import tr as _

from rncarefine.refine.records import Report, SliceRecord
from rncarefine.words import REPAIRED, Verdict

from ...mrml.editing import Proposal
from ..messages import number_ranges


def checked(report: Report, k: int | None = None) -> str:
    """Return the findings of a check, one line per slice to repair or to review.

    Args:
        report: Of the whole stack.
        k: The only requested slice; ``None`` for all.
    """
    records = [record for record in report.slices if k is None or record.k == k]
    broken = [record for record in records if record.verdict == Verdict.TO_REPAIR]
    if broken:
        text = _("{broken} of {count} slices to repair:").format(broken=len(broken), count=len(records))
        if k is not None:
            text = _("To repair:")
        lines = [text, *(f"{_slice(record)}: {record.finding_before}. {record.reason}" for record in broken)]
    elif k is None:
        lines = [_("No slice needs repair ({count} checked).").format(count=len(records))]
    else:
        lines = [_("Slice {k} needs no repair.").format(k=k)]
    review = [record for record in records if record.flagged and record not in broken]
    lines += [_("Review slice {k}: {reason}").format(k=record.k, reason=record.reason) for record in review]
    return "\n".join([*lines, *report.warnings])


def previewed(proposal: Proposal) -> str:
    """Return the message of a preview."""
    if not proposal.changed and not proposal.trimmed:
        return _unchanged(proposal)
    lines = []
    if proposal.changed:
        text = _(
            "Preview of the repair of {slices}: {added:.0f} mm\u00b2 to add (blue), {removed:.0f} mm\u00b2 to "
            "remove (orange)."
        )
        text = text.format(
            slices=_slices(proposal.changed),
            added=sum(record.added_mm2 for record in proposal.records),
            removed=sum(record.removed_mm2 for record in proposal.records),
        )
        lines.append(text)
    if proposal.trimmed:
        text = _("Blood pool outside the ring: {area:.0f} mm\u00b2 to remove (orange), {slices}.")
        lines.append(text.format(area=proposal.repaired.trimmed_mm2, slices=_slices(proposal.trimmed)))
    return "\n".join([*lines, *_review_lines(proposal)])


def applied(proposal: Proposal, held_back: Sequence[int], untrimmed: Sequence[int]) -> str:
    """Return the message after a repair.

    Args:
        proposal: The applied proposal.
        held_back: Slices that are still broken because masking excluded part of the repair.
        untrimmed: Slices that still have blood pool to trim because of masking.
    """
    if not proposal.changed and not proposal.trimmed:
        return _unchanged(proposal)
    lines = []
    done = [k for k in proposal.changed if k not in held_back]
    if done:
        lines.append(_("Repaired: {slices}. Undo reverts the repair.").format(slices=_slices(done)))
    if held_back:
        text = _(
            "{count} of {changed} slices are still broken because Masking excludes part of the repair: {slices}. "
            "Widen the editable area or the intensity range under Masking, and apply again."
        )
        text = text.format(count=len(held_back), changed=len(proposal.changed), slices=number_ranges(held_back))
        lines.append(text)
    trimmed = [k for k in proposal.trimmed if k not in untrimmed]
    if trimmed:
        lines.append(_("Blood pool trimmed: {slices}. Undo reverts it.").format(slices=_slices(trimmed)))
    if untrimmed:
        text = _("Blood pool not trimmed because Masking excludes part of the repair: {slices}.")
        lines.append(text.format(slices=_slices(untrimmed)))
    return "\n".join([*lines, *_overlap(proposal, done), *_review_lines(proposal)])


def _overlap(proposal: Proposal, done: Sequence[int]) -> list[str]:
    area = sum(record.taken_from_others_mm2 for record in proposal.records if record.k in done)
    text = _("The new wall covers {area:.0f} mm\u00b2 of other segments (see Neighbours).")
    return [text.format(area=area)] if area else []


def _unchanged(proposal: Proposal) -> str:
    return "\n".join([_("The repair would change nothing."), *_review_lines(proposal)])


def _review_lines(proposal: Proposal) -> list[str]:
    """Return a line for each refused slice, and for each slice that needs review."""
    refused, doubtful = _("{slice} was refused: {reason}"), _("Review the repair of {slice}: {reason}")
    closed = _("Review {slice}: {reason}")
    return [
        *(refused.format(slice=_slice(record), reason=record.reason) for record in proposal.refused),
        *(
            (doubtful if record.verdict in REPAIRED else closed).format(slice=_slices([record.k]), reason=record.reason)
            for record in proposal.doubtful
        ),
    ]


def _slices(numbers: Sequence[int]) -> str:
    text = _("slice {slices}") if len(numbers) == 1 else _("slices {slices}")
    return text.format(slices=number_ranges(numbers))


def _slice(record: SliceRecord) -> str:
    return _("Slice {k}").format(k=record.k)
