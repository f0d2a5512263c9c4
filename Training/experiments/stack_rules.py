"""Limits of the rules about a stack: overlap of masks and images, and the end at which the apex lies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import pandas as pd  # type: ignore[import-untyped]

from rncarefine.anatomy.features import WallFeatures
from rncarefine.anatomy.heart import heart_candidates
from rncarefine.nca.architecture import Architecture
from rncarefine.nca.model import Model
from rncarefine.nca.rollout import Runner
from rncarefine.refine.examine import Examined, wall_features
from rncarefine.refine.locate import locate_heart_in_images
from rncarefine.refine.options import RepairOptions
from rncarefine.refine.repair import MIN_CONTRADICTED, MIN_OVERLAP, apex_in, wall_overlaps
from rncarefine.stack import Mask, Stack
from rncarefine.tasks.ring.diagnosis import apex_end
from rncarefine.words import Apex
from rncarefine_training.evaluate.measure import Failure, in_parallel
from rncarefine_training.evaluate.statistics import Interval


def examine_stacks(
    failures: Sequence[Failure], model: Model, *, device: str = "auto", workers: int = 1
) -> Iterator[pd.DataFrame]:
    """Examine stacks with their own images, and with their images rolled by half the stack.

    Args:
        failures: Segmented stacks of networks.
        model: Weights and card.
        device: See :func:`rncarefine.nca.rollout.choose_device`.
        workers: Number of processes.

    Yields:
        The rows of one stack: ``images`` ("own" or "rolled"), median ``overlap`` of given and image-alone walls (1 if
        too few slices have both), whether the images show the end of the apex (``shown``), and whether the end is right
        with images and masks (``right``), and by the masks alone (``right_by_masks``).
    """
    yield from in_parallel(partial(_examine, model=model, device=device), failures, workers)


def _examine(failure: Failure, model: Model, device: str) -> pd.DataFrame:
    given = failure.load()
    runner, rows = Runner(model.parameters, Architecture.of(model.card.shapes), device), []
    for name, shift in (("own", 0), ("rolled", max(1, len(given.truth) // 2))):
        image = np.roll(given.case.image, shift, axis=0)
        stack = Stack.create(image, given.stack.mask, given.stack.spacing, name=given.stack.name)
        walls = wall_features(stack)
        evidence = locate_heart_in_images(
            stack, heart_candidates(stack.mask, None, stack.in_plane, walls), runner, model
        )
        examined = Examined.of(stack, RepairOptions(), evidence.heart, walls)
        true, masks = (apex_end(_sizes(wall, stack.in_plane)) for wall in (given.truth, examined.focused.mask))
        overlaps = wall_overlaps(examined, evidence)
        shown = apex_in(evidence, stack, Apex.AUTO)
        rows.append(
            {
                "case": given.stack.name,
                "images": name,
                "overlap": float(np.median(overlaps)) if len(overlaps) >= MIN_CONTRADICTED else 1.0,
                "shown": shown is not Apex.AUTO,
                "right": (masks if shown is Apex.AUTO else shown) == true,
                "right_by_masks": masks == true,
            }
        )
    return pd.DataFrame(rows)


def _sizes(walls: Mask, in_plane: tuple[float, float]) -> list[float]:
    return [WallFeatures(wall, in_plane).size_mm2 for wall in walls]


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one line per kind of images: stacks, those in doubt, and those whose apex the images and masks show.

    Args:
        rows: From :func:`examine_stacks`.
    """
    lines = []
    for images, part in rows.groupby("images", sort=False):
        own = images == "own"
        line = {"images": images, "n": len(part), "overlap": part.overlap.median(), "least": part.overlap.min()}
        shares = {"in doubt": part.overlap < MIN_OVERLAP}
        shares |= {"apex shown": part.shown, "right": part.right, "by masks": part.right_by_masks} if own else {}
        lines.append(line | {name: str(Interval(int(hits.sum()), len(part))) for name, hits in shares.items()})
    return pd.DataFrame(lines).round(2).fillna("")
