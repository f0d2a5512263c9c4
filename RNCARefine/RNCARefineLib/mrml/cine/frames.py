"""The frames of a cine sequence, read without changing the frame that the sequence browser shows.

Frames are numbered from 0, like the items of the browser; messages count from 1 ("Frame 3 of 30").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import vtk

from rncarefine.refine.review_tags import REVIEW_TAG

from ..nodes.guards import Selection, check_transforms, is_a
from ..nodes.segments import copied
from ..review.kept import REVIEW_OF_TAG, tag_of
from ..review.undo import fingerprint


@dataclass(frozen=True, eq=False)
class Cine:
    """Nodes and frames of a sequence to repair; build it with :meth:`create`.

    Attributes:
        browser_node: The sequence browser.
        segmentation_node: The segmentation that the browser shows, or one of the shown frame only.
        segment_id: The myocardium in it.
        volume_node: The volume that the browser shows.
        pool_id: The blood pool, or ``None``.
        sequence_node: The sequence of segmentations; ``None`` for a segmentation of the shown frame only.
        wall_ids: All segments of the wall; the first is the myocardium.
        rv_id: The right ventricle, or ``None``.
    """

    browser_node: Any
    segmentation_node: Any
    segment_id: str
    volume_node: Any
    pool_id: str | None
    sequence_node: Any
    wall_ids: tuple[str, ...]
    rv_id: str | None = None

    @classmethod
    def create(
        cls,
        browser_node: Any,
        segmentation_node: Any,
        segment_id: Any,
        volume_node: Any,
        pool_id: str | None = None,
        rv_id: str | None = None,
    ) -> Cine:
        """Check that the nodes belong to the browser and return the selection; see :class:`.guards.Selection`.

        Raises:
            ValueError: They do not, or the browser has no frames or is recording.
        """
        if not is_a(browser_node, "vtkMRMLSequenceBrowserNode") or browser_node.GetScene() != slicer.mrmlScene:
            raise ValueError("A sequence browser is needed. Choose the browser of the cine sequence.")
        name = browser_node.GetName()
        if browser_node.GetNumberOfItems() == 0:
            raise ValueError(f"Sequence browser {name!r} has no frames. Choose the browser of the cine sequence.")
        if browser_node.GetRecordingActive():
            raise ValueError(f"Sequence browser {name!r} is recording. Stop the recording first.")
        for what, node, class_name in (
            ("volume", volume_node, "vtkMRMLVolumeNode"),
            ("segmentation", segmentation_node, "vtkMRMLSegmentationNode"),
        ):
            if not is_a(node, class_name):
                given = node.GetName() if hasattr(node, "GetName") else node
                raise ValueError(f"A {what} that sequence browser {name!r} shows is needed, {given!r} was given.")
        if browser_node.GetSequenceNode(volume_node) is None:
            raise ValueError(
                f"Volume {volume_node.GetName()!r} is not shown by sequence browser {name!r}, which shows "
                f"{_shown(browser_node)}. Choose the volume that the browser shows."
            )
        sequence_node = browser_node.GetSequenceNode(segmentation_node)
        other = slicer.modules.sequences.logic().GetFirstBrowserNodeForProxyNode(segmentation_node)
        if sequence_node is None and other is not None:
            raise ValueError(
                f"Segmentation {segmentation_node.GetName()!r} belongs to sequence browser {other.GetName()!r}, not to "
                f"{name!r}. Choose a segmentation and a volume of the same browser."
            )
        check_transforms(segmentation_node, volume_node)
        walls = tuple(segment_id) if isinstance(segment_id, (list, tuple)) else (segment_id,)
        first = walls[0] if walls else ""
        return cls(
            browser_node, segmentation_node, first, volume_node, pool_id or None, sequence_node, walls, rv_id or None
        )

    @property
    def shown(self) -> int:
        """The frame that the browser shows."""
        return int(self.browser_node.GetSelectedItemNumber())

    @property
    def count(self) -> int:
        """The number of frames."""
        return int(self.browser_node.GetNumberOfItems())

    def called(self, frame: int) -> str:
        """Return the name of a frame in messages."""
        return f"Frame {frame + 1} of {self.count}"

    def chosen(self, frames: Iterable[int] | None) -> list[int]:
        """Return the frames to repair, in their order.

        Args:
            frames: Their numbers, from 0; ``None`` for all, or for the shown frame if only that has a segmentation.

        Raises:
            ValueError: A frame does not exist, none was given, or the segmentation belongs to another frame.
        """
        last = self.count - 1
        given = None if frames is None else list(frames)
        for frame in given or []:
            if isinstance(frame, bool) or not isinstance(frame, (int, np.integer)) or not 0 <= frame <= last:
                name, shown = (
                    self.browser_node.GetName(),
                    frame if isinstance(frame, (int, float, np.number)) else repr(frame),
                )
                raise ValueError(f"Sequence browser {name!r} has no frame {shown}; its frames are 0 to {last}.")
        wanted = None if given is None else sorted({int(frame) for frame in given})
        if wanted == []:
            raise ValueError("No frame was given. Give frame numbers from 0, or None for all frames.")
        if self.sequence_node is not None:
            return list(range(self.count)) if wanted is None else wanted
        if wanted not in (None, [self.shown]):
            raise ValueError(
                f"Segmentation {self.segmentation_node.GetName()!r} is not part of sequence browser "
                f"{self.browser_node.GetName()!r}; it belongs to the shown frame {self.shown} only. Repair only that "
                "frame, or add the segmentation to the sequence in the Sequences module first."
            )
        return [self.shown]

    def index_value(self, frame: int) -> str:
        """Return the index value of a frame, such as its time."""
        return str(self.browser_node.GetMasterSequenceNode().GetNthIndexValue(frame))

    def item(self, frame: int) -> Any:
        """Return the segmentation of a frame in the sequence; ``None`` if it has none."""
        return self.sequence_node.GetDataNodeAtValue(self.index_value(frame), True)

    def copies(self) -> dict[int, Any]:
        """Return copies of the segmentations of all frames that have one, outside the scene and without transform.

        The shown frame is copied from the node in the scene, which may have unsaved edits.
        """
        return {frame: copied(node) for frame, node in self._sources().items()}

    def fingerprints(self) -> dict[int, int]:
        """Return a fingerprint of the segmentation of each frame that has one."""
        return {frame: fingerprint(node) for frame, node in self._sources().items()}

    def _sources(self) -> dict[int, Any]:
        items = {frame: self.item(frame) for frame in range(self.count)}
        return {
            frame: self.segmentation_node if frame == self.shown else item
            for frame, item in items.items()
            if item is not None
        }

    def selection(self, copy: Any, frame: int) -> Selection:
        """Return the selection in one frame of a sequence.

        Args:
            copy: A copy of the segmentation of the frame, see :meth:`copies`.
            frame: The frame.

        Raises:
            ValueError: The frame cannot be read.
        """
        return Selection.create(copy, self.wall_ids, self._volume(frame), self.pool_id, self.rv_id)

    def check(self, frames: Sequence[int], copies: Mapping[int, Any]) -> None:
        """Check that all frames have a volume and the segments, on the grid of their volume.

        Raises:
            ValueError: Some do not; the message lists them.
        """
        for what, there in (
            ("segmentation", [frame for frame in frames if frame in copies]),
            ("volume", [frame for frame in frames if self._volume(frame) is not None]),
        ):
            missing = [frame for frame in frames if frame not in there]
            if missing:
                raise ValueError(
                    f"Sequence browser {self.browser_node.GetName()!r} has no {what} for {_listed(missing)} of "
                    f"{self.count}. Add them, or repair only the frames that have one: {there}."
                )
        problems: dict[str, list[int]] = {}
        for frame in frames:
            try:
                self.selection(copies[frame], frame)
            except ValueError as error:
                problems.setdefault(str(error), []).append(frame)
        for problem, concerned in problems.items():
            raise ValueError(f"{_listed(concerned).capitalize()} of {self.count}: {problem}")

    def _volume(self, frame: int) -> Any:
        sequence = self.browser_node.GetSequenceNode(self.volume_node)
        return None if sequence is None else sequence.GetDataNodeAtValue(self.index_value(frame), True)


def sequences_of(browser_node: Any) -> list[Any]:
    """Return the sequences that a browser plays, the master first."""
    sequences = vtk.vtkCollection()
    browser_node.GetSynchronizedSequenceNodes(sequences, True)
    return [sequences.GetItemAsObject(index) for index in range(sequences.GetNumberOfItems())]


def unify_segments(frames: Mapping[int, Any]) -> None:
    """Give all segmentation nodes the same segments in the same order; missing segments are added without voxels.

    A segment that is missing in some frames confuses Slicer's tables and loses its position and its visibility.
    """
    patterns: dict[str, slicer.vtkSegment] = {}
    for node in frames.values():
        segmentation = node.GetSegmentation()
        for segment_id in segmentation.GetSegmentIDs():
            patterns.setdefault(segment_id, segmentation.GetSegment(segment_id))
    for node in frames.values():
        segmentation = node.GetSegmentation()
        for segment_id in patterns.keys() - set(segmentation.GetSegmentIDs()):
            _add_like(segmentation, segment_id, patterns[segment_id])
        segmentation.ReorderSegments(list(patterns))


def _add_like(segmentation: Any, segment_id: str, pattern: slicer.vtkSegment) -> None:
    added = segmentation.AddEmptySegment(segment_id, pattern.GetName(), pattern.GetColor())
    # Other tags, such as the report of a repair, describe the voxels of the pattern.
    for tag in (slicer.vtkSegment.GetTerminologyEntryTagName(), REVIEW_TAG, REVIEW_OF_TAG):
        value = tag_of(pattern, tag)
        if value is not None:
            segmentation.GetSegment(added).SetTag(tag, value)


def _listed(frames: Sequence[int]) -> str:
    """Return frame numbers as text, counted from 1."""
    numbers = ", ".join(str(frame + 1) for frame in frames[:10])
    more = f" and {len(frames) - 10} more" if len(frames) > 10 else ""
    return f"frame{'' if len(frames) == 1 else 's'} {numbers}{more}"


def _shown(browser_node: Any) -> str:
    proxies = [browser_node.GetProxyNode(sequence) for sequence in sequences_of(browser_node)]
    return ", ".join(repr(proxy.GetName()) for proxy in proxies if proxy is not None) or "nothing"
