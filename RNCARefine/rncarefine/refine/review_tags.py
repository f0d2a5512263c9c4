"""Tags of a repaired segment that a review in Slicer needs: report, masks before and after, blood pool."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..words import strict_values
from .decisions import review_status
from .records import Report
from .repair_masks import RepairMasks

STATUS_TAG = "Segmentation.Status"
PROVENANCE_TAG = "RNCARefine.Provenance"
REPORT_TAG = "RNCARefine.Report"
"""Report of the repair, as JSON."""
DECISIONS_TAG = "RNCARefine.Decisions"
"""Accepted (true) and rejected (false) slices, as JSON."""
MASKS_TAG = "RNCARefine.Masks"
"""Wall and pool before and after the repair (see :class:`~.repair_masks.RepairMasks`)."""
POOL_TAG = "RNCARefine.Pool"
"""ID of the blood-pool segment."""
REVIEW_TAG = "RNCARefine.Review"
"""On a review segment, which shows the changes in Slicer: ``added`` or ``removed``."""

REVIEW_TAGS = (STATUS_TAG, PROVENANCE_TAG, REPORT_TAG, DECISIONS_TAG, MASKS_TAG, POOL_TAG)
"""All tags; a new repair replaces them together."""
_STATUS = {"flagged": "flagged", "in progress": "inprogress", "completed": "completed"}
"""Review status to Segment Editor's status values."""


def review_tags(report: Report, masks: RepairMasks, pool_id: str | None) -> dict[str, str]:
    """Return the tags of a repaired segment before its review.

    Args:
        report: Report of the repair.
        masks: Masks before and after the repair, on the grid of the volume in Slicer.
        pool_id: ID of the blood-pool segment, if given.
    """
    tags = {
        PROVENANCE_TAG: _provenance(report),
        REPORT_TAG: tag_json(strict_values(report.to_dict())),
        MASKS_TAG: masks.to_text(),
        STATUS_TAG: _STATUS[review_status(report)],
    }
    return tags if pool_id is None else {**tags, POOL_TAG: pool_id}


def tag_json(content: Mapping[str, Any]) -> str:
    """Return values as JSON in one line of ASCII, without the character that separates tags in a file."""
    return json.dumps(content, separators=(",", ":"), allow_nan=False).replace("|", "\\u007c")


def _provenance(report: Report) -> str:
    run, model = report.run, report.model
    content = {
        "version": run.version,
        "model": model.name if model else None,
        "sha256": model.sha256 if model else None,
        "settings_hash": model.settings_hash if model else None,
        "licence": model.licence if model else None,
        "backend": run.backend,
        "device": run.device,
        "seed": run.seed,
        "samples": run.samples,
        "steps": run.steps,
        "summary": report.summary(),
    }
    # Slicer's file format separates tags by this character.
    return json.dumps(content, ensure_ascii=True).replace("|", "/")
