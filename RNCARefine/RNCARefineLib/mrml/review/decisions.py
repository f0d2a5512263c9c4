"""The review of a repair: slices are accepted, or rejected and restored exactly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import slicer

from rncarefine.refine.decisions import decided
from rncarefine.refine.records import Report
from rncarefine.refine.repair_masks import RepairMasks
from rncarefine.report.report import write_report
from rncarefine.stack import Mask, Stack

from ..nodes.guards import Selection, is_a
from ..nodes.scene import unchanged_on_failure
from ..nodes.segments import read_segments
from ..nodes.volume_grid import VolumeGrid
from ..nodes.writer import VOLUME_ROLE, refer_to_volume, write_inside
from ..orientation import screen_turn, turned, with_spacing
from .kept import (
    ADDED,
    POOL_TAG,
    REMOVED,
    chosen_segment,
    find_review_segment,
    reviewed_segments,
    set_status,
    store_decisions,
    stored_decisions,
    stored_masks,
    stored_report,
    tag_of,
)
from .plot import remove_plots
from .table import existing_table, put_table
from .undo import UndoSteps


@dataclass(frozen=True, eq=False)
class Review:
    """The review of one repaired segment; build it with :meth:`of`.

    It has no state: everything is read from the segmentation each time, so that it is correct after undo, after manual
    edits, and for a loaded segmentation.

    Attributes:
        segmentation_node: The repaired segmentation.
        segment_id: The wall in it.
        undo: Adds an undo step per decision; ``None`` adds none.
    """

    segmentation_node: slicer.vtkMRMLSegmentationNode
    segment_id: str
    undo: UndoSteps | None = None

    @classmethod
    def of(
        cls,
        segmentation_node: Any,
        segment_id: str | None = None,
        *,
        volume_node: Any = None,
        undo: UndoSteps | None = None,
    ) -> Review:
        """Return the review of a repaired segmentation.

        Args:
            segmentation_node: The result of a repair, also one that was loaded from a file.
            segment_id: The repaired wall; optional if only one segment was repaired.
            volume_node: The image it was repaired with, if the segmentation no longer refers to it; the reference is
                stored.
            undo: Adds an undo step per decision.

        Raises:
            ValueError: The segmentation, or this segment of it, was never repaired, or the volume is another one.
        """
        if not is_a(segmentation_node, "vtkMRMLSegmentationNode"):
            raise ValueError("A repaired segmentation is needed for a review. Choose a segmentation node.")
        segmentation = segmentation_node.GetSegmentation()
        repaired = reviewed_segments(segmentation)
        name = segmentation_node.GetName()
        if segmentation_node.GetScene() != slicer.mrmlScene:
            raise ValueError(f"Segmentation {name!r} is not in the scene. Add it to the scene first.")
        if not repaired:
            raise ValueError(f"Segmentation {name!r} has no repair to review. Repair it first.")
        review = cls(segmentation_node, chosen_segment(segmentation_node, repaired, segment_id), undo)
        if volume_node is not None:
            review._check(volume_node)
            refer_to_volume(segmentation_node, volume_node)
        return review

    # Nodes and segments

    @property
    def pool_id(self) -> str | None:
        """The blood pool that was given to the repair and still exists."""
        pool_id = tag_of(self._segment, POOL_TAG)
        return pool_id if pool_id in self.segmentation_node.GetSegmentation().GetSegmentIDs() else None

    @property
    def wall_ids(self) -> list[str]:
        """The segments of the wall that still exist; the first takes what a repair adds."""
        there = self.segmentation_node.GetSegmentation().GetSegmentIDs()
        more = [segment_id for segment_id in self._masks.parts_before if segment_id in there]
        return list(dict.fromkeys([self.segment_id, *more]))

    @property
    def volume_node(self) -> Any:
        """The image that the segmentation was repaired with.

        Raises:
            ValueError: It is not in the scene, or another volume is referenced.
        """
        node = self.segmentation_node
        for role in (VOLUME_ROLE, node.GetReferenceImageGeometryReferenceRole()):
            volume = node.GetNodeReference(role)
            if volume is not None:
                self._check(volume)
                return volume
        raise ValueError(
            f"The volume that segmentation {node.GetName()!r} was repaired with is not in the scene. "
            f"Load {self._stored.stack.name!r} and choose it."
        )

    @property
    def table_node(self) -> slicer.vtkMRMLTableNode:
        """The table of the report; created again if it was deleted."""
        return existing_table(self.segmentation_node) or self.refresh()

    # Reading

    def report(self) -> Report:
        """Return the report with the decisions applied."""
        stack, wall = self._on_screen()
        report = decided(self._stored, self.decisions(), stack, wall)
        return with_spacing(report, self._stored.stack.spacing_mm)

    def decisions(self) -> dict[int, bool]:
        """Return the decisions: slice to accepted (true) or rejected (false), without undecided slices."""
        return stored_decisions(self._segment)

    def stack_before(self) -> Stack:
        """Return the stack before the repair."""
        masks, totals = self._masks, self._stored.stack
        return Stack.create(
            image=slicer.util.arrayFromVolume(self.volume_node),
            mask=masks.wall_before,
            spacing=totals.spacing_mm,  # that of a loaded volume differs in the last digits
            pool=masks.pool_before,
            name=totals.name,
        )

    def wall_now(self) -> Mask:
        """Return the wall as it is now, shape of the volume (k, j, i)."""
        return read_segments(self.segmentation_node, self.wall_ids, self._grid())

    def export(self, path: str | Path) -> None:
        """Write the report with the decisions as .csv, .json or .html; on failure an existing file is kept.

        Raises:
            ValueError: Another extension.
            OSError: The file cannot be written.
        """
        write_report(self.report(), path, *self._on_screen())

    # Deciding

    def accept(self, k: int) -> None:
        """Accept slice ``k``.

        If it was rejected and not edited since, its repair is restored; otherwise no voxel changes.

        Raises:
            ValueError: There is no such slice.
        """
        self._decide(k, True)

    def reject(self, k: int) -> None:
        """Reject the repair of slice ``k``: wall and blood pool are restored exactly.

        Manual edits of this slice since the repair are reverted, too; other slices and segments do not change.

        Raises:
            ValueError: There is no such slice, or the repair did not change it.
        """
        self._decide(k, False)

    def refresh(self) -> slicer.vtkMRMLTableNode:
        """Update the table after an undo or manual edits, and return it.

        The status needs no update: it is a tag and is restored with the voxels.
        """
        return put_table(self.report(), self.segmentation_node)

    # Showing

    def show_changes(self, visible: bool) -> None:
        """Show or hide added and removed voxels."""
        self.segmentation_node.CreateDefaultDisplayNodes()
        for note in self._changes():
            self.segmentation_node.GetDisplayNode().SetSegmentVisibility(note, visible)

    def changes_shown(self) -> bool:
        """Whether added and removed voxels are shown."""
        display = self.segmentation_node.GetDisplayNode()
        notes = self._changes()
        return display is not None and bool(notes) and all(display.GetSegmentVisibility(note) for note in notes)

    # Helpers

    @property
    def _segment(self) -> slicer.vtkSegment:
        segment = self.segmentation_node.GetSegmentation().GetSegment(self.segment_id)
        if segment is None:
            raise ValueError(
                f"Segment {self.segment_id!r} of segmentation {self.segmentation_node.GetName()!r} was removed. "
                "Undo the removal, or repair again."
            )
        return segment

    @property
    def _stored(self) -> Report:
        return stored_report(self._segment)

    @property
    def _masks(self) -> RepairMasks:
        return stored_masks(self._segment)

    def _grid(self) -> VolumeGrid:
        return VolumeGrid.of_volume(self.volume_node)

    def _on_screen(self) -> tuple[Stack, Mask]:
        """Return the stack before and the wall as it is now, in the orientation of the report."""
        turn = screen_turn(self._grid())
        return turned(self.stack_before(), turn), turn.apply(self.wall_now())

    def _check(self, volume_node: Any) -> None:
        """Refuse a volume that cannot be that of the repair."""
        Selection.create(self.segmentation_node, self.wall_ids, volume_node, self.pool_id)
        shape, wanted = VolumeGrid.of_volume(volume_node).shape, self._masks.shape
        if shape != wanted:
            raise ValueError(
                f"Volume {volume_node.GetName()!r} has {_voxels(shape)} voxels, but segmentation "
                f"{self.segmentation_node.GetName()!r} was repaired with {_voxels(wanted)} voxels. Choose that volume."
            )

    def _changes(self) -> list[str]:
        segmentation = self.segmentation_node.GetSegmentation()
        notes = (find_review_segment(segmentation, self.segment_id, kind) for kind in (ADDED, REMOVED))
        return [note for note in notes if note is not None]

    def _decide(self, k: int, accepted: bool) -> None:
        decisions = self.decisions()
        node, masks = self.segmentation_node, self._masks
        if not 0 <= k < masks.shape[0]:
            raise ValueError(
                f"Segmentation {node.GetName()!r} has no slice {k}; its slices are 0 to {masks.shape[0] - 1}."
            )
        if not accepted and not masks.changed(k):
            raise ValueError(
                f"The repair did not change slice {k} of segmentation {node.GetName()!r}. Accept it, or edit it by "
                "hand."
            )
        if accepted and decisions.get(k):
            return
        before = self._wanted(k, masks.parts_before, masks.wall_before, masks.pool_before)
        after = self._wanted(k, masks.parts_after, masks.wall_after, masks.pool_after)
        # What was drawn by hand since the slice was rejected is what is accepted.
        restored = accepted and decisions.get(k) is False and self._is_now(k, before)
        decisions[k] = accepted
        step = nullcontext() if self.undo is None else self.undo.step(node)
        with slicer.util.RenderBlocker(), step, unchanged_on_failure(node, existing_table(node)):
            if restored or not accepted:
                self._write_slice(k, after if restored else before)
                self._write_changes(k, masks.wall_before[k])
            store_decisions(self._segment, decisions)
            report = self.report()
            set_status(self._segment, report)
            put_table(report, node)

    def _wanted(self, k: int, parts: Mapping[str, Mask], wall: Mask, pool: Mask | None) -> dict[str, Mask]:
        """Return slice ``k`` of the pool, if there is one, and of the segments of the wall that still exist."""
        wanted = {} if self.pool_id is None or pool is None else {self.pool_id: pool[k]}
        walls = parts or {self.segment_id: wall}
        return wanted | {key: walls[key][k] for key in reversed(self.wall_ids) if key in walls}

    def _is_now(self, k: int, wanted: Mapping[str, Mask]) -> bool:
        """Whether slice ``k`` of these segments is as given."""
        node, grid = self.segmentation_node, self._grid()
        return all(np.array_equal(read_segments(node, [key], grid)[k], mask) for key, mask in wanted.items())

    def _write_changes(self, k: int, before: Mask) -> None:
        """Write slice ``k`` of the segments that show added and removed voxels, where they exist."""
        node, grid, now = self.segmentation_node, self._grid(), self.wall_now()[k]
        for kind, changed in ((ADDED, now & (1 - before)), (REMOVED, before & (1 - now))):
            note = find_review_segment(node.GetSegmentation(), self.segment_id, kind)
            if note is not None:
                voxels = read_segments(node, [note], grid)
                voxels[k] = changed
                write_inside(node, note, voxels, grid)

    def _write_slice(self, k: int, wanted: Mapping[str, Mask]) -> None:
        node, grid = self.segmentation_node, self._grid()
        voxels = {segment_id: read_segments(node, [segment_id], grid) for segment_id in wanted}
        now = {segment_id: mask[k].copy() for segment_id, mask in voxels.items()}

        def takes(segment_id: str) -> bool:
            return any((wanted[segment_id] & mask).any() for other, mask in now.items() if other != segment_id)

        # Segments that lose voxels first: Slicer separates overlapping segments into two layers.
        for segment_id in sorted(wanted, key=takes):
            if (now[segment_id] != wanted[segment_id]).any():
                voxels[segment_id][k] = wanted[segment_id]
                write_inside(node, segment_id, voxels[segment_id], grid)


def is_repaired(segmentation_node: slicer.vtkMRMLSegmentationNode) -> bool:
    """Whether a segmentation has a repair to review."""
    return bool(reviewed_segments(segmentation_node.GetSegmentation()))


def take_step(
    segmentation_node: slicer.vtkMRMLSegmentationNode, step: Callable[[Any], bool], reverse: Callable[[Any], bool]
) -> bool:
    """Take an undo or redo step and update table and plot; if that fails, the step is reverted.

    Args:
        segmentation_node: The segmentation.
        step: Takes the step and returns whether there was one.
        reverse: Reverts it.

    Raises:
        ValueError: The review cannot be read after the step.
    """
    done = step(segmentation_node)
    if done and is_repaired(segmentation_node):
        try:
            Review.of(segmentation_node, reviewed_segments(segmentation_node.GetSegmentation())[0]).refresh()
        except ValueError:
            reverse(segmentation_node)
            raise
    elif done:
        end_review(segmentation_node)
    return done


def end_review(segmentation_node: slicer.vtkMRMLSegmentationNode) -> None:
    """Remove table and plots of a repair that was undone."""
    remove_plots(segmentation_node)
    table = existing_table(segmentation_node)
    if table is not None:
        slicer.mrmlScene.RemoveNode(table)


def _voxels(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
