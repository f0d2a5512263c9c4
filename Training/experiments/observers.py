"""Bridges judged by two observers: some bridges off the annotated vessels lie on vessels that the other has drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pandas as pd  # type: ignore[import-untyped]
from scipy import ndimage

from rncarefine.anatomy.thinning import thinned
from rncarefine.nca.model import Model
from rncarefine.refine.picture import repair_picture
from rncarefine.refine.tree_metrics import TOLERANCE, bridge_precision
from rncarefine_training.data.sources.pictures import read_mask
from rncarefine_training.evaluate.measure import in_parallel
from rncarefine_training.evaluate.pictures.baselines import b_star
from rncarefine_training.evaluate.pictures.measure import (
    GEOMETRIC,
    REPAIRED,
    Segmented,
    picture_of,
    read_probability,
)

OBSERVERS = ("first", "second", "either")


def second_masks(jobs: Sequence[Segmented], folder: Path) -> list[tuple[Segmented, Path]]:
    """Return the segmentations of photographs that a second observer has annotated, and the masks.

    Args:
        jobs: From :func:`rncarefine_training.evaluate.pictures.measure.segmented`.
        folder: Masks of the second observer, named like the photographs.

    Raises:
        ValueError: The folder has no mask of these photographs.
    """
    masks = {path.stem: path for path in sorted(folder.iterdir()) if path.is_file()}
    found = [(job, masks[job.entry.image.stem]) for job in jobs if job.entry.image.stem in masks]
    if not found:
        raise ValueError(f"{folder} has no mask that is named like one of the {len(jobs)} photographs.")
    return found


def judge_bridges(jobs: Sequence[tuple[Segmented, Path]], model: Model, workers: int = 1) -> Iterator[pd.DataFrame]:
    """Repair every mask, and count its bridges on vessels of either observer.

    Args:
        jobs: From :func:`second_masks`.
        model: Vessel model.
        workers: Number of processes.

    Yields:
        The rows of one picture, for the repair and the geometric baseline: ``network``, ``case``, ``subject``,
        ``method``, ``bridges``, the number on vessels of each of :data:`OBSERVERS`, and ``agreement``: share of the
        second observer's centreline on vessels of the first.
    """
    yield from in_parallel(partial(_judge, model=model), jobs, workers)


def _judge(job: tuple[Segmented, Path], model: Model) -> pd.DataFrame:
    segmented, path = job
    entry = segmented.entry
    picture = picture_of(entry, read_probability(entry.predictions[segmented.network]) >= 0.5)
    first, second = (read_mask(each) & picture.field_of_view for each in (entry.label, path))
    before = picture.mask > 0
    line = thinned(second)
    agreement = float((ndimage.distance_transform_edt(~first)[line] <= TOLERANCE).mean())
    rows = []
    for method, after in ((REPAIRED, repair_picture(picture, model).mask), (GEOMETRIC, b_star(before))):
        scores = [bridge_precision(before, after, truth) for truth in (first, second, first | second)]
        counts = {name: score.true for name, score in zip(OBSERVERS, scores, strict=True)}
        names = {"network": segmented.network, "case": entry.name, "subject": entry.subject, "method": method}
        rows.append({**names, "bridges": scores[0].bridges, **counts, "agreement": agreement})
    return pd.DataFrame(rows)


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one line per network and method, and for all networks: sums of the counts, mean ``agreement``."""
    everything = rows.assign(network="all")
    lines = []
    for (network, method), part in pd.concat([rows, everything]).groupby(["network", "method"], sort=False):
        counts = part[["bridges", *OBSERVERS]].sum()
        line = {"network": network, "method": method, "pictures": len(part)}
        lines.append({**line, **counts, "agreement": part.agreement.mean()})
    return pd.DataFrame(lines)
