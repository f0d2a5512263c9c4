"""Import of labelled pictures, such as photographs of the retina, from a table or folders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import SimpleITK as sitk
from numpy.typing import NDArray

from rncarefine.atomic import written_whole
from rncarefine.tasks.tubular.picture import Picture

from ..cases import VESSEL, TrainingCase, save_prediction
from .csv_table import PREDICTION
from .entry import DEFAULT_PHASE, Entry, check_entries, prediction_folder, subject_and_phase, tidy

FIELD_OF_VIEW = 1000.0
"""Diameter of the field of view: pictures have no mm, so lengths are given in thousandths of it."""
TABLE = "pictures.csv"
"""File of a run that lists the photographs, which evaluation and calibration read."""
EYE = r"(?P<subject>.*?)(?P<phase>(?<=\d)[LR])?$"
"""Names of pictures: a name that ends with a digit and L or R is one eye of a subject."""
ENDINGS = (".png", ".jpg", ".jpeg", ".tif", ".tiff")


def read_folders(source: Path) -> list[Entry]:
    """List the pictures of a folder with one folder per site.

    A site has the folders ``images``, ``masks`` (or the first that starts with it) and optionally ``fov``; a picture
    has the same name in all of them. Masks or probabilities by networks are in ``predictions/SITE/NETWORK``. A name
    that ends with a digit and L or R is one eye of a subject.

    Raises:
        ValueError: There are no pictures, or a mask is missing.
    """
    entries = []
    for images in sorted(source.glob("*/images")):
        site = images.parent
        masks = next(iter(sorted(site.glob("masks*"))), None)
        if masks is None:
            raise ValueError(f"{site} has pictures but no folder masks. Add it, or use a CSV table.")
        for path in sorted(each for each in images.iterdir() if each.suffix.lower() in ENDINGS):
            stem = path.stem
            subject, side = subject_and_phase(stem, EYE)
            networks = sorted(each for each in (source / "predictions" / site.name).glob("*") if each.is_dir())
            segmentations = {each.name: _find(each, stem) for each in networks}
            truth = _find(masks, stem)
            if truth is None:
                raise ValueError(f"{path}: there is no mask of this name in {masks}. Add it, or remove the picture.")
            entries.append(
                Entry(
                    str(path),
                    tidy(site.name) + subject.replace("-", ""),
                    "eye" if side == DEFAULT_PHASE else side,
                    path,
                    truth,
                    {name: each for name, each in segmentations.items() if each is not None},
                    field_of_view=_find(site / "fov", stem),
                )
            )
    if not entries:
        raise ValueError(f"{source} has no pictures in SITE/images. Check the folder, or use a CSV table.")
    return entries


def prepare_pictures(
    entries: Sequence[Entry], cases: Path, predictions: Path, track: Callable[[Iterable[Entry]], Iterable[Entry]] = iter
) -> Counter[str]:
    """Write every picture as a case of one slice, and its predictions.

    The image of a case is the flattened green channel with bright vessels, 0 outside the field of view. The spacing is
    in thousandths of the diameter of the field of view.

    Args:
        entries: From :func:`read_folders` or :func:`~rncarefine_training.data.sources.csv_table.read_csv`.
        cases: Output folder for the cases.
        predictions: Output folder for ``<network>@1/<case>.npz``.
        track: Wrapper of the entries that shows progress.

    Returns:
        Number of segmented pictures, by network.

    Raises:
        ValueError: A file cannot be read or differs in size; the message names it.
    """
    check_entries(entries)
    for entry in entries:
        if entry.split is not None:
            raise ValueError(
                f"{entry.where}: pictures take no column split. Name the subjects of each set in the configuration."
            )
    networks: Counter[str] = Counter()
    cases.mkdir(parents=True, exist_ok=True)
    for entry in track(entries):
        truth = read_mask(entry.label)
        fov = None if entry.field_of_view is None else read_mask(entry.field_of_view)
        picture = Picture.create(read_image(entry.image), truth, fov, name=str(entry.image))
        spacing = FIELD_OF_VIEW / picture.diameter
        inside = picture.field_of_view
        labels = np.where(inside & (picture.mask > 0), VESSEL, 0).astype(np.uint8)
        case = TrainingCase(entry.name, entry.subject, picture.grey()[None], labels[None], (1.0, spacing, spacing))
        case.save(cases)
        for name, path in entry.predictions.items():
            mask = read_mask(path, least=0.5)
            if mask.shape != picture.shape:
                raise ValueError(f"{path} has {mask.shape} pixels, its picture {picture.shape}. Resample it.")
            kept = np.where(inside & mask, VESSEL, 0).astype(np.uint8)
            save_prediction(predictions / prediction_folder(name) / f"{case.name}.npz", kept[None])
            networks[name] += 1
    return networks


def write_picture_table(entries: Sequence[Entry], path: Path) -> None:
    """Write a CSV of the pictures in the format of :func:`~rncarefine_training.data.sources.csv_table.read_csv`."""
    networks = sorted({name for entry in entries for name in entry.predictions})
    files = pd.DataFrame(
        {"image": entry.image, "label": entry.label, "fov": entry.field_of_view}
        | {f"{PREDICTION}{name}": entry.predictions.get(name) for name in networks}
        for entry in entries
    ).map(lambda file: str(file.resolve()) if isinstance(file, Path) else None)
    table = pd.DataFrame({"subject": [entry.subject for entry in entries], "phase": [entry.phase for entry in entries]})
    with written_whole(path) as (temporary,):
        table.join(files).to_csv(temporary, index=False, lineterminator="\n")


def read_image(path: Path) -> NDArray[np.float32]:
    """Read a picture, shape ``(j, i)`` or ``(j, i, channels)``.

    Raises:
        ValueError: The file cannot be read.
    """
    try:
        return np.asarray(sitk.GetArrayFromImage(sitk.ReadImage(str(path))), np.float32)
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise ValueError(f"{path}: the picture cannot be read ({reason}). Use a PNG, JPEG or TIFF file.") from None


def read_mask(path: Path, least: float | None = None) -> NDArray[np.bool_]:
    """Read a mask, shape ``(j, i)``.

    Args:
        path: Picture; only its first channel is used.
        least: Threshold of a probability map (0 to 255 or 0 to 1), as a probability; ``None`` selects values above 0.
    """
    values = read_image(path)
    values = values[..., 0] if values.ndim == 3 else values
    if least is None:
        return np.asarray(values > 0)
    return np.asarray(values >= least * (255 if values.max() > 1 else 1))


def _find(folder: Path, stem: str) -> Path | None:
    """Return the picture of this name in a folder, with any extension; ``None`` if there is none."""
    return next((each for each in sorted(folder.glob(f"{stem}.*")) if each.suffix.lower() in ENDINGS), None)
