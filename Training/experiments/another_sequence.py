"""Generalisation: segment and repair stacks of a sequence that base networks were not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import SimpleITK as sitk
from scipy.ndimage import distance_transform_edt

from rncarefine.nca.model import Model
from rncarefine.refine.repair import RepairOptions, repair
from rncarefine_training.config import Config
from rncarefine_training.data.cases import MYOCARDIUM, POOL, TrainingCase, save_prediction
from rncarefine_training.evaluate.measure import Failure, failures_of
from rncarefine_training.evaluate.statistics import mean
from rncarefine_training.networks.base import load_network, predict

IMAGE, TRUTH = "image.nii.gz", "gt.nii.gz"
BRIGHT = 0.2
"""Share of the true wall that counts as its brightest part."""
BORDER, LEAST = 1.5, 20
"""Pixels at most this far inside the true wall do not count, since they hold some of the bright pool; least number of
the others."""


def read_stacks(source: Path, cases: Path) -> list[TrainingCase]:
    """Read labelled stacks and write them as cases.

    Args:
        source: Folder with one folder per subject, each with :data:`IMAGE` and :data:`TRUTH` (2 myocardium, 3 LV
            cavity; other labels are ignored).
        cases: Output folder for the cases.

    Raises:
        ValueError: There are no such folders.
    """
    folders = sorted(path.parent for path in source.glob(f"*/{IMAGE}") if (path.parent / TRUTH).is_file())
    if not folders:
        raise ValueError(
            f"{source} has no folders with {IMAGE} and {TRUTH}. Use the folder that contains the subjects."
        )
    cases.mkdir(parents=True, exist_ok=True)
    found = []
    for folder in folders:
        image, truth = (sitk.ReadImage(str(folder / name)) for name in (IMAGE, TRUTH))
        labels = sitk.GetArrayFromImage(truth)
        kept = np.where(np.isin(labels, (MYOCARDIUM, POOL)), labels, 0).astype(np.uint8)
        i, j, k = image.GetSpacing()
        subject = folder.name.replace("_", "")
        pixels = sitk.GetArrayFromImage(image).astype(np.float32)
        found.append(TrainingCase(f"{subject}_stack", subject, pixels, kept, (k, j, i)))
        found[-1].save(cases)
    return found


def segment(found: list[TrainingCase], config: Config, networks: Path, kinds: list[str], folder: Path) -> list[Failure]:
    """Segment stacks with the last snapshot of the first member of base networks.

    Args:
        found: From :func:`read_stacks`.
        config: Training configuration of the base networks.
        networks: Folder of the base networks.
        kinds: Names of base networks in the configuration.
        folder: Folder with ``cases``; ``predictions`` are written to it.

    Raises:
        ValueError: A network does not exist.
    """
    sources = []
    for kind in kinds:
        if kind not in config.base.networks:
            raise ValueError(f"There is no base network {kind}. There are: {', '.join(config.base.networks)}.")
        description = config.base.networks[kind]
        snapshot = networks / f"{kind}-0" / f"snapshot-{description.snapshots[-1]:g}.pt"
        network = load_network(description, snapshot, config.classes)
        sources.append(f"{kind}-0@{description.snapshots[-1]:g}")
        for case in found:
            labels = predict(network, case, config.base.spacing_mm)
            save_prediction(folder / "predictions" / sources[-1] / f"{case.name}.npz", labels)
    return failures_of(folder / "cases", folder / "predictions", sources, [case.subject for case in found])


def bright_parts(failures: Sequence[Failure], models: Sequence[Model], device: str = "auto") -> pd.DataFrame:
    """Compare how much of the brightest part of the true walls, which holds the scars, the repaired walls contain.

    Args:
        failures: From :func:`segment`.
        models: Models.
        device: See :func:`rncarefine.nca.rollout.choose_device`.

    Returns:
        One line per model: ``n`` broken slices with pixels away from the border; mean share of the brightest fifth of
        these pixels (``bright``) and of the rest (``other``) inside the repaired wall, and their ``difference``, with
        intervals over subjects.
    """
    lines = []
    for model in models:
        shares, subjects = [], []
        for failure in failures:
            given = failure.load()
            wall = repair(given.stack, model, RepairOptions(close_base=True, device=device)).wall > 0
            for k in given.broken():
                true = distance_transform_edt(given.truth[k]) > BORDER
                if true.sum() < LEAST:
                    continue
                bright = true & (given.case.image[k] >= np.quantile(given.case.image[k][true], 1 - BRIGHT))
                shares.append((wall[k][bright].mean(), wall[k][true & ~bright].mean()))
                subjects.append(failure.names["subject"])
        within, other = np.array(shares).T
        line: dict[str, object] = {"model": model.card.name, "n": len(shares)}
        for name, values in (("bright", within), ("other", other), ("difference", within - other)):
            line |= mean(values, subjects).columns(name)
        lines.append(line)
    return pd.DataFrame(lines)
