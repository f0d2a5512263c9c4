"""Cases of a cohort, found in a folder by patterns or read from a list."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ..io.files import is_seg_nrrd, stem_of
from ..io.label_map import PHOTOGRAPHS, READABLE, is_file

IMAGES = "{case}/image.*"
SEGMENTATIONS = "{case}/segmentation.*"
"""Default patterns: one folder per case."""
COLUMNS = ("image", "segmentation")
"""Required columns of a list of cases."""
NAMES = ("case", "name")
"""Accepted names of the name column; without it a case is named after its image."""
_CASE = "{case}"
LONGEST_NAME = 200
"""Most bytes of a case's name in UTF-8: with what is put around it, a file's name has at most 255."""
_UNFIT = re.compile(r'[\\/:*?"<>|\x00-\x1f\ud800-\udfff]|^\.|[. ]$|^$')
"""Characters and names that are not portable in file names."""
_DEVICE = re.compile(r"(con|prn|aux|nul|(com|lpt)[1-9])(\..*)?", re.IGNORECASE)
"""Names that Windows keeps for devices, also with an extension."""


@dataclass(frozen=True)
class CohortCase:
    """A case.

    Attributes:
        name: Name of the case.
        image: Image file; ``None`` if not found.
        segmentation: Segmentation file, a label map or ``.seg.nrrd``; ``None`` if not found.
        segment: Myocardium if it differs from the other cases: name or ID of a segment, or label.
        pool: Blood pool, like ``segment``.
        listed: List that the case comes from; ``None`` if it was found in a folder.
    """

    name: str
    image: Path | None
    segmentation: Path | None
    segment: str | None = None
    pool: str | None = None
    listed: Path | None = field(default=None, compare=False)

    def name_problem(self) -> str:
        """Return why the files of the results cannot have the name of the case; empty if they can."""
        if _UNFIT.search(self.name) or _DEVICE.fullmatch(self.name):
            problem = f"{self.name!r} cannot be the name of a file on every system."
        elif (length := len(self.name.encode("utf-8"))) > LONGEST_NAME:
            problem = f"The name of the case is too long for a file ({length} bytes, at most {LONGEST_NAME})."
        else:
            return ""
        if self.listed is None:
            return f"{problem} Rename the files of the case."
        return f"{problem} Give the case another name in the column 'case' of {self.listed}."

    def files(self) -> tuple[Path, Path]:
        """Return the image and the segmentation.

        Raises:
            ValueError: One of them is missing, or the name of the case cannot be that of a file.
        """
        if problem := self.name_problem():
            raise ValueError(problem)
        for what, path in (("image", self.image), ("segmentation", self.segmentation)):
            if path is None:
                raise ValueError(f"There is no {what} for this case. Add it, or correct the pattern of the {what}s.")
            if not is_file(path) and not (what == "image" and path.is_dir()):
                raise ValueError(f"The {what} {path} does not exist. Correct the list of cases, or put it there.")
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

    A pattern is the path of a file inside the folder, in which ``{case}`` stands for the name of the case, ``*`` for
    any characters and ``?`` for one: ``{case}/image.nii.gz`` for a folder a case, ``{case}_img.nrrd`` for all files in
    one folder, ``labelsTr/{case}.nii.gz`` for nnU-Net's. A pattern without ``{case}`` is for the files of a folder a
    case. Hidden files, and files of formats that cannot be read, are never found.

    Args:
        folder: Folder to search.
        image_pattern: The images; by default ``{case}/image.*``.
        segmentation_pattern: The segmentations, ``.seg.nrrd`` or label maps; by default ``{case}/segmentation.*``. A
            file that fits both patterns belongs to the one that says more of its name.
        leave_out: A subfolder to skip, such as that of the results.

    Returns:
        The cases sorted by name. If only one file of a case was found, the other is ``None``.

    Raises:
        ValueError: There is no such folder, no case in it, or several files for one case.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder. Give the folder that holds the cases.")
    patterns = [_checked(image_pattern or IMAGES), _checked(segmentation_pattern or SEGMENTATIONS)]
    images, segmentations = (_fitting(folder, pattern, leave_out) for pattern in patterns)
    images = {path: name for path, name in images.items() if not is_seg_nrrd(path)}
    _part(images, segmentations, patterns)
    found = _by_case(images, patterns[0]), _by_case(segmentations, patterns[1])
    if not found[0].keys() & found[1].keys():
        raise ValueError(
            f"{folder}: no case has both an image that fits {patterns[0]!r} and a segmentation that fits "
            f"{patterns[1]!r} ({len(images)} images and {len(segmentations)} segmentations fit). Give other patterns; "
            "in them, {case} stands for the name of a case."
        )
    names = sorted(found[0].keys() | found[1].keys())
    return checked_cases([CohortCase(name, found[0].get(name), found[1].get(name)) for name in names])


def read_cases(path: str | Path) -> list[CohortCase]:
    """Read a list of cases: CSV with these columns, in any order; others are ignored.

    Columns are separated by commas, semicolons or tabs, as spreadsheets of all countries write them; their names may be
    in small or capital letters.

    ==================  =========================================================================================
    ``image``           the image
    ``segmentation``    the segmentation, a label map or ``.seg.nrrd``
    ``case``, ``name``  the name of the case (either spelling); without the column, that of the image
    ``label``           the myocardium in a label map, where it is another than in the other cases
    ``segment``         the same in a ``.seg.nrrd``: name or ID
    ``pool``            the blood pool, in either kind of file
    ==================  =========================================================================================

    Several labels or segments form one wall; they are separated by commas or semicolons, labels also by spaces.

    Args:
        path: The file. The paths in it start from its folder, unless they are absolute.

    Raises:
        ValueError: It cannot be read, has no cases, or has a case twice.
    """
    path = Path(path)
    try:
        with path.open(encoding=_encoding(path), newline="") as file:
            first = file.readline()
            hint = re.fullmatch(r'"?sep=(.)"?\s*', first, re.IGNORECASE)  # for Excel, not a row
            if hint is None:
                file.seek(0)
            table = csv.DictReader(file, delimiter=_delimiter(first) if hint is None else hint[1])
            names = [_column(name) for name in table.fieldnames or []]
            if len(set(names) - {""}) != len([name for name in names if name]):
                raise ValueError(f"{path}: a column is there twice ({', '.join(names)}). Delete one of the two.")
            table.fieldnames = names
            missing = [name for name in COLUMNS if name not in names]
            if missing:
                there = ", ".join(repr(name) for name in names) or "none"
                raise ValueError(
                    f"{path}: there is no column {missing[0]!r}; there is {there}. A list of cases has the columns "
                    f"{', '.join(COLUMNS)}, separated by commas or semicolons, and may have case, label, segment and "
                    "pool."
                )
            # Spreadsheets leave rows of nothing but commas.
            rows = (row for row in table if any((row[name] or "").strip() for name in names))
            cases = [_listed(row, path, table.line_num) for row in rows]
    except UnicodeError as error:
        raise ValueError(
            f'{path}: the list of cases has letters in another encoding than UTF-8. In Excel, save it as "CSV UTF-8"; '
            "elsewhere, as CSV in UTF-8."
        ) from error
    except (OSError, csv.Error) as error:
        raise ValueError(f"{path}: the list of cases cannot be read ({error}). Give a CSV file in UTF-8.") from error
    if not cases:
        raise ValueError(f"{path}: there are no cases in the list.")
    return checked_cases(cases)


def checked_cases(cases: Sequence[CohortCase]) -> list[CohortCase]:
    """Return the cases after checking that their names are unique.

    A name that no file can have does not end the batch: the case fails alone, see :meth:`CohortCase.name_problem`.

    Raises:
        ValueError: A name is used twice, ignoring case.
    """
    seen: dict[str, str] = {}
    for case in cases:
        if case.name.casefold() in seen:
            raise ValueError(
                f"Cases {seen[case.name.casefold()]!r} and {case.name!r} have one name. Give each a name of its own; "
                "in a list of cases, in the column 'case'."
            )
        seen[case.name.casefold()] = case.name
    return list(cases)


def _listed(row: dict[str, str | None], path: Path, line: int) -> CohortCase:
    def value(column: str) -> str | None:
        return (row.get(column) or "").strip() or None

    image, segmentation = (None if value(column) is None else path.parent / str(value(column)) for column in COLUMNS)
    named = [column for column in NAMES if column in row]
    if named:
        name = value(named[0]) or ""
        if not name:
            raise ValueError(f"{path}, line {line}: the case has no name. Add it to the column {named[0]!r}.")
    elif image is not None:
        name = _stem(image)
    else:
        raise ValueError(f"{path}, line {line}: there is no image. Add it, or a column with the names of the cases.")
    # A list of both kinds of files may say for each row which label, or which segment.
    columns = ("segment", "label") if segmentation is not None and is_seg_nrrd(segmentation) else ("label", "segment")
    return CohortCase(name, image, segmentation, value(columns[0]) or value(columns[1]), value("pool"), path)


def _encoding(path: Path) -> str:
    """Return the encoding of a list: UTF-16 as Excel's "Unicode text", or UTF-8, which Excel begins with a mark."""
    with path.open("rb") as file:
        return "utf-16" if file.read(2) in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


def _delimiter(line: str) -> str:
    """Return the column separator in the first line of a list."""
    return max((",", ";", "\t"), key=line.count)


def _column(name: str) -> str:
    """Return the normalised name of a column: known names in lower case."""
    known = name.strip().casefold()
    return known if known in (*COLUMNS, *NAMES, "label", "segment", "pool") else name.strip()


def _stem(path: Path) -> str:
    """Return a file's name without its ending, also where that is none that can be read."""
    return stem_of(path) if path.name.lower().endswith(READABLE) else path.stem


def _checked(pattern: str) -> str:
    whole = pattern if _CASE in pattern else f"{_CASE}/{pattern}"
    parts = PurePosixPath(whole).parts
    if whole.startswith("/") or ".." in parts or "**" in parts or whole.endswith("/"):
        raise ValueError(f"The pattern {pattern!r} is not the path of a file inside the folder, such as {IMAGES!r}.")
    return str(PurePosixPath(*parts))


def _fitting(folder: Path, pattern: str, leave_out: str | Path | None) -> dict[Path, str]:
    """Return the files that fit a pattern, with the names of their cases."""
    expression = _expression(pattern)
    out = None if leave_out is None else Path(leave_out).resolve()
    found = {}
    for path in _files(folder, pattern.count("/"), out):
        match = expression.fullmatch(path.relative_to(folder).as_posix())
        if match and path.name.lower().endswith((*READABLE, *PHOTOGRAPHS)):
            found[path] = match["case"]
    return found


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


def _files(folder: Path, depth: int, leave_out: Path | None) -> Iterator[Path]:
    """Yield the files exactly ``depth`` folders down."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if depth and path.is_dir() and path.resolve() != leave_out:
            yield from _files(path, depth - 1, leave_out)
        elif not depth and path.is_file():
            yield path


def _part(images: dict[Path, str], segmentations: dict[Path, str], patterns: Sequence[str]) -> None:
    """Assign a file that fits both patterns to the more specific one."""
    said = [len(re.sub(r"\{case\}|\*|\?", "", pattern)) for pattern in patterns]
    for path in sorted(images.keys() & segmentations.keys()):
        if said[0] == said[1]:
            raise ValueError(
                f"{path} fits the pattern of the images, {patterns[0]!r}, and that of the segmentations, "
                f"{patterns[1]!r}. Make them different."
            )
        del (segmentations if said[0] > said[1] else images)[path]


def _by_case(files: dict[Path, str], pattern: str) -> dict[str, Path]:
    cases: dict[str, list[Path]] = defaultdict(list)
    for path, name in files.items():
        cases[name].append(path)
    for name, paths in sorted(cases.items()):
        if len(paths) > 1:
            listed = ", ".join(path.name for path in paths)
            raise ValueError(f"Case {name!r}: several files fit {pattern!r} ({listed}). Make the pattern narrower.")
    return {name: path for name, (path,) in cases.items()}
