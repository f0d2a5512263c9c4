"""Read one phase of a short-axis DICOM series."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .grid import Grid
from .raw import one_line, reading

INSTALL = '.venv/bin/pip install -c constraints.txt ".[cli,dicom]"'
"""Installation command in a clone."""
ENDINGS = (".dcm", ".ima")
_REGULAR_MM = 0.05
"""Tolerance of slice positions relative to regular spacing, in mm."""
_SAME_MM = 0.01


@dataclass(frozen=True, eq=False)
class DicomSeries:
    """One phase of a series.

    Attributes:
        path: Folder or file.
        instances: Headers of the slices, in the order of the stack.
        values: Intensities, shape ``(k, j, i)``, rescaled.
        grid: Grid of the stack.
        phases: Number of phases of the series.
    """

    path: Path
    instances: tuple[Any, ...]
    values: NDArray[np.float32]
    grid: Grid
    phases: int


def is_dicom(path: Path) -> bool:
    """Return whether a path is a folder, or a DICOM file by its name or its content."""
    try:
        if path.is_dir():
            return True
        if path.is_file():  # opening a pipe would block
            with path.open("rb") as file:
                if file.read(132)[128:] == b"DICM":
                    return True
    except (OSError, ValueError):
        pass
    return path.name.lower().endswith(ENDINGS)


def require_pydicom() -> Any:
    """Import pydicom and highdicom, and return pydicom.

    Raises:
        ValueError: DICOM support is not installed; the message gives the installation command.
    """
    try:
        import highdicom  # noqa: F401
        import pydicom
    except ModuleNotFoundError as error:
        raise ValueError(f"DICOM needs {error.name}. Install it from a clone with: {INSTALL}") from error
    return pydicom


def read_series(path: Path, phase: int | None = None) -> DicomSeries:
    """Read one phase of a series.

    Args:
        path: A folder with one series, or a file of the series in its folder.
        phase: Phase of a cine in temporal order, from 0.

    Raises:
        ValueError: The series is invalid. The message names the path and the remedy.
    """
    pydicom = require_pydicom()
    folder = path if path.is_dir() else path.parent
    if folder != path and not path.is_file():
        raise ValueError(f"{path}: there is no such file. Check the path of the image.")
    own = (f"{folder}:", f"{folder}{os.sep}", f"{path}:")
    with reading(path, "series", "Copy the series again.", own), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom warns of irrelevant values
        return _read_series(path, phase, pydicom)


def _read_series(path: Path, phase: int | None, pydicom: Any) -> DicomSeries:
    slices = _by_position(path, _instances(path, pydicom))
    phases = {len(entries) for entries in slices}
    if len(phases) > 1:
        raise ValueError(
            f"{path}: the slices of the series have different numbers of phases ({min(phases)} to {max(phases)}); "
            "files are missing or duplicated. Copy the series again."
        )
    count = phases.pop()
    if phase is None and count > 1:
        times = ", ".join(f"{number}: {_time(entry)}" for number, entry in enumerate(slices[0]))
        raise ValueError(f"{path}: the series has {count} phases. Choose one with --phase: {times}.")
    if phase is not None and not 0 <= phase < count:
        raise ValueError(f"{path}: the series has no phase {phase}; it has 0 to {count - 1}. Change --phase.")
    chosen = [entries[phase or 0] for entries in slices]
    grid = _grid(path, [dataset for _, dataset in chosen])
    values = np.stack([_pixels(file, dataset, pydicom) for file, dataset in chosen])
    return DicomSeries(path, tuple(dataset for _, dataset in chosen), values, grid, count)


_Instance = tuple[Path, Any]


def _instances(path: Path, pydicom: Any) -> list[_Instance]:
    """Return the headers of the images of one series."""
    folder = path if path.is_dir() else path.parent
    wanted = None
    if not path.is_dir():
        wanted = getattr(_header(path, pydicom), "SeriesInstanceUID", None)
        if wanted is None:
            raise ValueError(
                f"{path}: the file is not an image of a DICOM series. Give another file of the series, or its folder."
            )
    found: dict[str, list[_Instance]] = {}
    known: set[str] = set()
    try:
        files = sorted(entry for entry in folder.iterdir() if entry.is_file() and not entry.name.startswith("."))
    except OSError as error:
        raise ValueError(f"{folder}: the folder cannot be read ({error.strerror or error}).") from error
    for file in files:
        try:
            dataset = _header(file, pydicom)
        except ValueError:
            continue
        instance = str(dataset.get("SOPInstanceUID", file))
        if instance in known:
            continue  # a copy
        known.add(instance)
        if "ImagePositionPatient" in dataset and "Rows" in dataset and dataset.get("Modality") != "SEG":
            found.setdefault(str(dataset.get("SeriesInstanceUID", "")), []).append((file, dataset))
        elif wanted is not None and file == path:
            _refuse(path, dataset)
    if wanted is not None:
        return found.get(str(wanted), [])
    if not found:
        raise ValueError(
            f"{path}: the folder contains no single-frame DICOM image with a position. Give the folder of the "
            "short-axis series. Convert enhanced (multi-frame) files first, for example with dcm2niix."
        )
    if len(found) > 1:
        listed = "; ".join(
            f"{entries[0][0].name} ({str(entries[0][1].get('SeriesDescription', 'no description'))[:40]}, "
            f"{len(entries)} files)"
            for entries in list(found.values())[:8]
        )
        raise ValueError(
            f"{path}: the folder contains {len(found)} series. Give a file of the short-axis series: {listed}."
        )
    return next(iter(found.values()))


def _refuse(path: Path, dataset: Any) -> None:
    kind = "a segmentation" if dataset.get("Modality") == "SEG" else "not a single-frame image with a position"
    raise ValueError(
        f"{path}: the DICOM file is {kind}. Give the folder of the short-axis series, or a file of it. Convert "
        "enhanced (multi-frame) files first, for example with dcm2niix."
    )


def _header(path: Path, pydicom: Any) -> Any:
    """Return a header without the pixels.

    Raises:
        ValueError: The file is not a DICOM file, or it is damaged.
    """
    try:
        return pydicom.dcmread(path, stop_before_pixels=True, force=False)
    except Exception as error:  # pydicom raises various errors for damaged files
        raise ValueError(f"{path}: the DICOM file cannot be read ({_without_advice(error)}). Copy it again.") from error


def _without_advice(error: Exception) -> str:
    """Return the message of pydicom without its advice to programmers."""
    return one_line(error).partition(" Use force")[0].rstrip(".")


def _by_position(path: Path, instances: list[_Instance]) -> list[list[_Instance]]:
    """Return the instances of each slice in temporal order; slices are in spatial order."""
    try:
        first = _orientation(instances[0][1])
        normal = np.cross(first[:3], first[3:])
        placed = []
        for file, dataset in instances:
            if np.abs(_orientation(dataset) - first).max() > 1e-3:
                raise ValueError(
                    f"{path}: the slices of the series are not parallel. Give the short-axis series, without localizer "
                    "and long-axis images."
                )
            position = np.array([float(value) for value in dataset.ImagePositionPatient])
            placed.append((float(position @ normal), file, dataset))
    except (AttributeError, TypeError, IndexError) as error:
        raise ValueError(
            f"{path}: the slices have no valid position ({one_line(error)}). Export the series again."
        ) from error
    placed.sort(key=lambda entry: (entry[0], str(entry[1])))
    slices: list[list[_Instance]] = []
    last = -np.inf
    for place, file, dataset in placed:
        if not np.isfinite(place):
            raise ValueError(f"{file}: the file has no valid position (ImagePositionPatient). Copy it again.")
        if place - last > _SAME_MM:
            slices.append([])
        slices[-1].append((file, dataset))
        last = place
    return [sorted(entries, key=_when) for entries in slices]


def _orientation(dataset: Any) -> NDArray[np.float64]:
    values = np.array([float(value) for value in dataset.ImageOrientationPatient])
    right = values.shape == (6,) and np.isfinite(values).all()
    if not right or not np.allclose(values.reshape(2, 3) @ values.reshape(2, 3).T, np.eye(2), atol=1e-2):
        raise ValueError(f"the slices have no valid orientation (ImageOrientationPatient is {values})")
    return values


def _when(instance: _Instance) -> tuple[float, float, float, str]:
    """Return the sort key of the phases of a slice."""
    file, dataset = instance
    numbers = []
    for name in ("TriggerTime", "TemporalPositionIdentifier", "InstanceNumber"):
        try:
            numbers.append(float(dataset.get(name)))
        except (TypeError, ValueError):
            numbers.append(0.0)
    return numbers[0], numbers[1], numbers[2], file.name


def _time(instance: _Instance) -> str:
    time = instance[1].get("TriggerTime")
    return f"{float(time):g} ms" if time is not None else instance[0].name


def _grid(path: Path, slices: Sequence[Any]) -> Grid:
    """Return the grid of the stack.

    Raises:
        ValueError: The slices differ in size or in-plane spacing, or are not evenly spaced.
    """
    first = slices[0]
    axes = _orientation(first)
    positions = np.array([[float(value) for value in dataset.ImagePositionPatient] for dataset in slices])
    try:
        spacings = {tuple(float(value) for value in dataset.PixelSpacing) for dataset in slices}
    except (AttributeError, TypeError) as error:
        raise ValueError(f"{path}: the series has no in-plane spacing (PixelSpacing). Export it again.") from error
    sizes = {(int(dataset.Columns), int(dataset.Rows)) for dataset in slices}
    if len(sizes) > 1 or np.ptp(np.array(sorted(spacings)), axis=0).max() > 1e-4:
        raise ValueError(f"{path}: the slices of the series have different sizes or spacings. Give another series.")
    rows, columns = min(spacings)
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1] = axes[:3] * columns, axes[3:] * rows
    if len(slices) > 1:
        matrix[:3, 2] = (positions[-1] - positions[0]) / (len(slices) - 1)
        steps = positions[0] + np.arange(len(slices))[:, None] * matrix[:3, 2]
        if np.linalg.norm(positions - steps, axis=1).max() > max(_REGULAR_MM, 0.01 * np.linalg.norm(matrix[:3, 2])):
            raise ValueError(
                f"{path}: the slices of the series are not evenly spaced: some are missing. Copy the series again."
            )
    else:
        thickness = first.get("SpacingBetweenSlices") or first.get("SliceThickness") or 0
        matrix[:3, 2] = np.cross(axes[:3], axes[3:]) * abs(float(thickness))
    matrix[:3, 3] = positions[0]
    (width, height), *_ = sizes
    return Grid((width, height, len(slices)), matrix)


def _pixels(file: Path, header: Any, pydicom: Any) -> NDArray[np.float32]:
    """Return the rescaled pixels of a slice.

    Raises:
        ValueError: The pixels cannot be decoded, or have several values each.
    """
    try:
        pixels = np.asarray(pydicom.dcmread(file).pixel_array)
        slope, intercept = float(header.get("RescaleSlope") or 1), float(header.get("RescaleIntercept") or 0)
    except Exception as error:  # pydicom raises various errors for damaged files
        raise ValueError(
            f"{file}: the pixels cannot be decoded ({one_line(error)}). If they are compressed, decompress the series, "
            "for example with dcmdjpeg; otherwise copy the file again."
        ) from error
    if pixels.ndim != 2 or pixels.shape != (int(header.Rows), int(header.Columns)):
        raise ValueError(
            f"{file}: the pixels have the shape {pixels.shape}, not (rows, columns). Give a series of intensities."
        )
    with np.errstate(over="ignore", invalid="ignore"):
        return (pixels * slope + intercept).astype(np.float32)
