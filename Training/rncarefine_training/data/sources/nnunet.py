"""nnU-Net's folders: a raw data set, and the predictions for it."""

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
"""Endings of the folders ``images..`` and ``labels..``, and what the subjects in them are for."""


@dataclass(frozen=True)
class NnunetData:
    """Result of a search.

    Attributes:
        entries: The labelled stacks, with the segmentations of each.
        names: The labels as ``dataset.json`` names them.
        notes: For the user: what was left out, and warnings.
    """

    entries: list[Entry]
    names: Mapping[str, Any]
    notes: list[str]


@dataclass(frozen=True)
class _Outputs:
    """The label maps of one network by case, and the fold that each was in if it was cross-validated."""

    files: dict[str, Path]
    folds: dict[str, str]


def is_nnunet(folder: Path) -> bool:
    """Return whether a folder is a raw data set of nnU-Net."""
    return (folder / "dataset.json").is_file() and (folder / "imagesTr").is_dir()


def read_nnunet(
    folder: Path, predictions: Mapping[str, Path], pattern: str | None = None, channel: int = 0
) -> NnunetData:
    """Find the labelled stacks of a raw data set and their predictions.

    Stacks in ``labelsTs``, where there is such a folder, are for the test. A network's folder is that of a training
    with ``fold_0/validation`` and so on, or any folder of label maps, as ``nnUNetv2_predict`` writes it.

    Args:
        folder: ``nnUNet_raw/DatasetNNN_Name``.
        predictions: A folder for each network, by the name to give it.
        pattern: Where the subject stands in a case's identifier, see
            :func:`rncarefine_training.data.sources.entry.subject_and_phase`.
        channel: Which input channel is the cine image.

    Raises:
        ValueError: ``dataset.json`` cannot be read, there are no labelled stacks, or a network's folder has no
            segmentation of any of them.
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
            made = {name: found.files[case] for name, found in outputs.items() if case in found.files}
            entries.append(Entry(f"labels{side}/{label.name}", subject, phase, image, label, made, split))
    if not entries:
        raise ValueError(f"{folder / 'labelsTr'} has no file that ends in {ending}. Is it a raw data set of nnU-Net?")
    notes = []
    if len(description.get("channel_names", description.get("modality", {}))) > 1:
        notes.append(f"The data set has several channels; {channel} is taken for the cine image (--channel).")
    if pattern is None and len({entry.subject for entry in entries}) == len(entries) > 1:
        notes.append(
            f"Every case is taken for a subject of its own, such as {entries[0].subject}. If a subject has several, "
            "say where its name stands: --subject-pattern."
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
            f"{path} cannot be read ({error}). Give nnU-Net's raw data set, with its dataset.json."
        ) from None
    if not isinstance(content, dict) or not isinstance(content.get("labels", {}), dict):
        raise ValueError(f"{path} does not describe a data set: an object with 'labels' is missing.")
    return content


def _outputs(folder: Path, ending: str) -> _Outputs:
    """Find a network's label maps; those of a cross-validation by their folders."""
    if not folder.is_dir():
        raise ValueError(f"{folder}: there is no such folder of segmentations. Check the path after NAME=.")
    files: dict[str, Path] = {}
    folds: dict[str, str] = {}
    for path in sorted(folder.glob(f"fold_*/validation/*{ending}")):
        fold = path.parent.parent.name
        # The network of fold_all has seen every case that it segmented.
        if re.fullmatch(r"fold_\d+", fold):
            case = path.name.removesuffix(ending)
            if case in files:
                raise ValueError(f"{folder}: case {case} is in {folds[case]} and in {fold}. Give one cross-validation.")
            files[case], folds[case] = path, fold
    if not files:
        files = {path.name.removesuffix(ending): path for path in sorted(folder.glob(f"*{ending}"))}
    if not files:
        seen = " fold_all has seen every case and is of no use." if (folder / "fold_all").is_dir() else ""
        raise ValueError(
            f"{folder} has no fold_0/validation/*{ending} and no *{ending}.{seen} Give the folder of a cross-validated "
            "training, or the output folder of nnUNetv2_predict."
        )
    return _Outputs(files, folds)


def _notes(name: str, folder: Path, found: _Outputs, cases: Mapping[str, Entry]) -> list[str]:
    """Return warnings about one network: what does not fit, and what it may have been trained on.

    Raises:
        ValueError: It has no segmentation of any case.
    """
    used = sorted(found.files.keys() & cases.keys())
    if not used:
        example, other = min(found.files), min(cases)
        raise ValueError(
            f"{folder} has segmentations such as {example}, and the data set cases such as {other}: none fits. "
            "The files must be called like the cases."
        )
    notes = []
    strange = sorted(found.files.keys() - cases.keys())
    if strange:
        notes.append(f"{name}: {len(strange)} segmentations fit no case, such as {strange[0]}.")
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
            f"{name}: the stacks of {len(split)} subjects, such as {split[0]}, lie in different folds. Its networks "
            "have seen another stack of a subject that they segment, and fail more rarely there than on a new subject. "
            "Split by subject (splits_final.json) and train them again if you can."
        )
    seen = [case for case in used if case not in found.folds and cases[case].split != "test"]
    if seen:
        notes.append(
            f"{name}: whether it was trained on the {len(seen)} training cases it segmented, such as {seen[0]}, cannot "
            "be known here. A network hardly fails on what it has seen: give out-of-fold segmentations."
        )
    return notes
