"""Import of nnU-Net folders: a raw data set and predictions for it."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .entry import Entry, Split, check_network, subject_and_phase

SIDES: tuple[tuple[str, Split | None], ...] = (("Tr", None), ("Ts", "test"))
"""Suffixes of the folders ``images..`` and ``labels..``, and the split of their subjects."""


@dataclass(frozen=True)
class NnunetData:
    """Content of a raw data set.

    Attributes:
        entries: Labelled stacks with their segmentations.
        names: Labels as in ``dataset.json``.
        notes: Notes and warnings for the user.
    """

    entries: list[Entry]
    names: Mapping[str, Any]
    notes: list[str]


@dataclass(frozen=True)
class _Outputs:
    """Label maps of one network by case, and the fold of each case in a cross-validation."""

    files: dict[str, Path]
    folds: dict[str, str]


def is_nnunet(folder: Path) -> bool:
    """Return whether a folder is a raw data set of nnU-Net."""
    return (folder / "dataset.json").is_file() and (folder / "imagesTr").is_dir()


def read_nnunet(
    folder: Path, predictions: Mapping[str, Path], pattern: str | None = None, channel: int = 0
) -> NnunetData:
    """Find the labelled stacks of a raw data set and their predictions.

    Stacks in ``labelsTs``, if present, are the test set. The folder of a network is that of a cross-validated training
    (``fold_0/validation`` etc.), or any folder of label maps, such as the output of ``nnUNetv2_predict``.

    Args:
        folder: ``nnUNet_raw/DatasetNNN_Name``.
        predictions: Folders of networks, by name.
        pattern: Regular expression of the subject in the identifier of a case, see
            :func:`rncarefine_training.data.sources.entry.subject_and_phase`.
        channel: Input channel of the cine image.

    Raises:
        ValueError: ``dataset.json`` cannot be read, there are no labelled stacks, or a network has no segmentation of
            them.
    """
    description = _description(folder / "dataset.json")
    ending = str(description.get("file_ending", ".nii.gz"))
    outputs = {check_network(name): _outputs(path, ending) for name, path in predictions.items()}
    entries = []
    for side, split in SIDES:
        for label in sorted((folder / f"labels{side}").glob(f"*{ending}")):
            case = label.name.removesuffix(ending)
            subject, phase = subject_and_phase(case, pattern)
            image = folder / f"images{side}" / f"{case}_{channel:04d}{ending}"
            segmentations = {name: found.files[case] for name, found in outputs.items() if case in found.files}
            entries.append(Entry(f"labels{side}/{label.name}", subject, phase, image, label, segmentations, split))
    if not entries:
        raise ValueError(f"{folder / 'labelsTr'} has no *{ending} files. Is it a raw data set of nnU-Net?")
    notes = []
    if len(description.get("channel_names", description.get("modality", {}))) > 1:
        notes.append(f"The data set has several channels; {channel} is used as cine image (--channel).")
    if pattern is None and len({entry.subject for entry in entries}) == len(entries) > 1:
        notes.append(
            f"Every case is treated as a separate subject, such as {entries[0].subject}. If subjects have several "
            "cases, set --subject-pattern."
        )
    by_case = {entry.label.name.removesuffix(ending): entry for entry in entries}
    for name, found in outputs.items():
        notes += _notes(name, predictions[name], found, by_case)
    return NnunetData(entries, description.get("labels", {}), notes)


def _description(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{path} cannot be read ({error}). Use a raw data set of nnU-Net, with dataset.json."
        ) from None
    if not isinstance(content, dict) or not isinstance(content.get("labels", {}), dict):
        raise ValueError(f"{path} is not a data set description: 'labels' is missing.")
    return content


def _outputs(folder: Path, ending: str) -> _Outputs:
    """Find the label maps of a network, by fold in a cross-validation."""
    if not folder.is_dir():
        raise ValueError(f"{folder}: folder of segmentations does not exist. Check the path after NAME=.")
    files: dict[str, Path] = {}
    folds: dict[str, str] = {}
    for path in sorted(folder.glob(f"fold_*/validation/*{ending}")):
        fold = path.parent.parent.name
        # Segmentations of fold_all are not out-of-fold.
        if re.fullmatch(r"fold_\d+", fold):
            case = path.name.removesuffix(ending)
            if case in files:
                raise ValueError(f"{folder}: case {case} is in {folds[case]} and in {fold}. Use one cross-validation.")
            files[case], folds[case] = path, fold
    if not files:
        files = {path.name.removesuffix(ending): path for path in sorted(folder.glob(f"*{ending}"))}
    if not files:
        note = " fold_all was trained on all cases and cannot be used." if (folder / "fold_all").is_dir() else ""
        raise ValueError(
            f"{folder} has no fold_0/validation/*{ending} and no *{ending}.{note} Use the folder of a cross-validated "
            "training, or the output folder of nnUNetv2_predict."
        )
    return _Outputs(files, folds)


def _notes(name: str, folder: Path, found: _Outputs, cases: Mapping[str, Entry]) -> list[str]:
    """Return warnings about one network: unmatched files, and cases it may have been trained on.

    Raises:
        ValueError: No segmentation matches a case.
    """
    used = sorted(found.files.keys() & cases.keys())
    if not used:
        example, other = min(found.files), min(cases)
        raise ValueError(
            f"{folder} has segmentations such as {example}, but the data set has cases such as {other}. The files "
            "must be named like the cases."
        )
    notes = []
    unmatched = sorted(found.files.keys() - cases.keys())
    if unmatched:
        notes.append(f"{name}: {len(unmatched)} segmentations match no case, such as {unmatched[0]}.")
    if len(used) < len(cases):
        missing = min(cases.keys() - found.files.keys())
        notes.append(f"{name}: {len(cases) - len(used)} cases have no segmentation, such as {missing}.")
    folds = defaultdict(set)
    for case in used:
        if case in found.folds:
            folds[cases[case].subject].add(found.folds[case])
    split = sorted(subject for subject, among in folds.items() if len(among) > 1)
    if split:
        notes.append(
            f"{name}: the stacks of {len(split)} subjects, such as {split[0]}, are in different folds. Its networks "
            "were trained on other stacks of the subjects that they segment, so they fail less often than on new "
            "subjects. If possible, split by subject (splits_final.json) and train again."
        )
    doubtful = [case for case in used if case not in found.folds and cases[case].split != "test"]
    if doubtful:
        notes.append(
            f"{name}: it may have been trained on the {len(doubtful)} training cases that it segmented, such as "
            f"{doubtful[0]}. Networks rarely fail on their training cases: use out-of-fold segmentations."
        )
    return notes
