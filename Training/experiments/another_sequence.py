"""Generalisation: segment and repair stacks of a sequence that base networks were not trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from rncarefine_training.config import Config
from rncarefine_training.data.cases import MYOCARDIUM, POOL, TrainingCase, save_prediction
from rncarefine_training.evaluate.measure import Failure, failures_of
from rncarefine_training.networks.base import load_network, predict

IMAGE, TRUTH = "image.nii.gz", "gt.nii.gz"


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
