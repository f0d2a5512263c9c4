"""The review of repaired vessels: each edit is accepted, or rejected and restored.

It is stored in a tag of the repaired segment and saved with the scene.
"""

from __future__ import annotations

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

from ..nodes.guards import Selection
from ..nodes.scene import unchanged_on_failure
from ..nodes.segments import read_segments, write_segment
from ..nodes.volume_grid import VolumeGrid
from ..nodes.writer import VOLUME_ROLE, refer_to_volume
from .kept import ADDED, REMOVED, chosen_segment, find_review_segment, json_of, tag_json, tag_of
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
    def of(cls, node: Any, segment_id: str | None = None, *, volume_node: Any = None) -> VesselReview:
        """Return the review of a repaired segmentation.

        Args:
            node: The result of a repair, also one that was loaded from a file.
            segment_id: The repaired segment; optional if only one was repaired.
            volume_node: The picture it was repaired with, if the segmentation no longer refers to it; the reference is
                stored.

        Raises:
            ValueError: No vessels were repaired in it, not in this segment, or the picture is another one.
        """
        repaired = _repaired_in(node)
        if not repaired:
            raise ValueError(f"No vessels were repaired in segmentation {node.GetName()!r}. Repair them first.")
        review = cls(node, chosen_segment(node, repaired, segment_id))
        if volume_node is not None:
            review._check(volume_node)
            refer_to_volume(node, volume_node)
        return review

    @classmethod
    def all_of(cls, volume_node: Any) -> list[VesselReview]:
        """Return the reviews of a picture, the last segmentation first.

        They include those of loaded segmentations, which refer to no volume, if the picture fits.
        """
        found = []
        for node in reversed(slicer.util.getNodesByClass("vtkMRMLSegmentationNode")):
            referred = node.GetNodeReference(VOLUME_ROLE)
            for review in (cls(node, segment_id) for segment_id in _repaired_in(node)):
                if referred == volume_node or (referred is None and review._fits(volume_node)):
                    found.append(review)
        return found

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
        """Accept a place and return the report.

        If it was rejected and not edited since, its repair is restored; otherwise no pixel changes.
        """
        return self._decide(number, True)

    def reject(self, number: int) -> PictureReport:
        """Restore a place as before the repair, and return the report.

        Manual edits of this place since the repair are reverted, too; those elsewhere are kept.

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

    def _check(self, volume_node: Any) -> None:
        """Refuse a volume that cannot be the picture of the repair."""
        Selection.create(self.segmentation_node, self.segment_id, volume_node, picture=True)
        shape, (*wanted, _text) = VolumeGrid.of_volume(volume_node).shape[1:], self._values()["before"]
        if shape != tuple(wanted):
            raise ValueError(
                f"Volume {volume_node.GetName()!r} has {shape[0]} x {shape[1]} pixels, but segmentation "
                f"{self.segmentation_node.GetName()!r} was repaired with {wanted[0]} x {wanted[1]} pixels. Choose that "
                "picture."
            )

    def _fits(self, volume_node: Any) -> bool:
        try:
            self._check(volume_node)
        except ValueError:
            return False
        return True

    def _decide(self, number: int, accepted: bool) -> PictureReport:
        """Store a decision and write its place. A failure changes nothing."""
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
        if accepted and (mask[written] != undecided[written]).any():
            written[:] = False  # what was drawn by hand since the place was rejected is what is accepted
        if not accepted and edit is not None:
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
        return json_of(self.segmentation_node.GetSegmentation().GetSegment(self.segment_id), VESSELS_TAG)

    def _checked(self, number: int) -> int:
        count = len(self._values()["edits"])
        if not 0 <= number < count:
            raise ValueError(f"There is no place {number}; places count from 0 to {count - 1}.")
        return number

    def _put_table(self, report: PictureReport) -> None:
        put_rows(self.segmentation_node, list(COLUMNS), place_rows(report), report.summary())


def _repaired_in(node: Any) -> list[str]:
    """Return the IDs of the segments of a segmentation whose vessels were repaired."""
    segmentation = node.GetSegmentation()
    ids = map(str, segmentation.GetSegmentIDs())
    return [key for key in ids if tag_of(segmentation.GetSegment(key), VESSELS_TAG) is not None]


def _changed(edit: list[Any]) -> Changed:
    """Return the window of an edit, and the pixels of the window that it changed."""
    j, i, rows, columns, text = edit
    return (slice(j, j + rows), slice(i, i + columns)), _unpacked(rows, columns, text) > 0


def _packed(mask: Any) -> list[Any]:
    """Return a mask as rows, columns and compressed text."""
    return [*mask.shape, pack(mask)]


def _unpacked(rows: int, columns: int, text: str) -> Mask:
    return unpack(text, (rows, columns))
