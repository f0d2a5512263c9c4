"""The review of repaired vessels: each edit is accepted, or rejected and restored.

It is stored in a tag of the repaired segment and saved with the scene.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import slicer

from rncarefine.refine.decide_places import Changed
from rncarefine.refine.picture import RepairedPicture, put_back
from rncarefine.refine.place_records import PictureReport
from rncarefine.refine.repair_masks import pack, unpack
from rncarefine.report.picture_report import COLUMNS, place_rows, write_picture_report
from rncarefine.report.report import strict_values
from rncarefine.stack import Mask
from rncarefine.tasks.tubular.picture import Picture

from ..nodes.scene import unchanged_on_failure
from ..nodes.segments import read_segments, write_segment
from ..nodes.volume_grid import VolumeGrid
from ..nodes.writer import VOLUME_ROLE
from .kept import ADDED, REMOVED, find_review_segment, tag_json, tag_of
from .table import existing_table, put_rows
from .views import show_place

VESSELS_TAG = "RNCARefine.Vessels"
"""On a repaired segment of vessels: report, mask before, edits and decisions, as JSON."""


@dataclass(frozen=True, eq=False)
class VesselReview:
    """A repaired segment of vessels, and the decisions about its places.

    Attributes:
        segmentation_node: The repaired segmentation.
        segment_id: The repaired segment.
    """

    segmentation_node: Any
    segment_id: str

    @classmethod
    def begin(cls, node: Any, segment_id: str, repaired: RepairedPicture) -> VesselReview:
        """Store the repair in a tag of the segment, without decisions."""
        edits: list[Any] = []
        for edit in repaired.edits:
            if edit.changed is None:
                edits.append(None)
            else:
                (rows, columns), pixels = edit.changed
                edits.append([rows.start, columns.start, *_packed(pixels)])
        values = {
            "report": strict_values(repaired.report.to_dict()),
            "before": _packed(repaired.picture.mask),
            "after": _packed(repaired.mask),
            "edits": edits,
        }
        node.GetSegmentation().GetSegment(segment_id).SetTag(VESSELS_TAG, tag_json(values))
        review = cls(node, segment_id)
        review._put_table(repaired.report)
        return review

    @classmethod
    def of(cls, node: Any) -> VesselReview:
        """Return the review of a repaired segmentation.

        Raises:
            ValueError: No vessels were repaired in it.
        """
        segmentation = node.GetSegmentation()
        for segment_id in segmentation.GetSegmentIDs():
            if tag_of(segmentation.GetSegment(segment_id), VESSELS_TAG) is not None:
                return cls(node, str(segment_id))
        raise ValueError(f"No vessels were repaired in segmentation {node.GetName()!r}. Repair them first.")

    @classmethod
    def of_volume(cls, volume_node: Any) -> VesselReview | None:
        """Return the review of the segmentation that was repaired last with a volume; ``None`` if there is none."""
        for node in reversed(slicer.util.getNodesByClass("vtkMRMLSegmentationNode")):
            if node.GetNodeReference(VOLUME_ROLE) is volume_node:
                with suppress(ValueError):
                    return cls.of(node)
        return None

    @property
    def exists(self) -> bool:
        """Whether the repaired segment is still in the scene."""
        node = self.segmentation_node
        return node.GetScene() is not None and node.GetSegmentation().GetSegment(self.segment_id) is not None

    @property
    def volume_node(self) -> Any:
        """The volume that it was repaired with.

        Raises:
            ValueError: It is not in the scene.
        """
        node = self.segmentation_node.GetNodeReference(VOLUME_ROLE)
        if node is None:
            raise ValueError(f"The volume of {self.segmentation_node.GetName()!r} is not in the scene. Load it first.")
        return node

    def report(self) -> PictureReport:
        """Return the report with the decisions made so far."""
        return PictureReport.from_dict(self._values()["report"])

    def accept(self, number: int) -> PictureReport:
        """Accept the repair of a place and return the report."""
        return self._decide(number, True)

    def reject(self, number: int) -> PictureReport:
        """Restore a place as before the repair, and return the report.

        Raises:
            ValueError: The repair did not change this place.
        """
        if self._values()["edits"][self._checked(number)] is None:
            raise ValueError(f"The repair did not change place {number}. Accept it, or edit it by hand.")
        return self._decide(number, False)

    def show(self, number: int) -> None:
        """Centre every slice view on a place."""
        place = self.report().places[self._checked(number)]
        show_place(self.volume_node, place.row, place.column)

    def export(self, path: str | Path) -> None:
        """Write the report with the decisions made so far, as CSV, JSON or HTML by the ending."""
        pixels = slicer.util.arrayFromVolume(self.volume_node)[0]
        picture = Picture.create(pixels, _unpacked(*self._values()["before"]), name=self.volume_node.GetName())
        write_picture_report(self.report(), path, picture, self.mask_now())

    def _decide(self, number: int, accepted: bool) -> PictureReport:
        """Store a decision and write its place; manual edits elsewhere are kept. A failure changes nothing."""
        self._checked(number)
        mask, values = self.mask_now(), self._values()
        undecided = self._decided(values)
        report = PictureReport.from_dict(values["report"])
        places = list(report.places)
        places[number] = replace(places[number], accepted=accepted)
        flagged = sum(place.flagged and place.accepted is None for place in places)
        report = replace(report, places=places, picture=replace(report.picture, flagged=flagged))
        values["report"] = strict_values(report.to_dict())
        edit, before, decided = values["edits"][number], _unpacked(*values["before"]), self._decided(values)
        # Objects joined by a bridge follow its decision.
        written = decided != undecided
        if edit is not None:
            window, pixels = _changed(edit)
            written[window] |= pixels
        np.copyto(mask, decided, where=written)
        node, grid = self.segmentation_node, VolumeGrid.of_volume(self.volume_node)
        segmentation = node.GetSegmentation()
        with unchanged_on_failure(node, existing_table(node)):
            segmentation.GetSegment(self.segment_id).SetTag(VESSELS_TAG, tag_json(values))
            write_segment(node, self.segment_id, mask[None], grid)
            for kind, changed in ((ADDED, mask & (1 - before)), (REMOVED, before & (1 - mask))):
                note = find_review_segment(segmentation, self.segment_id, kind)
                if note is not None:
                    write_segment(node, note, changed[None].astype(np.uint8), grid)
            self._put_table(report)
        return report

    def mask_now(self) -> Mask:
        """Return the segment as it is now on the volume's grid, shape ``(j, i)``."""
        return read_segments(self.segmentation_node, [self.segment_id], VolumeGrid.of_volume(self.volume_node))[0]

    def _decided(self, values: dict[str, Any]) -> Mask:
        """Return the mask after repair and decisions, shape ``(j, i)``."""
        places = values["report"]["places"]
        rejected = [edit for edit, place in zip(values["edits"], places, strict=True) if place["accepted"] is False]
        before, after = _unpacked(*values["before"]), _unpacked(*values["after"])
        return put_back(before, after, (_changed(edit) for edit in rejected if edit is not None))

    def _values(self) -> dict[str, Any]:
        text = tag_of(self.segmentation_node.GetSegmentation().GetSegment(self.segment_id), VESSELS_TAG)
        values: dict[str, Any] = json.loads(str(text))
        return values

    def _checked(self, number: int) -> int:
        count = len(self._values()["edits"])
        if not 0 <= number < count:
            raise ValueError(f"There is no place {number}; places count from 0 to {count - 1}.")
        return number

    def _put_table(self, report: PictureReport) -> None:
        put_rows(self.segmentation_node, list(COLUMNS), place_rows(report), report.summary())


def _changed(edit: list[Any]) -> Changed:
    """Return the window of an edit, and the pixels of the window that it changed."""
    j, i, rows, columns, text = edit
    return (slice(j, j + rows), slice(i, i + columns)), _unpacked(rows, columns, text) > 0


def _packed(mask: Any) -> list[Any]:
    """Return a mask as rows, columns and compressed text."""
    return [*mask.shape, pack(mask)]


def _unpacked(rows: int, columns: int, text: str) -> Mask:
    return unpack(text, (rows, columns))
