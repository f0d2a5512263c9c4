"""Cases of a cohort, found in a folder by patterns or read from a list."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..io.files import has_names, is_seg_nrrd, stem_of
from ..io.label_map import READABLE, is_file
from .patterns import IMAGES, SEGMENTATIONS, assign_common, by_case, matching, whole_pattern
from .rows import Row, read_rows

COLUMNS = ("image", "segmentation")
"""Required columns of a list of cases."""
NAMES = ("case", "name")
"""Accepted names of the name column; without it a case is named after its image."""
LONGEST_NAME = 200
"""Maximum length of a case name in bytes (UTF-8); file names, with prefix and extension, are limited to 255."""
_UNFIT = re.compile(r'[\\/:*?"<>|\x00-\x1f\ud800-\udfff]|^\.|[. ]$|^$')
"""Characters and names that are not portable in file names."""
_DEVICE = re.compile(r"(con|prn|aux|nul|(com|lpt)[1-9])(\..*)?", re.IGNORECASE)
"""Device names reserved by Windows, also with an extension."""


@dataclass(frozen=True)
class CohortCase:
    """A case.

    Attributes:
        name: Name of the case.
        image: Image file; ``None`` if not found.
        segmentation: Segmentation file, a label map or with named segments; ``None`` if not found.
        label: Label of the myocardium in a label map, if it differs from the other cases.
        segment: Name or ID of the myocardium in a file with named segments, if it differs from the other cases.
        pool: Blood pool if it differs: label, or name or ID of a segment.
        listed: List that the case comes from; ``None`` if it was found in a folder.
        unreadable: Why its folder cannot be read; empty if it can.
    """

    name: str
    image: Path | None
    segmentation: Path | None
    label: str | None = None
    segment: str | None = None
    pool: str | None = None
    listed: Path | None = field(default=None, compare=False)
    unreadable: str = ""

    @property
    def has_names(self) -> bool:
        """Whether the segmentation has named segments, so that :attr:`segment` applies, and not :attr:`label`."""
        return self.segmentation is not None and has_names(self.segmentation)

    def name_problem(self) -> str:
        """Return why the name of the case is not a valid file name; empty if it is."""
        if _UNFIT.search(self.name) or _DEVICE.fullmatch(self.name):
            problem = f"{self.name!r} is not a valid file name on all systems."
        elif (length := len(self.name.encode("utf-8"))) > LONGEST_NAME:
            problem = f"The name of the case is too long ({length} bytes, at most {LONGEST_NAME})."
        else:
            return ""
        if self.listed is None:
            return f"{problem} Rename the files of the case."
        return f"{problem} Give the case another name in the column 'case' of {self.listed}."

    def files(self) -> tuple[Path, Path]:
        """Return the image and the segmentation.

        Raises:
            ValueError: One of them is missing or unreadable, or the name of the case is not a valid file name.
        """
        if problem := self.name_problem():
            raise ValueError(problem)
        if self.unreadable:
            raise ValueError(self.unreadable)
        for what, path in (("image", self.image), ("segmentation", self.segmentation)):
            if path is None:
                raise ValueError(f"There is no {what} for this case. Add it, or correct the pattern of the {what}s.")
            if not is_file(path) and not (what == "image" and path.is_dir()):
                raise ValueError(f"The {what} {path} does not exist. Correct the list of cases, or add the file.")
        assert self.image is not None
        assert self.segmentation is not None
        return self.image, self.segmentation


def find_cases(
    folder: str | Path,
    image_pattern: str | None = None,
    segmentation_pattern: str | None = None,
    *,
    leave_out: str | Path | None = None,
) -> list[CohortCase]:
    """Find the cases of a folder.

    A pattern is the path of a file inside the folder, in which ``{case}`` is the name of the case, ``*`` any characters
    and ``?`` one character: ``{case}/image.nii.gz`` for one folder per case, ``{case}_img.nrrd`` for all files in one
    folder, ``labelsTr/{case}.nii.gz`` for nnU-Net. A pattern without ``{case}`` is relative to the folder of each case.
    An image may also be the folder of a DICOM series, such as ``{case}/image``. Hidden files and unsupported formats
    are ignored. A case whose folder cannot be read fails.

    Args:
        folder: Folder to search.
        image_pattern: Pattern of the images; by default ``{case}/image.*``.
        segmentation_pattern: Pattern of the segmentations, label maps or with named segments; by default
            ``{case}/segmentation.*``. A file that matches both patterns belongs to the more specific one.
        leave_out: Subfolder to skip, such as that of the results.

    Returns:
        The cases sorted by name. If only one file of a case was found, the other is ``None``.

    Raises:
        ValueError: The folder does not exist, no case has both files, or a case has several.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder. Give the folder of the cases.")
    patterns = [whole_pattern(image_pattern or IMAGES), whole_pattern(segmentation_pattern or SEGMENTATIONS)]
    unreadable: dict[str, str] = {}
    images = matching(folder, patterns[0], leave_out, unreadable, series=True)
    segmentations = matching(folder, patterns[1], leave_out, unreadable)
    images = {path: name for path, name in images.items() if not is_seg_nrrd(path)}
    assign_common(images, segmentations, patterns)
    found = by_case(images, patterns[0]), by_case(segmentations, patterns[1])
    if not found[0].keys() & found[1].keys():
        if unreadable:
            raise ValueError(next(iter(unreadable.values())))
        raise ValueError(
            f"{folder}: no case has both an image that matches {patterns[0]!r} and a segmentation that matches "
            f"{patterns[1]!r} ({len(images)} images and {len(segmentations)} segmentations match). Give other "
            "patterns; {case} is the name of a case."
        )
    return checked_cases(
        [
            CohortCase(name, found[0].get(name), found[1].get(name), unreadable=unreadable.get(name, ""))
            for name in sorted(found[0].keys() | found[1].keys() | unreadable.keys())
        ]
    )


def read_cases(path: str | Path) -> list[CohortCase]:
    """Read a list of cases from a CSV file.

    Columns may be in any order and separated by commas, semicolons or tabs. The case of their names is ignored, and
    other columns are skipped.

    ==================  =========================================================================================
    ``image``           image file
    ``segmentation``    segmentation file, a label map, ``.seg.nrrd`` or DICOM SEG
    ``case``, ``name``  name of the case (either column); by default that of the image
    ``label``           label of the myocardium in a label map, if it differs from the other cases
    ``segment``         name or ID of the myocardium in a ``.seg.nrrd`` or DICOM SEG, if it differs
    ``pool``            blood pool in either kind of file, if it differs
    ==================  =========================================================================================

    Both ``label`` and ``segment`` may be given: each file takes the one of its kind. Several labels or segments form
    one wall; they are separated by commas or semicolons, labels also by spaces.

    Args:
        path: The file. Relative paths in it start from its folder.

    Raises:
        ValueError: The file cannot be read, has no cases, or has a case twice.
    """
    path = Path(path)
    rows = read_rows(path, "list of cases", COLUMNS, (*NAMES, "label", "segment", "pool"))
    cases = [_listed(row, path, line) for line, row in rows]
    if not cases:
        raise ValueError(f"{path}: the list has no cases. Add a row per case.")
    return checked_cases(cases)


def checked_cases(cases: Sequence[CohortCase]) -> list[CohortCase]:
    """Return the cases after checking that their names are unique.

    Invalid names are not rejected here: only their cases fail, see :meth:`CohortCase.name_problem`.

    Raises:
        ValueError: A name is used twice, ignoring case.
    """
    names: dict[str, str] = {}
    for case in cases:
        if case.name.casefold() in names:
            raise ValueError(
                f"Cases {names[case.name.casefold()]!r} and {case.name!r} have the same name. Rename one; in a list of "
                "cases, in the column 'case'."
            )
        names[case.name.casefold()] = case.name
    return list(cases)


def _listed(row: Row, path: Path, line: int) -> CohortCase:
    def value(column: str) -> str | None:
        return (row.get(column) or "").strip() or None

    if any(extra.strip() for extra in row.get(None) or ()):
        raise ValueError(
            f"{path}, line {line}: there are more fields than columns. Put several labels in quotes, or separate them "
            "by spaces."
        )
    image, segmentation = (None if value(column) is None else path.parent / str(value(column)) for column in COLUMNS)
    named = [column for column in NAMES if column in row]
    if named:
        name = value(named[0]) or ""
        if not name:
            raise ValueError(f"{path}, line {line}: the case has no name. Add it to the column {named[0]!r}.")
    elif image is not None:
        name = _stem(image)
    else:
        raise ValueError(
            f"{path}, line {line}: the image is missing. Add it, or a column 'case' with the names of the cases."
        )
    return CohortCase(name, image, segmentation, value("label"), value("segment"), value("pool"), path)


def _stem(path: Path) -> str:
    """Return a file name without its extension."""
    return stem_of(path) if path.name.lower().endswith(READABLE) else path.stem
