"""Check and repair of vessels in a picture: guard, read, compute, write."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer

from rncarefine.nca.card import TUBULAR, ModelCard
from rncarefine.nca.model import Model
from rncarefine.progress import Progress, report_progress, subrange
from rncarefine.refine import picture as engine
from rncarefine.refine.options import RepairOptions
from rncarefine.refine.place_records import PictureReport
from rncarefine.tasks.tubular.picture import Picture

from .nodes.guards import Selection, changed_during, check_destination
from .nodes.scene import unchanged_on_failure
from .nodes.segments import copied, read_segments, write_segment
from .nodes.volume_grid import VolumeGrid
from .nodes.writer import add_to_scene, write_notes
from .review.vessels import VesselReview


def is_picture_volume(volume_node: Any, card: ModelCard | None = None) -> bool:
    """Return whether a volume is a picture: one slice, and in colour or with a model of vessels.

    Args:
        volume_node: A volume node, or ``None``.
        card: The model that is chosen.
    """
    if not is_flat(volume_node):
        return False
    components = volume_node.GetImageData().GetNumberOfScalarComponents()
    return components in (3, 4) or (card is not None and card.task == TUBULAR)


def is_flat(volume_node: Any) -> bool:
    """Return whether a volume has one slice; false for ``None``."""
    image = None if volume_node is None else volume_node.GetImageData()
    return image is not None and image.GetDimensions()[2] == 1


def read_picture_nodes(selection: Selection) -> tuple[Picture, VolumeGrid]:
    """Read the selected nodes as a picture without changing them.

    Args:
        selection: Made with ``picture=True``.

    Returns:
        The picture, and the grid of its volume.

    Raises:
        ValueError: The image is constant or not finite, or the mask does not look like vessels.
    """
    grid = VolumeGrid.of_volume(selection.volume_node)
    mask = read_segments(selection.segmentation_node, [selection.segment_id], grid)[0]
    pixels = slicer.util.arrayFromVolume(selection.volume_node)[0]
    return Picture.create(pixels, mask, name=selection.volume_node.GetName()), grid


def check_vessels(selection: Selection) -> PictureReport:
    """Find broken places in the selected segment; nothing is changed.

    Raises:
        ValueError: The nodes cannot be read; the message names node and remedy.
    """
    return engine.check_picture(read_picture_nodes(selection)[0])


def process_vessels(
    selection: Selection, model: Model, options: RepairOptions, progress: Progress | None = None
) -> VesselReview:
    """Repair the vessels of the selected segment into a new segmentation; on failure nothing is written.

    It has all segments of the input, two further ones with the added and the removed pixels, and a table of places.

    Args:
        selection: Made with ``picture=True``.
        model: A model of vessels.
        options: How to repair.
        progress: Called with the progress; may cancel.

    Returns:
        The review of the result.

    Raises:
        ValueError: The nodes cannot be read; the message names node and remedy.
        Cancelled: ``progress`` returned ``False``. As after any error, the scene is restored.
    """
    check_destination(selection, None, False)
    picture, grid = read_picture_nodes(selection)
    repaired = engine.repair_picture(picture, model, options, subrange(progress, 0.05, 0.9))
    report_progress(progress, 0.9, "Writing the segmentation")
    again = selection.again(picture=True)
    check_destination(again, None, False)
    now, _ = read_picture_nodes(again)
    if not (np.array_equal(now.mask, picture.mask) and np.array_equal(now.image, picture.image)):
        raise changed_during(again)
    with slicer.util.RenderBlocker(), unchanged_on_failure(None, None):
        node = copied(selection.segmentation_node, " repaired")
        write_segment(node, selection.segment_id, repaired.mask[None], grid)
        write_notes(node, selection.segment_id, repaired.added[None], repaired.removed[None], grid)
        node = add_to_scene(node, selection)
        review = VesselReview.begin(node, selection.segment_id, repaired)
        report_progress(progress, 1.0, "Done")
    return review
