"""Limits of the rules about a stack: overlap and offset of masks and images, missing walls, and the end of the apex."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
from numpy.typing import NDArray

from rncarefine.anatomy.features import WallFeatures
from rncarefine.anatomy.heart import heart_candidates
from rncarefine.nca.architecture import Architecture
from rncarefine.nca.model import Model
from rncarefine.nca.rollout import Runner
from rncarefine.refine.decide import wall_is_shown
from rncarefine.refine.examine import Examined, wall_features
from rncarefine.refine.locate import ImageEvidence, locate_heart_in_images
from rncarefine.refine.options import RepairOptions
from rncarefine.refine.repair import MIN_CONTRADICTED, MIN_OVERLAP, apex_in, shifted_masks, wall_overlaps
from rncarefine.stack import Mask, Stack
from rncarefine.tasks.ring.diagnosis import apex_end
from rncarefine.words import Apex, Expectation
from rncarefine_training.data.cases import subject_of
from rncarefine_training.evaluate.measure import Failure, LoadedFailure, in_parallel
from rncarefine_training.evaluate.statistics import proportion

NETWORK, REFERENCE = "network", "reference"
OWN, ROLLED, NEXT = "own", "rolled by half the stack", "next slices"
REMOVED = {"two basal walls removed": (0, 2), "two apical walls removed": (-2, None)}


def examine_stacks(
    failures: Sequence[Failure], model: Model, *, device: str = "auto", workers: int = 1
) -> Iterator[pd.DataFrame]:
    """Examine masks of networks and references with their own and with other images, and references without some walls.

    Args:
        failures: Segmented stacks of networks.
        model: Weights and card.
        device: See :func:`rncarefine.nca.rollout.choose_device`.
        workers: Number of processes.

    Yields:
        The rows of one stack: ``masks``, ``images``, median ``overlap`` of given and image-alone walls (1 if too few
        slices have both), whether the masks are taken for those of the next slices (``shifted``), whether a wall is
        missed at an end of the stack (``missed``), whether the images show the end of the apex (``shown``), and whether
        the end is right with images and masks (``right``), and by the masks alone (``right_by_masks``).
    """
    yield from in_parallel(partial(_examine, model=model, device=device), failures, workers)


def _examine(failure: Failure, model: Model, device: str) -> pd.DataFrame:
    given = failure.load()
    runner = Runner(model.parameters, Architecture.of(model.card.shapes), device)
    image, truth, mask = given.case.image, given.truth, given.stack.mask
    rolled = np.roll(image, max(1, len(truth) // 2), axis=0)
    rows = []
    for masks, images, stack, true in (
        (NETWORK, OWN, _stack(given, image, mask), truth),
        (NETWORK, ROLLED, _stack(given, rolled, mask), truth),
        (NETWORK, NEXT, _stack(given, image[1:], mask[:-1]), truth[:-1]),
        (REFERENCE, OWN, _stack(given, image, truth), truth),
        (REFERENCE, NEXT, _stack(given, image[1:], truth[:-1]), truth[:-1]),
    ):
        if not stack.mask.any():
            continue
        walls = wall_features(stack)
        hearts = heart_candidates(stack.mask, None, stack.in_plane, walls)
        evidence = locate_heart_in_images(stack, hearts, runner, model)
        names = {"case": given.stack.name, "masks": masks, "images": images}
        rows.append(names | _row(Examined.of(stack, RepairOptions(), evidence.heart, walls), evidence, true))
        if (masks, images) != (REFERENCE, OWN):
            continue
        used = np.flatnonzero(truth.any(axis=(1, 2)))
        used = used if apex_end(_sizes(truth, stack.in_plane)) is Apex.LAST else used[::-1]
        for name, (start, stop) in REMOVED.items():
            cut = truth.copy()
            cut[used[start:stop]] = 0
            if cut.any():
                examined = Examined.of(_stack(given, image, cut), RepairOptions(), evidence.heart)
                rows.append(names | {"masks": f"{REFERENCE}, {name}"} | _row(examined, evidence, true))
    return pd.DataFrame(rows)


def _stack(given: LoadedFailure, image: NDArray[np.float32], mask: Mask) -> Stack:
    return Stack.create(image, mask, given.stack.spacing, name=given.stack.name)


def _row(examined: Examined, evidence: ImageEvidence, truth: Mask) -> dict[str, object]:
    stack, overlaps = examined.stack, wall_overlaps(examined, evidence)
    true, masks = (apex_end(_sizes(wall, stack.in_plane)) for wall in (truth, examined.focused.mask))
    shown = apex_in(evidence, stack, Apex.AUTO)
    ends = [entry.k for entry in examined.diagnosis.slices if entry.expectation is Expectation.EMPTY]
    return {
        "overlap": float(np.median(overlaps)) if len(overlaps) >= MIN_CONTRADICTED else 1.0,
        "shifted": bool(shifted_masks(examined, evidence)),
        "missed": any(wall_is_shown(examined, evidence, k) for k in ends),
        "shown": shown is not Apex.AUTO,
        "right": (masks if shown is Apex.AUTO else shown) == true,
        "right_by_masks": masks == true,
    }


def _sizes(walls: Mask, in_plane: tuple[float, float]) -> list[float]:
    return [WallFeatures(wall, in_plane).size_mm2 for wall in walls]


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one line per kind of masks and images: stacks, those in doubt, and those whose apex is recognised.

    Args:
        rows: From :func:`examine_stacks`.
    """
    lines = []
    for (masks, images), part in rows.groupby(["masks", "images"], sort=False):
        part = part if masks == NETWORK else part.drop_duplicates("case")
        line = {"masks": masks, "images": images, "n": len(part)}
        line |= {"overlap": part.overlap.median(), "least": part.overlap.min()}
        shares = {"in doubt": part.overlap < MIN_OVERLAP, "shifted": part.shifted, "wall missed": part.missed}
        if (masks, images) == (NETWORK, OWN):
            shares |= {"apex shown": part.shown, "right": part.right, "by masks": part.right_by_masks}
        subjects = part.case.map(subject_of)
        lines.append(line | {name: proportion(hits, subjects).percent for name, hits in shares.items()})
    return pd.DataFrame(lines).round(2).fillna("")
