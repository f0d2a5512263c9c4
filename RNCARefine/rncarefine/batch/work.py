"""Repair of one case of a cohort, from files to files; does not require Slicer."""

from __future__ import annotations

import traceback
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from .. import __version__
from ..io.choice import StructureChoice
from ..io.dicom_seg import SEG_ENDING
from ..io.files import is_dicom_seg, noted, read_case, write_case
from ..io.label_map import TWO_FILES, WRITABLE
from ..io.seg_nrrd import ENDING
from ..nca.card import ModelRecord
from ..nca.model import Model, load_model
from ..nca.rollout import choose_device
from ..progress import Cancelled, Progress, report_progress
from ..refine.options import RepairOptions
from ..refine.records import AnyReport
from ..refine.repair import repair
from .cases import CohortCase
from .files import CaseFiles, OutputError
from .runs import reason_of
from .sources import case_source

_ONE_FILE = {".nhdr": ".nrrd", ".mhd": ".mha"}
"""Formats of two files are written as one file."""


@dataclass(frozen=True)
class CaseResult:
    """The outcome of a case, small enough to be sent from process to process.

    Attributes:
        name: Name of the case.
        report: Report; ``None`` if the case failed.
        reason: Reason of the failure.
        trace: Traceback of an unexpected error.
        unwritable: Whether the result could not be written; this is not an error of the case.
    """

    name: str
    report: AnyReport | None = None
    reason: str = ""
    trace: str = ""
    unwritable: bool = False


@dataclass(frozen=True)
class FileWork:
    """Common settings of a batch; calling it with a case reads, repairs and writes the case.

    Attributes:
        folder: Folder of the cohort, accessible to all processes.
        model: Name of a model, or path of its weights.
        record: Record of the model; all processes must have the same weights and settings.
        options: Options of the repair.
        choice: Labels or segments of myocardium and blood pool, for cases without their own.
        version: Version that all processes must have.
    """

    folder: Path
    model: str
    record: ModelRecord
    options: RepairOptions
    choice: StructureChoice
    version: str = __version__

    def __call__(self, case: CohortCase, progress: Progress | None = None) -> CaseResult:
        """Process a case. Errors of the case are returned, not raised, so that they do not end the batch.

        Raises:
            Cancelled: ``progress`` requested cancellation; nothing is written.
        """
        files = CaseFiles(self.folder, case.name, self.result_name(case))
        try:
            report = self.repaired(case, files, self.ready(), progress)
        except Cancelled:
            raise
        except OutputError as error:
            return CaseResult(case.name, reason=str(error), unwritable=True)
        except Exception as error:
            reason, unexpected = reason_of(error)
            return CaseResult(case.name, reason=reason, trace=traceback.format_exc() if unexpected else "")
        return CaseResult(case.name, report)

    def repaired(self, case: CohortCase, files: CaseFiles, model: Model, progress: Progress | None) -> AnyReport:
        """Read, repair and write a case, and return its report.

        Raises:
            ValueError: A file is invalid.
            OutputError: The result cannot be written.
        """
        image, segmentation = case.files()
        with files.running():
            report_progress(progress, 0.0, "Reading the files")
            content = read_case(image, segmentation, choice_for(case, self.choice))
            stack = replace(content.stack, name=case.name)
            result = noted(content, repair(stack, model, self.options, progress, others=content.others))
            files.save(result.report, lambda path: write_case(content, result, path), case_source(case))
        return result.report

    def result_name(self, case: CohortCase) -> str:
        """Return the name of a case's result file, see :func:`result_name`."""
        return result_name(case)

    def ready(self) -> Model:
        """Return the model, after checking that this process can process cases.

        Raises:
            ValueError: Version or model differ, or device or folder of the results are not available.
        """
        if self.version != __version__:
            raise ValueError(
                f"The worker has RNCARefine {__version__}, but the batch was started with {self.version}. Install the "
                "same version everywhere."
            )
        if not self.folder.is_dir():
            raise ValueError(
                f"The worker cannot access {self.folder}. Choose a folder with the same path on all workers."
            )
        choose_device(self.options.device)
        return _model(self.model, self.record)

    def problem(self) -> str:
        """Return why this process cannot process cases; empty if it can."""
        try:
            self.ready()
        except ValueError as error:
            return str(error)
        return ""


def model_reference(name: str | Path | None, model: Model) -> str:
    """Return the reference of a model for other processes: the path of its weights, or its name if installed."""
    return str(Path(name).absolute()) if name is not None and Path(name).is_file() else model.card.name


def result_name(case: CohortCase) -> str:
    """Return the name of a case's result file, in the format of the segmentation."""
    name = "" if case.segmentation is None else case.segmentation.name.lower()
    endings = (ENDING, *sorted(WRITABLE, key=len, reverse=True), *TWO_FILES)
    named = case.segmentation is not None and is_dicom_seg(case.segmentation)
    ending = SEG_ENDING if named else next((ending for ending in endings if name.endswith(ending)), ENDING)
    return case.name + _ONE_FILE.get(ending, ending)


def choice_for(case: CohortCase, common: StructureChoice) -> StructureChoice:
    """Return the labels or segments of a case: its own, or those of the batch.

    Args:
        case: The case.
        common: Choice for all cases; labels or segments are used according to the format of the segmentation.

    Raises:
        ValueError: A label is not a whole number.
    """
    label, segment, named = case.label or common.label, case.segment or common.segment, case.has_names
    # If only the other kind was chosen, it is returned as it is, so that reading reports the error.
    if named:
        chosen = StructureChoice(segment=segment, pool_segment=case.pool or common.pool_segment)
        if chosen == StructureChoice() or (segment is None and case.label is not None):
            chosen = StructureChoice(label, pool_label=common.pool_label)
    else:
        chosen = StructureChoice(label, pool_label=case.pool or common.pool_label)
        if chosen == StructureChoice() or (label is None and case.segment is not None):
            chosen = StructureChoice(segment=segment, pool_segment=common.pool_segment)
    rv_label, rv_segment = common.rv_label, common.rv_segment
    if rv_label is not None and rv_segment is not None:
        rv_label, rv_segment = (None, rv_segment) if named else (rv_label, None)
    return replace(chosen, phase=common.phase, rv_label=rv_label, rv_segment=rv_segment)


@lru_cache(maxsize=1)
def _model(name: str, record: ModelRecord) -> Model:
    """Load a model once per process."""
    model = load_model(name)
    if (model.card.sha256, model.card.settings_hash) != (record.sha256, record.settings_hash):
        raise ValueError(
            f"The model {name!r} of the worker differs from that of the batch. Install the same version of RNCARefine "
            "everywhere, or give the path of a .npz that all workers can access."
        )
    return model
