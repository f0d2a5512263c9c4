"""The plug-in of Slicer's Segment Statistics that adds rings, gaps and Betti numbers to its table.

Slicer imports this file when it starts: numerical packages are imported in functions.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import slicer
from SegmentStatisticsPlugins import SegmentStatisticsPluginBase
from slicer.i18n import tr as _

if TYPE_CHECKING:
    from rncarefine.stack import Mask
    from rncarefine.words import Finding

Spacing = tuple[float, float, float]

MAX_SLICES = 60
MAX_AREA_MM2 = 10_000.0
"""Area of the segment in a slice: at most 4,118 mm2 in ACDC."""
MAX_PARTS = 100
"""Components and holes in one slice: at most 2 in ACDC."""
MAX_VOXELS = 400_000
"""Voxels of the segment: at most 29,696 in ACDC."""
# A segment beyond any of these limits is not a short-axis wall: its slices are counted, but no ring is expected.
# Judging a wall takes seconds at most, judging a body in CT would take minutes.


@dataclass(frozen=True)
class Measurement:
    """Definition of a table column.

    Attributes:
        key: Machine-readable name.
        name: Heading of the column in a file, with the unit, in English.
        title: Heading on screen, translated.
        description: Definition on screen, translated.
        units: "g", "deg", "mm", or nothing for a number of things.
        quantity: DICOM code of what is measured: value, scheme and meaning.
        default: Computed by the plug-in unless it is switched off.
    """

    key: str
    name: str
    title: str
    description: str
    units: str = ""
    quantity: tuple[str, str, str] = ("", "", "")
    default: bool = True


_UNIT_CODES = {"": ("1", "no units"), "deg": ("deg", "Degree"), "g": ("g", "gram"), "mm": ("mm", "millimeter")}
"""UCUM code and its meaning."""


def measurements() -> list[Measurement]:
    """Return the columns, in the order in which the table shows them."""
    return [
        Measurement(
            "slices",
            "Slices",
            _("Slices"),
            _("Slices with voxels: those of the scalar volume if one is chosen, else those of the segmentation."),
        ),
        Measurement(
            "expected_ring_slices",
            "Expected ring slices",
            _("Expected rings"),
            _(
                "Slices that should be closed rings: all from the first to the last with voxels, except solid discs at "
                "the apical end and up to two basal slices that are open. Judged by this segment alone; none in a "
                "segment that is too large or too ragged to be a short-axis wall: of more than {slices} slices, or "
                "with more than {area} mm2, or {parts} components and holes, in one slice, or {voxels} voxels in all."
            ).format(slices=MAX_SLICES, area=round(MAX_AREA_MM2), parts=MAX_PARTS, voxels=MAX_VOXELS),
        ),
        Measurement(
            "ring_slices",
            "Ring slices",
            _("Rings"),
            _("Slices in which the segment is one closed wall around one cavity (b0 = 1, b1 = 1)."),
        ),
        Measurement(
            "open_slices",
            "Open slices",
            _("Open slices"),
            _("Slices in which the segment is one component with a gap; at the base this may be the outflow tract."),
        ),
        Measurement(
            "fragmented_slices",
            "Fragmented slices",
            _("Fragmented slices"),
            _("Slices in which the segment is in several components (b0 > 1)."),
        ),
        Measurement(
            "porous_slices",
            "Porous slices",
            _("Porous slices"),
            _("Slices in which the segment is one component with more than one hole, or with a pore only."),
            default=False,
        ),
        Measurement(
            "disc_slices",
            "Disc slices",
            _("Discs"),
            _("Slices in which the segment is one solid, round component."),
            default=False,
        ),
        Measurement(
            "empty_slices",
            "Empty slices",
            _("Empty slices"),
            _("Slices without voxels between slices that have some."),
            default=False,
        ),
        Measurement(
            "largest_gap_deg",
            "Largest gap deg",
            _("Largest gap"),
            _(
                "Angle of the widest gap in the wall, seen from its centre, in the slices that should be rings. "
                "Components away from the heart's axis and slices without wall are not measured; "
                "0 if the wall is closed."
            ),
            units="deg",
            quantity=("1483009", "SCT", "Angle"),
        ),
        Measurement(
            "largest_gap_mm",
            "Largest gap mm",
            _("Largest gap"),
            _("Straight distance between the two ends of the gap with the largest angle."),
            units="mm",
            quantity=("121206", "DCM", "Distance"),
        ),
        Measurement(
            "b0_max",
            "b0 max",
            _("Largest b0 of a slice"),
            _("Largest number of components in a slice, 8-connected."),
        ),
        Measurement(
            "b1_max",
            "b1 max",
            _("Largest b1 of a slice"),
            _("Largest number of holes in a slice, 4-connected background."),
        ),
        Measurement(
            "b0_3d",
            "b0 3D",
            _("b0 in 3D"),
            _("Components of the whole segment, 26-connected."),
            default=False,
        ),
        Measurement(
            "b1_3d",
            "b1 3D",
            _("b1 in 3D"),
            _("Tunnels through the whole segment; 1 for a left ventricle that is open at the base and at the apex."),
            default=False,
        ),
        Measurement(
            "b2_3d",
            "b2 3D",
            _("b2 in 3D"),
            _("Cavities enclosed by the segment, 6-connected background."),
            default=False,
        ),
        Measurement(
            "mass_g",
            "Myocardial mass g",
            _("Myocardial mass"),
            _("Volume of the segment times the density of myocardium, 1.05 g/ml."),
            units="g",
            quantity=("118538004", "SCT", "Mass"),
        ),
    ]


def wall_statistics(mask: Mask, spacing: Spacing, requested: Collection[str]) -> dict[str, int | float]:
    """Return the requested measurements of a segment, by key.

    Counts are always returned because Slicer has no empty cells in integer columns; a gap only if a ring is expected in
    some slice.

    Args:
        mask: Shape ``(k, j, i)``, zero and non-zero. In a mask that cannot be a short-axis wall, no ring is expected
            and no 3D value computed.
        spacing: mm along ``(k, j, i)``.
        requested: Keys of :func:`measurements`.
    """
    from scipy import ndimage

    from rncarefine.anatomy.topology import betti_2d, betti_3d
    from rncarefine.refine.metrics import lv_mass_g
    from rncarefine.tasks.ring.diagnosis import diagnose_mask
    from rncarefine.words import Expectation, Finding

    window = ndimage.find_objects((mask != 0).astype("uint8"))
    # One empty slice for an empty mask: every count is then 0.
    wall = (mask[window[0]] if window else mask[:1]) != 0
    parts = [betti_2d(one) for one in wall]
    judged = _may_be_wall(wall, spacing, parts)
    slices = diagnose_mask(wall, None, spacing).slices if judged else []
    findings = [entry.finding for entry in slices] if judged else _findings(wall, spacing, parts)
    rings = [entry for entry in slices if entry.expectation is Expectation.RING]
    values: dict[str, int | float] = {
        "slices": len(findings) - findings.count(Finding.EMPTY),
        "expected_ring_slices": len(rings),
        "ring_slices": findings.count(Finding.RING),
        "open_slices": findings.count(Finding.OPEN),
        "fragmented_slices": findings.count(Finding.FRAGMENTED),
        "porous_slices": findings.count(Finding.POROUS),
        "disc_slices": findings.count(Finding.DISC),
        "empty_slices": findings.count(Finding.EMPTY) if window else 0,
        "b0_max": max(b0 for b0, _ in parts),
        "b1_max": max(b1 for _, b1 in parts),
        "mass_g": lv_mass_g(wall, spacing),
    }
    gaps = _gaps(wall, spacing, [entry.k for entry in rings if entry.finding is not Finding.RING])
    if judged and findings.count(Finding.RING):
        gaps.append((0.0, 0.0))
    if gaps:
        values["largest_gap_deg"], values["largest_gap_mm"] = max(gaps)
    in_3d = ("b0_3d", "b1_3d", "b2_3d")
    if not set(in_3d).isdisjoint(requested):
        values.update(zip(in_3d, betti_3d(wall) if judged else (0, 0, 0), strict=True))
    return {key: values[key] for key in requested if key in values}


def _may_be_wall(wall: Mask, spacing: Spacing, parts: list[tuple[int, int]]) -> bool:
    """Whether a segment may be a short-axis wall, by its size and the components and holes of each slice."""
    voxels = wall.sum(axis=(1, 2))
    return (
        len(wall) <= MAX_SLICES
        and int(voxels.sum()) <= MAX_VOXELS
        and float(voxels.max()) * spacing[1] * spacing[2] <= MAX_AREA_MM2
        and max(map(sum, parts)) <= MAX_PARTS
    )


def _findings(wall: Mask, spacing: Spacing, parts: list[tuple[int, int]]) -> list[Finding | None]:
    """Return the finding of each slice of a segment that is not a short-axis wall, as for one.

    The shape of a slice that is itself beyond the limits is not computed, which would take minutes: if it is neither
    fragmented nor porous, its finding is ``None``.
    """
    from rncarefine.anatomy.features import SliceFeatures
    from rncarefine.words import Finding

    found: list[Finding | None] = []
    for one, (b0, b1) in zip(wall, parts, strict=True):
        features = SliceFeatures.of(one, None, (spacing[1], spacing[2]))
        if _may_be_wall(one[None], spacing, [(b0, b1)]):
            found.append(Finding.RING if features.islands else features.finding)
        else:
            found.append(Finding.FRAGMENTED if b0 > 1 else Finding.POROUS if b1 > 1 else None)
    return found


def _gaps(wall: Mask, spacing: Spacing, slices: list[int]) -> list[tuple[float, float]]:
    """Return angle in degrees and width in mm of the gap in each of these slices that has wall near the heart's axis.

    Components on other organs are excluded, because they would give a gap of half a body.
    """
    from rncarefine.anatomy.heart import locate_heart, near_heart
    from rncarefine.anatomy.topology import gap

    if not slices or not wall.any():
        return []
    in_plane = spacing[1], spacing[2]
    near = near_heart(wall, locate_heart(wall, None, in_plane), in_plane)
    found = [gap(near[k], in_plane) for k in slices if near[k].any()]
    return [(entry.angle_deg, entry.width_mm) for entry in found]


def segment_voxels(segmentation_node: Any, segment_id: str, volume_node: Any = None) -> tuple[Mask, Spacing]:
    """Return the voxels of a segment and their spacing.

    Args:
        segmentation_node: A segmentation that has binary label maps.
        segment_id: An existing segment.
        volume_node: Sample the segment on the grid of this volume, under any transforms; on the grid of the segment's
            own label map if not given.

    Returns:
        Mask of shape ``(k, j, i)``, and mm along ``(k, j, i)``.
    """
    import numpy as np
    from vtk.util.numpy_support import vtk_to_numpy

    labelmap = slicer.vtkOrientedImageData()
    segmentation_node.GetBinaryLabelmapRepresentation(segment_id, labelmap)
    if labelmap.IsEmpty():
        return np.zeros((1, 1, 1), np.uint8), (1.0, 1.0, 1.0)
    if volume_node is not None:
        labelmap = _resampled(labelmap, segmentation_node, volume_node)
    i0, i1, j0, j1, k0, k1 = labelmap.GetExtent()
    voxels = vtk_to_numpy(labelmap.GetPointData().GetScalars())
    i, j, k = labelmap.GetSpacing()
    return voxels.reshape(k1 - k0 + 1, j1 - j0 + 1, i1 - i0 + 1), (k, j, i)


def _resampled(labelmap: Any, segmentation_node: Any, volume_node: Any) -> Any:
    """Return a label map in the space of a segmentation on the grid of a volume, nearest neighbour."""
    import vtk

    from .nodes.volume_grid import VolumeGrid

    reference = VolumeGrid.of_volume(volume_node).geometry()
    between = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(
        segmentation_node.GetParentTransformNode(), volume_node.GetParentTransformNode(), between
    )
    result = slicer.vtkOrientedImageData()
    resample = slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage
    if not resample(labelmap, reference, result, False, False, between):
        raise RuntimeError(
            f"A segment of {segmentation_node.GetName()!r} could not be sampled on the grid of volume "
            f"{volume_node.GetName()!r}; see the log."
        )
    return result


class RNCARefineSegmentStatisticsPlugin(SegmentStatisticsPluginBase):
    """Counts the slices in which a segment is a closed ring."""

    def __init__(self) -> None:
        super().__init__()
        self.name = "Wall Topology"
        self.title = _("Wall Topology")
        self._measurements = {item.key: item for item in measurements()}
        self.keys = list(self._measurements)
        self.defaultKeys = [item.key for item in self._measurements.values() if item.default]

    def setDefaultParameters(self, parameterNode: Any, overwriteExisting: bool = False) -> None:
        """Disable the plug-in by default: most segments are not short-axis walls."""
        enabled = f"{type(self).__name__}.enabled"
        if not parameterNode.GetParameter(enabled):
            parameterNode.SetParameter(enabled, str(False))
        super().setDefaultParameters(parameterNode, overwriteExisting)

    def computeStatistics(self, segmentID: str) -> dict[str, int | float]:
        """Return the requested measurements of a segment by key; nothing if there are no binary label maps."""
        requested = self.getRequestedKeys()
        parameters = self.getParameterNode()
        node = slicer.mrmlScene.GetNodeByID(parameters.GetParameter("Segmentation"))
        binary = slicer.vtkSegmentationConverter.GetBinaryLabelmapRepresentationName()
        if not requested or not node.GetSegmentation().ContainsRepresentation(binary):
            return {}
        volume = slicer.mrmlScene.GetNodeByID(parameters.GetParameter("ScalarVolume"))
        if volume is not None and volume.GetImageData() is None:
            volume = None
        return wall_statistics(*segment_voxels(node, segmentID, volume), requested)

    def getMeasurementInfo(self, key: str) -> dict[str, Any] | None:
        """Return name, title, description, units and DICOM codes of a measurement; ``None`` for a foreign key."""
        if key not in self._measurements:
            return None
        item = self._measurements[key]
        code, meaning = _UNIT_CODES[item.units]
        return dict(
            self.createMeasurementInfo(
                name=item.name,
                title=item.title,
                description=item.description,
                units=item.units,
                quantityDicomCode=self.createCodedEntry(*item.quantity, True),
                unitsDicomCode=self.createCodedEntry(code, "UCUM", meaning, True),
            )
        )


def register() -> None:
    """Add the plug-in to Segment Statistics.

    Raises:
        ModuleNotFoundError: This Slicer has no Segment Statistics.
    """
    from SegmentStatistics import SegmentStatisticsLogic

    SegmentStatisticsLogic.registerPlugin(RNCARefineSegmentStatisticsPlugin())
