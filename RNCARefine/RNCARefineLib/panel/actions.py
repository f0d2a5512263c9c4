"""Check and Repair with the settings of the parameter node."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rncarefine.nca.card import ModelCard
from rncarefine.progress import Progress
from rncarefine.refine.options import camel_case, default_of, stack_options
from rncarefine.refine.place_records import PictureReport, PictureRun
from rncarefine.refine.records import Report, RunRecord

from ..mrml.nodes.guards import Selection
from .frames import ALL_FRAMES, browser_of, player_of, warnings_of
from .inputs import wall_ids
from .review.findings import Checked

IN_PLACE = "in place"
"""Value of the parameter ``output`` that changes the input itself; any other adds a segmentation."""


def run_check(logic: Any, parameters: Any) -> Checked:
    """Diagnose every slice of the selected segment, in a sequence of the shown frame; the scene does not change.

    Raises:
        ValueError: The nodes cannot be read; the message names node and remedy.
    """
    selection = Selection.create(
        parameters.inputSegmentation,
        wall_ids(parameters),
        parameters.inputVolume,
        parameters.poolSegmentID,
        parameters.rvSegmentID,
    )
    of_check = [name for name, info in stack_options().items() if info.of_check]
    return Checked.of(logic, selection, _chosen(parameters, of_check))


@dataclass(frozen=True)
class RunMessages:
    """Device and warnings of a repair; the nodes are those of the logic.

    Attributes:
        run: How it was computed.
        text: Warnings, one per line.
    """

    run: RunRecord | PictureRun
    text: str


def run_repair(logic: Any, parameters: Any, card: ModelCard, progress: Progress) -> RunMessages:
    """Repair the selected segment with the selected options.

    Args:
        logic: ``RNCARefineLogic``; it has the nodes of the result.
        parameters: The parameter node.
        card: The model.
        progress: Called with the progress; may cancel.

    Raises:
        ValueError: The nodes cannot be read or written; the message names node and remedy.
        Cancelled: ``progress`` returned ``False``; the scene is restored. Finished frames of a sequence are kept
            instead.
    """
    segmentation, volume = parameters.inputSegmentation, parameters.inputVolume
    segment, pool = wall_ids(parameters), parameters.poolSegmentID or None
    in_place = parameters.output == IN_PLACE
    options = _chosen(parameters, stack_options(), model=card.name)
    # Without a pool the box is disabled, but a loaded scene may have it checked.
    options["trimPool"] = parameters.trimPool and pool is not None
    options |= {"rvSegmentID": parameters.rvSegmentID or None, "inPlace": in_place, "progressCallback": progress}
    browser = _player(segmentation, volume, in_place)
    if browser is None:
        report: Report = logic.process(segmentation, segment, volume, poolSegmentID=pool, **options)
        return RunMessages(report.run, "\n".join(report.warnings))
    frames = None if parameters.frames == ALL_FRAMES else [browser.GetSelectedItemNumber()]
    outcome = logic.processSequence(browser, segmentation, segment, volume, pool, frames=frames, **options)
    return RunMessages(next(iter(outcome.reports.values())).run, warnings_of(outcome))


def run_picture_check(logic: Any, parameters: Any) -> PictureReport:
    """Find broken places in the vessels of the selected picture; the scene does not change.

    Raises:
        ValueError: The nodes cannot be read; the message names node and remedy.
    """
    report: PictureReport = logic.checkPicture(
        parameters.inputSegmentation, parameters.myocardiumSegmentID, parameters.inputVolume
    )
    return report


def run_picture_repair(logic: Any, parameters: Any, card: ModelCard, progress: Progress) -> RunMessages:
    """Repair the vessels of the selected picture into a new segmentation, which the logic has.

    Raises:
        ValueError: The nodes cannot be read; the message names node and remedy.
        Cancelled: ``progress`` returned ``False``; the scene is restored.
    """
    names = [name for name, info in stack_options().items() if info.of_pictures]
    report = logic.processPicture(
        parameters.inputSegmentation,
        parameters.myocardiumSegmentID,
        parameters.inputVolume,
        progressCallback=progress,
        **_chosen(parameters, names, model=card.name),
    )
    return RunMessages(report.run, "\n".join(report.warnings))


def _chosen(parameters: Any, names: Iterable[str], **given: Any) -> dict[str, Any]:
    """Return the selected options by their name in Slicer; 0 becomes ``None`` if an option may be ``None``."""
    chosen = {name: given.get(name, getattr(parameters, camel_case(name))) for name in names}
    return {
        camel_case(name): None if default_of(name) is None and not value else value for name, value in chosen.items()
    }


def _player(segmentation: Any, volume: Any, in_place: bool) -> Any:
    """Return the browser whose sequences get the result; ``None`` if the result is one segmentation.

    Changes of the shown segmentation alone are lost when another frame is shown.
    """
    shown_by = player_of(segmentation)
    if shown_by is None:
        return None
    # In place without a browser of the volume is refused by the logic.
    return browser_of(segmentation, volume) or (shown_by if in_place else None)
