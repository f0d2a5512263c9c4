"""Repair of one picture of vessels of a cohort, from files to files."""

from __future__ import annotations

from dataclasses import dataclass

from ..io.label_map import PHOTOGRAPHS, TWO_FILES
from ..io.picture_files import check_picture_result, read_picture, write_picture
from ..nca.model import Model
from ..progress import Progress
from ..refine.picture import repair_picture
from ..refine.place_records import PictureReport
from .cases import CohortCase
from .files import CaseFiles
from .sources import case_source
from .work import FileWork


@dataclass(frozen=True)
class PictureWork(FileWork):
    """Common settings of a batch of pictures; of the choice, only one label is used."""

    def repaired(self, case: CohortCase, files: CaseFiles, model: Model, progress: Progress | None) -> PictureReport:
        """Read, repair and write a case, and return its report.

        Raises:
            ValueError: A file is invalid.
            OutputError: The result cannot be written.
        """
        image, segmentation = case.files()
        check_picture_result(files.result_path, (image, segmentation))
        if case.segment is not None:
            raise ValueError(
                "The mask of a picture has labels, not named segments. Use the column 'label' of the list."
            )
        label = next(iter(self.choice.labels), None) if case.label is None else _label(case.label)
        with files.running():
            content = read_picture(image, segmentation, label=label)
            result = repair_picture(content.picture, model, self.options, progress)
            files.save(result.report, lambda path: write_picture(content, result.mask, path), case_source(case))
        return result.report

    def result_name(self, case: CohortCase) -> str:
        """Return the name of a case's mask: in the format of the segmentation, or a PNG file."""
        name = "" if case.segmentation is None else case.segmentation.name.lower()
        kept = next((ending for ending in (".nii.gz", ".nii", ".nrrd", ".mha") if name.endswith(ending)), ".png")
        return case.name + (".png" if name.endswith((*PHOTOGRAPHS, *TWO_FILES)) else kept)


def _label(text: str) -> int:
    try:
        return int(float(text))
    except ValueError as error:
        raise ValueError(f"The label {text!r} in the list of cases is not a whole number. Correct it.") from error
