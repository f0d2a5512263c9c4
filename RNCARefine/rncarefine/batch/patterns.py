"""Find the images and segmentations of cases in a folder by patterns."""

from __future__ import annotations

import re
import stat
from collections import defaultdict
from collections.abc import Sequence
from itertools import islice
from pathlib import Path, PurePosixPath

from ..io.dicom_series import is_dicom
from ..io.label_map import PHOTOGRAPHS, READABLE

IMAGES = "{case}/image.*"
SEGMENTATIONS = "{case}/segmentation.*"
"""Default patterns: one folder per case."""
_CASE = "{case}"
_TRIED = 5
"""Number of files of a folder that are examined; one of them is a DICOM file if the folder is a series."""


def whole_pattern(pattern: str) -> str:
    """Return a pattern with the name of the case; without it, it is relative to the folder of each case.

    Raises:
        ValueError: The pattern does not stay inside the folder.
    """
    whole = pattern if _CASE in pattern else f"{_CASE}/{pattern}"
    parts = PurePosixPath(whole).parts
    if whole.startswith("/") or ".." in parts or "**" in parts or whole.endswith("/"):
        raise ValueError(f"The pattern {pattern!r} must be the path of a file inside the folder, such as {IMAGES!r}.")
    return str(PurePosixPath(*parts))


def matching(
    folder: Path, pattern: str, leave_out: str | Path | None, unreadable: dict[str, str], series: bool = False
) -> dict[Path, str]:
    """Return the files of readable formats that match a pattern, with the names of their cases.

    Args:
        folder: Folder to search.
        pattern: Result of :func:`whole_pattern`.
        leave_out: Subfolder to skip.
        unreadable: Filled with the cases whose folder cannot be read, each with the reason.
        series: Whether folders of a DICOM series also match; they need no extension.

    Raises:
        ValueError: A folder that is not of one case cannot be read.
    """
    parts = pattern.split("/")
    expressions = [_expression("/".join(parts[: level + 1])) for level in range(len(parts))]
    out = None if leave_out is None else Path(leave_out).resolve()
    found: dict[Path, str] = {}

    def visit(place: Path, level: int) -> None:
        for path in sorted(place.iterdir()):
            kind = None if path.name.startswith(".") else _kind(path)
            inside = kind == stat.S_IFDIR
            if kind is None or (inside and path.resolve() == out):
                continue
            text = path.relative_to(folder).as_posix()
            match = expressions[level].fullmatch(text)
            if level + 1 < len(parts):
                if inside and match:
                    enter(path, level + 1, match.groupdict().get("case"))
                continue
            if inside and series:
                match = match or expressions[level].fullmatch(f"{text}.")
                if match and _is_series(path):
                    found[path] = match["case"]
            elif match and kind == stat.S_IFREG and _is_readable(path):
                found[path] = match["case"]

    def enter(place: Path, level: int, name: str | None) -> None:
        try:
            visit(place, level)
        except OSError as error:
            # An error of a folder in it names that folder.
            reason = f"{error.filename or place} cannot be read ({error.strerror or error}). Change its permissions."
            if name is None:
                raise ValueError(reason) from error
            unreadable[name] = reason

    enter(folder, 0, None)
    return found


def assign_common(images: dict[Path, str], segmentations: dict[Path, str], patterns: Sequence[str]) -> None:
    """Assign each file that matches both patterns to the more specific one.

    Raises:
        ValueError: Neither pattern is more specific.
    """
    lengths = [len(re.sub(r"\{case\}|\*|\?", "", pattern)) for pattern in patterns]
    for path in sorted(images.keys() & segmentations.keys()):
        if lengths[0] == lengths[1]:
            raise ValueError(
                f"{path} matches the patterns of the images, {patterns[0]!r}, and of the segmentations, "
                f"{patterns[1]!r}. Give more specific patterns."
            )
        del (segmentations if lengths[0] > lengths[1] else images)[path]


def by_case(files: dict[Path, str], pattern: str) -> dict[str, Path]:
    """Return the file of each case.

    Raises:
        ValueError: A case has several.
    """
    cases: dict[str, list[Path]] = defaultdict(list)
    for path, name in files.items():
        cases[name].append(path)
    for name, paths in sorted(cases.items()):
        if len(paths) > 1:
            listed = ", ".join(path.name for path in paths)
            raise ValueError(
                f"Case {name!r}: several files match {pattern!r} ({listed}). Give a more specific pattern."
            )
    return {name: path for name, (path,) in cases.items()}


def _expression(pattern: str) -> re.Pattern[str]:
    words = {"*": "[^/]*", "?": "[^/]"}
    text, named = "", False
    for part in re.split(r"(\{case\}|\*|\?)", pattern):
        if part == _CASE:
            text += "(?P=case)" if named else "(?P<case>[^/]+)"
            named = True
        else:
            text += words.get(part, re.escape(part))
    return re.compile(text)


def _kind(path: Path) -> int | None:
    """Return the type of an entry, ``stat.S_IFDIR`` or another; ``None`` for a link to nothing.

    Raises:
        PermissionError: Its folder may be listed, but not entered.
    """
    try:
        return stat.S_IFMT(path.stat().st_mode)
    except PermissionError:
        raise
    except OSError:
        return None


def _is_series(path: Path) -> bool:
    """Return whether a folder contains DICOM files."""
    files = (entry for entry in sorted(path.iterdir()) if not entry.name.startswith(".") and entry.is_file())
    return any(is_dicom(file) for file in islice(files, _TRIED))


def _is_readable(path: Path) -> bool:
    """Return whether a file is of a supported format; DICOM files need no extension."""
    return path.name.lower().endswith((*READABLE, *PHOTOGRAPHS)) or is_dicom(path)
