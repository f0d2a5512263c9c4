"""Batch repair of vessel pictures: one mask and report per case, and a table with one row per place."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..atomic import write_text_whole, written_whole
from ..io.label_map import PHOTOGRAPHS, TWO_FILES
from ..io.picture_files import check_picture_result, read_picture, write_picture
from ..nca.model import Model, load_model
from ..refine.options import RepairOptions
from ..refine.picture import repair_picture
from ..refine.place_records import PictureReport
from ..report.picture_report import COLUMNS, place_rows
from ..report.report import csv_text, json_text
from .cases import CohortCase

REPORTS, TABLE, FAILED, SETTINGS = "reports", "cohort.csv", "failed.csv", "settings.json"


@dataclass(frozen=True)
class PictureWork:
    """Common settings of a batch; calling it with a case reads, repairs and writes the case.

    Attributes:
        folder: Folder of the results.
        model: Name of a model, or path of its weights.
        options: Options of the repair.
        label: Label of the vessels, for cases without their own.
    """

    folder: Path
    model: str
    options: RepairOptions
    label: int | None

    def __call__(self, case: CohortCase) -> int:
        """Process a case, and return the number of places that need review.

        Raises:
            ValueError: An input is invalid.
            OSError: A result cannot be written.
        """
        image, segmentation = case.files()
        result, report = self.files_of(case)
        check_picture_result(result, (image, segmentation))
        label = self.label if case.segment is None else _label(case.segment)
        content = read_picture(image, segmentation, label=label)
        repaired = repair_picture(content.picture, _model(self.model), self.options)
        with written_whole(result, report) as (new_result, new_report):
            write_picture(content, repaired.mask, new_result)
            new_report.write_text(json_text(repaired.report.to_dict()), encoding="utf-8")
        return repaired.report.picture.flagged

    def files_of(self, case: CohortCase) -> tuple[Path, Path]:
        """Return the paths of the mask and the report of a case."""
        name = "" if case.segmentation is None else case.segmentation.name.lower()
        kept = next((ending for ending in (".nii.gz", ".nii", ".nrrd", ".mha") if name.endswith(ending)), ".png")
        ending = ".png" if name.endswith((*PHOTOGRAPHS, *TWO_FILES)) else kept
        return self.folder / f"{case.name}{ending}", self.folder / REPORTS / f"{case.name}.json"


@dataclass
class PictureOutcome:
    """The outcome of a batch.

    Attributes:
        table: Path of the table of all places.
        done: Number of cases repaired in this run.
        skipped: Number of cases finished in a previous run.
        flagged: Number of finished cases that need review, for single places or as a whole.
        failed: Failed cases with the reasons.
    """

    table: Path
    done: int = 0
    skipped: int = 0
    flagged: int = 0
    failed: dict[str, str] = field(default_factory=dict)


def run_pictures(
    work: PictureWork, cases: Sequence[CohortCase], settings: Mapping[str, Any], workers: int
) -> Iterator[PictureOutcome]:
    """Repair the unfinished cases, and write the tables.

    Args:
        work: Common settings of the batch.
        cases: The cases, with absolute paths.
        settings: Model and options; must match those of existing results.
        workers: Number of processes.

    Yields:
        The outcome so far, after each case and at the end.

    Raises:
        ValueError: The folder contains results of other settings.
        OSError: The results cannot be written.
    """
    (work.folder / REPORTS).mkdir(parents=True, exist_ok=True)
    _check_settings(work.folder / SETTINGS, settings)
    outcome = PictureOutcome(work.folder / TABLE)
    outcome.failed = {case.name: problem for case in cases if (problem := case.name_problem())}
    cases = [case for case in cases if case.name not in outcome.failed]
    left = [case for case in cases if not all(path.is_file() for path in work.files_of(case))]
    outcome.skipped = len(cases) - len(left)
    # Not forked: threads of libraries would be missing in the child processes.
    with ProcessPoolExecutor(max(1, min(workers, len(left))), multiprocessing.get_context("spawn")) as pool:
        waiting = {pool.submit(work, case): case.name for case in left}
        for future in as_completed(waiting):
            try:
                future.result()
                outcome.done += 1
            except BrokenProcessPool:
                outcome.failed[waiting[future]] = (
                    "The process ended, most likely because memory ran out. Run the batch again with fewer workers."
                )
            except Exception as error:  # a failed case is reported and skipped
                outcome.failed[waiting[future]] = " ".join(str(error).split()) or type(error).__name__
            yield outcome
    finished = [case for case in cases if all(path.is_file() for path in work.files_of(case))]
    reports = [(case.name, _read(work.files_of(case)[1])) for case in finished]
    rows = [[name, *row] for name, report in reports for row in place_rows(report)]
    write_text_whole(outcome.table, csv_text([["case", *COLUMNS], *rows]))
    write_text_whole(work.folder / FAILED, csv_text([("case", "reason"), *sorted(outcome.failed.items())]))
    outcome.flagged = sum(report.needs_review for _, report in reports)
    yield outcome


def _check_settings(path: Path, settings: Mapping[str, Any]) -> None:
    text = json_text(dict(settings))
    if path.is_file() and path.read_text(encoding="utf-8") != text:
        raise ValueError(f"{path.parent} contains results of other settings (see {path.name}). Choose another folder.")
    write_text_whole(path, text)


def _read(path: Path) -> PictureReport:
    try:
        return PictureReport.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise ValueError(f"{path}: the report cannot be read ({error}). Delete it to repair the case again.") from error


def _label(text: str) -> int:
    try:
        return int(float(text))
    except ValueError as error:
        raise ValueError(f"The label {text!r} in the list of cases is not a whole number. Correct it.") from error


@lru_cache(maxsize=1)
def _model(name: str) -> Model:
    """Load a model once per process."""
    return load_model(name)
