"""Detect that the files of a finished case have changed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .cases import CohortCase


def case_source(case: CohortCase) -> dict[str, Any]:
    """Return the source of a case: the state of its files, and its own choice of segments."""
    return {
        "image": _description(case.image),
        "segmentation": _description(case.segmentation),
        "segment": _wall(case),
        "pool": case.pool,
    }


def difference(case: CohortCase, source: Mapping[str, Any]) -> str:
    """Describe the change of a case since it was finished; empty if unchanged or unknown.

    A file is unchanged if size and time match, or if the content matches, since copies may have other times.

    Args:
        case: Current case.
        source: Result of :func:`case_source` when the case was finished.
    """
    for what, path in (("image", case.image), ("segmentation", case.segmentation)):
        if not _same(path, source.get(what)):
            return f"the {what} {path} has changed"
    for what, value in (("segment", _wall(case)), ("pool", case.pool)):
        before = source.get(what)
        if source and value != before and _normalised(value) != _normalised(before):
            return f"the {what} has changed from {before!r} to {value!r}"
    return ""


def _wall(case: CohortCase) -> str | None:
    """Return the case's own label or segment of the myocardium, whichever applies to its file."""
    return case.segment if case.has_names else case.label


def _normalised(chosen: str | None) -> str | float | None:
    """Normalise a choice: spreadsheets may write the label 2 as 2.0."""
    try:
        return chosen if chosen is None else float(chosen)
    except ValueError:
        return chosen


def _description(path: Path | None) -> dict[str, Any] | None:
    if path is None or not path.is_file():
        return None
    status = path.stat()
    return {
        "path": str(path),
        "bytes": status.st_size,
        "modified_ns": status.st_mtime_ns,
        "sha256": _sha256(path),
    }


def _same(path: Path | None, description: Mapping[str, Any] | None) -> bool:
    if path is None or description is None or not path.is_file():
        return True  # unknown
    status = path.stat()
    if status.st_size != description.get("bytes"):
        return False
    return status.st_mtime_ns == description.get("modified_ns") or _sha256(path) == description.get("sha256")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()
