"""Detect that the files of a finished case have changed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..io.dicom_series import is_dicom
from .cases import CohortCase


def case_source(case: CohortCase) -> dict[str, Any]:
    """Return the source of a case: the state of its files, and its own choice of segments."""
    return {
        "image": _description(case.image, "image"),
        "segmentation": _description(case.segmentation, "segmentation"),
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
        if not _same(path, what, source.get(what)):
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


def _files(path: Path | None, what: str) -> list[Path]:
    """Return the files of an image or a segmentation: of a DICOM series those of its folder; none if it is missing."""
    if path is None or not path.exists():
        return []
    if what == "image" and is_dicom(path):
        folder = path if path.is_dir() else path.parent
        return sorted(entry for entry in folder.iterdir() if entry.is_file() and not entry.name.startswith("."))
    return [path]


def _size_and_time(files: Sequence[Path]) -> tuple[int, int]:
    """Return the sums of size and time: the slices of a series have the same size, and a copy may be older."""
    states = [file.stat() for file in files]
    return sum(state.st_size for state in states), sum(state.st_mtime_ns for state in states)


def _description(path: Path | None, what: str) -> dict[str, Any] | None:
    files = _files(path, what)
    if not files:
        return None
    size, modified = _size_and_time(files)
    return {"path": str(path), "bytes": size, "modified_ns": modified, "sha256": _sha256(files)}


def _same(path: Path | None, what: str, description: Mapping[str, Any] | None) -> bool:
    try:
        files = _files(path, what)
        if description is None or not files:
            return True  # unknown
        size, modified = _size_and_time(files)
        if size != description.get("bytes"):
            return False
        return modified == description.get("modified_ns") or _sha256(files) == description.get("sha256")
    except OSError:
        return True  # unknown


def _sha256(files: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            while part := file.read(1 << 20):
                digest.update(part)
    return digest.hexdigest()
