"""Guards: invalid input is refused before anything changes, with the name of the node and the remedy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import slicer

from .segments import labelmap_of
from .volume_grid import VolumeGrid


@dataclass(frozen=True, eq=False)
class Selection:
    """Nodes and segments to repair.

    Attributes:
        segmentation_node: The segmentation.
        segment_id: The myocardium in it; new voxels go here.
        volume_node: The image it was drawn on.
        pool_id: The blood pool in it, or ``None``.
        rv_id: The right ventricle in it, or ``None``; only for the AHA segments in the report.
        more_ids: Further segments that form one wall with the myocardium, such as scar; they keep their voxels.
    """

    segmentation_node: slicer.vtkMRMLSegmentationNode
    segment_id: str
    volume_node: slicer.vtkMRMLScalarVolumeNode
    pool_id: str | None = None
    rv_id: str | None = None
    more_ids: tuple[str, ...] = ()

    @property
    def wall_ids(self) -> tuple[str, ...]:
        """All segments of the wall; new voxels go to the first."""
        return (self.segment_id, *self.more_ids)

    @classmethod
    def create(
        cls,
        segmentation_node: Any,
        segment_id: Any,
        volume_node: Any,
        pool_id: Any = None,
        rv_id: Any = None,
        *,
        picture: bool = False,
    ) -> Selection:
        """Check nodes and segments and return the selection.

        Args:
            segmentation_node: The segmentation.
            segment_id: ID of the myocardium, or several IDs of segments that form the wall together.
            volume_node: The image it was drawn on.
            pool_id: ID of the blood pool, if there is one.
            rv_id: ID of the right ventricle, if there is one.
            picture: Whether the image is a picture of vessels, in grey or in colour, and not a stack.

        Raises:
            ValueError: The nodes or segments cannot be read, or do not belong together.
        """
        _check_segmentation(segmentation_node)
        _check_volume(volume_node, picture)
        check_transforms(segmentation_node, volume_node)
        walls = tuple(dict.fromkeys(segment_id)) if isinstance(segment_id, (list, tuple)) else (segment_id,)
        for wall in walls or (None,):
            _check_segment(segmentation_node, wall, "vessel" if picture else "myocardium")
        if pool_id:
            _check_segment(segmentation_node, pool_id, "blood pool")
            if pool_id in walls:
                raise ValueError(f"Segment {pool_id!r} was given as myocardium and as blood pool. Choose two segments.")
        if rv_id:
            _check_segment(segmentation_node, rv_id, "right-ventricle")
            if rv_id in (*walls, pool_id):
                raise ValueError(
                    f"Segment {rv_id!r} was given as right ventricle and as myocardium or blood pool. Choose another."
                )
        selection = cls(segmentation_node, walls[0], volume_node, pool_id or None, rv_id or None, walls[1:])
        for chosen in filter(None, (*walls, pool_id, rv_id)):
            _check_lattice(segmentation_node, chosen, volume_node)
        return selection

    def again(self, *, picture: bool = False) -> Selection:
        """Check the same selection again and return it.

        Args:
            picture: As in :meth:`create`.

        Raises:
            ValueError: The nodes have changed, so that they can no longer be read.
        """
        nodes = self.segmentation_node, self.wall_ids, self.volume_node
        return Selection.create(*nodes, self.pool_id, self.rv_id, picture=picture)


def check_destination(selection: Selection, output_node: Any, in_place: bool) -> None:
    """Check the destination of the result.

    Args:
        selection: Nodes and segments to repair.
        output_node: A segmentation node to overwrite, or ``None`` for a new one.
        in_place: Whether the input itself is changed.

    Raises:
        ValueError: The arguments contradict each other, or a node is not in the scene.
    """
    for node in (selection.segmentation_node, selection.volume_node, output_node):
        if node is not None and node.GetScene() != slicer.mrmlScene:
            raise ValueError(f"{_begin(node)} is not in the scene. Add it to the scene first.")
    if output_node is None:
        return
    if not is_a(output_node, "vtkMRMLSegmentationNode"):
        raise ValueError(
            f"{_begin(output_node)} cannot take the result. Give a segmentation node, or none for a new one."
        )
    if in_place:
        raise ValueError(f"inPlace and an output node, {_named(output_node)}, were both given. Give only one of them.")
    if output_node == selection.segmentation_node:
        raise ValueError(
            f"{_begin(output_node)} is input and output. Give another output node, none for a new one, "
            "or inPlace=True to change the input itself."
        )


def changed_during(selection: Selection) -> ValueError:
    """Return the error for nodes that were changed during the repair, whose changes would be lost."""
    return ValueError(
        f"{_begin(selection.segmentation_node)} or {_named(selection.volume_node)} was changed during the repair. "
        "Nothing was written; repair it again."
    )


def _check_segmentation(node: Any) -> None:
    if not is_a(node, "vtkMRMLSegmentationNode"):
        raise ValueError(f"A segmentation is needed, {_named(node)} was given. Choose a segmentation node.")
    segmentation = node.GetSegmentation()
    if segmentation is None or segmentation.GetNumberOfSegments() == 0:
        raise ValueError(f"{_begin(node)} has no segments. Segment the myocardium first.")
    source = segmentation.GetSourceRepresentationName()
    wanted = slicer.vtkSegmentationConverter.GetBinaryLabelmapRepresentationName()
    if source != wanted:
        raise ValueError(
            f"The source representation of {_named(node)} is {source!r}, the repair needs {wanted!r}. "
            "In the Segmentations module, under Representations, create the binary labelmap and make it the source."
        )
    for segment_id in segmentation.GetSegmentIDs():
        if segmentation.GetSegment(segment_id).GetRepresentation(wanted) is None:
            raise ValueError(
                f"The binary labelmap of segment {segment_id!r} of {_named(node)} was removed. Load the segmentation "
                "again, or undo the removal."
            )


def _check_volume(node: Any, picture: bool = False) -> None:
    if not is_a(node, "vtkMRMLScalarVolumeNode"):
        raise ValueError(f"A volume is needed, {_named(node)} was given. Choose the image that was segmented.")
    if node.IsA("vtkMRMLLabelMapVolumeNode"):
        raise ValueError(f"{_begin(node)} is a label map. Choose the image that was segmented.")
    image = node.GetImageData()
    if image is None or image.GetNumberOfPoints() == 0:
        raise ValueError(f"{_begin(node)} has no voxels. Load the image again.")
    components = image.GetNumberOfScalarComponents()
    if picture:
        if image.GetDimensions()[2] != 1:
            raise ValueError(
                f"{_begin(node)} has {image.GetDimensions()[2]} slices, vessels are repaired in a single picture. "
                "Choose a photograph or one slice; vessels in 3D are not repaired."
            )
        return
    if components != 1:
        picture = image.GetDimensions()[2] == 1
        remedy = "Repair vessels in a picture with the module." if picture else "Choose a single frame."
        raise ValueError(
            f"{_begin(node)} has {components} values per voxel, the repair of the myocardium needs a scalar volume. "
            f"{remedy}"
        )


def check_transforms(segmentation_node: Any, volume_node: Any) -> None:
    """Check that both nodes are under the same linear transform, or under none.

    Raises:
        ValueError: They are under different transforms, or under a non-linear one.
    """
    transform, other = segmentation_node.GetParentTransformNode(), volume_node.GetParentTransformNode()
    if transform != other:
        names = " and ".join(_named(node) if node else "no transform" for node in (transform, other))
        raise ValueError(
            f"{_begin(segmentation_node)} and {_named(volume_node)} are under different transforms ({names}). "
            "Use the same transform for both, or harden the transforms in the Transforms module."
        )
    if transform is not None and not transform.IsTransformToWorldLinear():
        raise ValueError(
            f"{_begin(segmentation_node)} and {_named(volume_node)} are under the non-linear {_named(transform)}. "
            "Remove the transform from both, and repair before warping."
        )


def _check_segment(node: Any, segment_id: Any, role: str) -> None:
    segmentation = node.GetSegmentation()
    known = list(segmentation.GetSegmentIDs())
    if segment_id in known:
        return
    listed = ", ".join(f"{known_id!r} ({segmentation.GetSegment(known_id).GetName()})" for known_id in known)
    raise ValueError(f"{_begin(node)} has no {role} segment with the ID {segment_id!r}. Its segments: {listed}.")


def _check_lattice(node: Any, segment_id: str, volume_node: Any) -> None:
    labelmap = labelmap_of(node, segment_id)
    if labelmap is not None and not VolumeGrid.of_volume(volume_node).holds(labelmap):
        raise ValueError(
            f"Segment {segment_id!r} of {_named(node)} lies on another voxel grid than {_named(volume_node)}; "
            "resampling would change slices that need no repair. Choose the volume it was drawn on, or, "
            "in Segment Editor, set the geometry of the segmentation to this volume."
        )


def is_a(node: Any, class_name: str) -> bool:
    """Whether an argument of any type is a node of this class."""
    return hasattr(node, "IsA") and bool(node.IsA(class_name))


def _begin(node: Any) -> str:
    """Return kind and name of a node, capitalized for the beginning of a sentence."""
    name = _named(node)
    return name[:1].upper() + name[1:]


def _named(node: Any) -> str:
    """Return kind and name of a node."""
    if node is None:
        return "nothing"
    if not hasattr(node, "GetNodeTagName"):
        return repr(node)
    kinds = {
        "vtkMRMLSegmentationNode": "segmentation",
        "vtkMRMLVolumeNode": "volume",
        "vtkMRMLTransformNode": "transform",
    }
    kind = next((kind for class_name, kind in kinds.items() if node.IsA(class_name)), "node")
    return f"{kind} {node.GetName()!r}"
