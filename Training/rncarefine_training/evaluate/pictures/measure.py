"""Repair vessel segmentations with a model and every baseline: one row per picture and method."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
from numpy.typing import NDArray
from scipy import ndimage

from rncarefine.nca.architecture import Architecture
from rncarefine.nca.model import Model
from rncarefine.nca.rollout import Runner
from rncarefine.refine.options import RepairOptions
from rncarefine.refine.picture import repair_picture
from rncarefine.refine.picture_metrics import evaluate_picture
from rncarefine.refine.tree_metrics import ON_VESSEL, TOLERANCE
from rncarefine.tasks.tubular.bridges import bridge_confidence, bridge_features, candidates
from rncarefine.tasks.tubular.picture import Picture
from rncarefine.tasks.tubular.pieces import Pieces
from rncarefine.tasks.tubular.settings import Settings
from rncarefine.tasks.tubular.windows import likelihood

from ...data.sources.entry import Entry
from ...data.sources.pictures import read_image, read_mask
from ..measure import in_parallel
from .baselines import b_star, hysteresis

Bools = NDArray[np.bool_]
INPUT, REPAIRED, ONE_PASS_EDITS = "input", "RNCARefine", "one pass, verified edits"
ONE_PASS, IMAGE_ALONE, GEOMETRIC, HYSTERESIS = "one pass, B*", "image alone, B*", "B*", "hysteresis, B*"
METHODS = (INPUT, GEOMETRIC, HYSTERESIS, IMAGE_ALONE, ONE_PASS, ONE_PASS_EDITS, REPAIRED)
"""Methods in the order of the table. One pass: evidence without a rollout, thresholded and post-processed by B*, or
with verified edits. Image alone: evidence without the mask."""


@dataclass(frozen=True)
class Segmented:
    """Segmentation of one picture by one network.

    Attributes:
        entry: Picture.
        network: Name of the network.
    """

    entry: Entry
    network: str


def segmented(entries: Iterable[Entry], networks: Iterable[str], subjects: Iterable[str]) -> list[Segmented]:
    """Return the segmentations of subjects by networks.

    Raises:
        ValueError: There are no segmentations.
    """
    wanted, listed = set(subjects), list(entries)
    found = [
        Segmented(entry, network)
        for network in networks
        for entry in listed
        if entry.subject in wanted and network in entry.predictions
    ]
    if not found:
        raise ValueError("No network of the configuration (predictions.test) segmented a picture of these subjects.")
    return found


def evaluate_pictures(
    jobs: Sequence[Segmented], model: Model, workers: int = 1
) -> Iterable[tuple[pd.DataFrame, pd.DataFrame]]:
    """Repair every segmentation with every method.

    Args:
        jobs: From :func:`segmented`.
        model: Model to evaluate.
        workers: Number of processes.

    Yields:
        The rows of one picture: ``site``, ``network``, ``case``, ``subject``, ``method``, ``sha256``, the metrics of
        :class:`~rncarefine.refine.picture_metrics.PictureMetrics`, ``unlike`` (by the domain gate) and ``seconds``. And
        one row per candidate bridge: ``site``, ``network``, ``case``, the columns of :func:`candidate_bridges`, and
        ``confidence``.
    """
    yield from in_parallel(partial(_rows, model=model), jobs, workers)


def picture_of(entry: Entry, mask: Bools) -> Picture:
    """Return the photograph of an entry with a mask to repair, limited to the field of view."""
    fov = None if entry.field_of_view is None else read_mask(entry.field_of_view)
    inside = mask if fov is None else mask & fov
    return Picture.create(read_image(entry.image), inside, fov, name=entry.name)


def read_probability(path: Path) -> NDArray[np.float32]:
    """Read a probability map or mask, 0 to 1, shape ``(j, i)``."""
    values = read_image(path)
    values = values[..., 0] if values.ndim == 3 else values
    return np.asarray(values / (255 if values.max() > 1 else 1), np.float32)


def candidate_bridges(
    picture: Picture, pieces: Pieces, field: NDArray[np.float32], settings: Settings, entry: Entry
) -> list[dict[str, Any]]:
    """Return the features of all candidate bridges, with ``subject``, ``fragment`` (leads to one) and ``true``.

    Args:
        picture: Picture with the mask to repair.
        pieces: Pieces of the mask.
        field: Vessel likelihood, shape ``(j, i)``.
        settings: Settings of the model.
        entry: Photograph with the truth.
    """
    limits, grey = settings.limits_at(picture.diameter), picture.grey(settings.channel, settings.polarity)
    found = candidates(pieces, field, picture.away_from_rim, limits, settings.join_likelihood)
    loose = pieces.fragments(limits.keep_px)
    distance = ndimage.distance_transform_edt(~read_mask(entry.label))
    return [
        {
            **features,
            "subject": entry.subject,
            "fragment": bool(loose[list(each.pieces)].any()),
            "true": is_true(each.path, distance),
        }
        for each, features in zip(found, bridge_features(found, pieces, field, grey, limits), strict=True)
    ]


def is_true(path: NDArray[np.int64], distance: NDArray[np.float64]) -> bool:
    """Return whether a bridge lies on a true vessel.

    Args:
        path: Centreline, ``(j, i)``, shape ``(n, 2)``.
        distance: Distance of every pixel to the nearest true vessel, shape ``(j, i)``.
    """
    return bool((distance[path[:, 0], path[:, 1]] <= TOLERANCE).mean() >= ON_VESSEL)


def _rows(job: Segmented, model: Model) -> tuple[pd.DataFrame, pd.DataFrame]:
    probability = read_probability(job.entry.predictions[job.network])
    picture = picture_of(job.entry, probability >= 0.5)
    field_of_view = picture.field_of_view
    truth = read_mask(job.entry.label) & field_of_view
    repaired = repair_picture(picture, model, RepairOptions())
    masks = {INPUT: picture.mask > 0, REPAIRED: repaired.mask > 0, GEOMETRIC: b_star(picture.mask > 0)}
    if len(np.unique(probability)) > 2:
        masks[HYSTERESIS] = hysteresis(np.where(field_of_view, probability, 0))
    runner = Runner(model.parameters, Architecture.of(model.card.shapes), "auto")
    empty = picture_of(job.entry, np.zeros_like(field_of_view))
    evidence, alone = (
        likelihood(each, model, runner, steps=0, everywhere=True, image_weight=0.0) for each in (picture, empty)
    )
    weight = Settings.of(model.card).image_weight
    mixed = ((1 - weight) * evidence + weight * alone).astype(np.float32)
    masks[ONE_PASS], masks[IMAGE_ALONE] = b_star(evidence > 0.5, fill=False), b_star(alone > 0.5, fill=False)
    masks[ONE_PASS_EDITS] = repair_picture(picture, model, RepairOptions(), likelihood=mixed).mask > 0
    names = {"site": job.entry.image.parent.parent.name, "network": job.network, "case": job.entry.name}
    rows = []
    for method in (method for method in METHODS if method in masks):
        found = evaluate_picture(masks[method] & field_of_view, truth, before=picture.mask)
        rows.append(
            {
                **names,
                "subject": job.entry.subject,
                "method": method,
                "sha256": model.card.sha256,
                **found.__dict__,
                "true_bridges": round(found.bridges * found.bridge_precision) if found.bridges else 0,
                "unlike": method == REPAIRED and repaired.report.unlike_training,
                "seconds": repaired.report.run.seconds if method == REPAIRED else float("nan"),
            }
        )
    settings = Settings.of(model.card)
    found_bridges = candidate_bridges(picture, Pieces.of(picture.mask), repaired.likelihood, settings, job.entry)
    bridges = [
        {**names, **each, "confidence": bridge_confidence(each, settings.bridge_confidence)} for each in found_bridges
    ]
    return pd.DataFrame(rows), pd.DataFrame(bridges)
