"""Weights: an ``.npz`` of float32 arrays next to the model card with its hash."""

from __future__ import annotations

import hashlib
import io
import json
import math
import re
import warnings
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from ..atomic import written_whole
from ..words import Mode
from .card import TUBULAR, ModelCard, ModelRecord, is_permissive

PREFERENCE = ("sax-open-2d", "sax-cine-2d", "sax-cine-3d", "sax-any-2d", "retina-vessels-2d")
"""Shipped models, the default of each mode first: a permissive licence before a slightly better result."""
DEFAULT_MODEL = PREFERENCE[0]
MODEL_FOLDERS = (
    Path(__file__).parents[2] / "Resources" / "Models",  # in the repository and in Slicer
    Path(__file__).parents[1] / "Models",  # in a wheel
)
"""Search path for models by name; the first match is used."""
_REMEDY = "Reinstall RNCARefine, or copy the .npz and its .json again from their source."
_OVERHEAD = 16_384
"""Maximum overhead of an archive member in bytes."""
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, eq=False)
class Model:
    """Weights of an automaton and their card.

    Attributes:
        card: Model card.
        parameters: Finite float32 arrays by name.
    """

    card: ModelCard
    parameters: dict[str, NDArray[np.float32]]

    def record(self) -> ModelRecord:
        """Return the model information for a report."""
        card = self.card
        return ModelRecord(card.name, card.sha256, card.licence, card.training_data, card.settings_hash)


def load_model(name_or_path: str | Path = DEFAULT_MODEL) -> Model:
    """Load weights and verify them against their card.

    Example:
        >>> import rncarefine as rr
        >>> model = rr.load_model("sax-open-2d")
        >>> model.card.mode, model.card.licence
        ('slice-wise', 'Apache-2.0')
        >>> sum(values.size for values in model.parameters.values()) == model.card.parameters
        True

    Args:
        name_or_path: Name of a shipped model, or path of its ``.npz`` or ``.json``.

    Raises:
        ValueError: The model does not exist, one of its two files is missing, or the weights do not match the card
            (hash, names, shapes, type, finite values). No code in the file is executed.
    """
    weights = _find(name_or_path)
    card = ModelCard.read(weights.with_suffix(".json"))
    if not weights.is_file():
        raise ValueError(f"{weights}: the weights are missing next to their model card. {_REMEDY}")
    try:
        size, most = weights.stat().st_size, 4 * card.parameters + _OVERHEAD * (1 + len(card.shapes))
        if size > most:
            raise ValueError(
                f"{weights}: the weights have {size:,} bytes, those of the card {most:,} at most. {_REMEDY}"
            )
        data = weights.read_bytes()
    except OSError as error:
        raise ValueError(f"{weights}: the weights cannot be read ({error}).") from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != card.sha256:
        raise ValueError(
            f"{weights}: the weights are not the ones that the model card describes (SHA-256 {digest[:12]}..., the "
            f"card says {card.sha256[:12]}...). The file is truncated, changed or another model's. {_REMEDY}"
        )
    parameters = _unpack(data, weights, card.shapes)
    shapes = {name: tuple(values.shape) for name, values in parameters.items()}
    for name in sorted(shapes.keys() | card.shapes.keys()):
        if shapes.get(name) != card.shapes.get(name):
            raise ValueError(
                f"{weights}: parameter {name!r} has {_shape(shapes.get(name))}, the model card says "
                f"{_shape(card.shapes.get(name))}. {_REMEDY}"
            )
    return Model(card, parameters)


def card_of(name_or_path: str | Path) -> ModelCard:
    """Read the card of a model without its weights.

    Args:
        name_or_path: See :func:`load_model`.

    Raises:
        ValueError: The model does not exist, or its card is invalid.
    """
    return ModelCard.read(_find(name_or_path).with_suffix(".json"))


def choose_model(name_or_path: str | Path | None = None, mode: str | None = None, *, task: str | None = None) -> Model:
    """Load the named model, or the best installed one for a mode and a task.

    Args:
        name_or_path: See :func:`load_model`; by default the :func:`best_model` of the installed ones.
        mode: "slice-wise" or "volumetric"; by default any.
        task: "tubular" for vessel models; otherwise ring models.

    Raises:
        ValueError: The model has another mode, none is installed for it, or it cannot be loaded.
    """
    if mode is not None:
        words = [str(word) for word in Mode]
        if str(mode) not in words:
            raise ValueError(f"The mode is {mode!r}. Give one of {', '.join(words)}.")
    if name_or_path is None:
        name_or_path = _best_installed(mode, task)
    elif mode is not None:
        card = card_of(name_or_path)
        if card.mode != str(mode):
            raise ValueError(
                f"Model {card.name!r} is {card.mode}, the repair was asked to be {mode}. Choose the mode "
                f"{card.mode!r}, or another model."
            )
    return load_model(name_or_path)


def best_model(
    cards: Iterable[ModelCard], mode: str | None = None, *, permissive: bool = False, task: str | None = None
) -> ModelCard | None:
    """Return the best model by :data:`PREFERENCE`; unlisted models rank last.

    Args:
        cards: Cards to choose from, such as :func:`available_models`.
        mode: Required mode; any by default.
        permissive: Whether the licence must be permissive.
        task: "tubular" for vessel models; otherwise all other models.

    Returns:
        Its card, or ``None`` if no model matches.
    """
    wanted = [
        card
        for card in cards
        if (card.task == TUBULAR) == (task == TUBULAR)
        and (mode is None or card.mode == str(mode))
        and (not permissive or is_permissive(card.licence))
    ]
    places = {name: place for place, name in enumerate(PREFERENCE)}
    return min(wanted, key=lambda card: (places.get(card.name, len(places)), card.name), default=None)


def save_model(model: Model, folder: str | Path) -> ModelCard:
    """Write ``<name>.npz`` and ``<name>.json`` to a folder, atomically and reproducibly.

    Args:
        model: The model; hash, shapes and parameter count of the card are set here.
        folder: An existing folder.

    Returns:
        The card as written.

    Raises:
        ValueError: A parameter is not finite or not numeric, the card is invalid, or the folder does not exist.
    """
    parameters: dict[str, NDArray[np.float32]] = {}
    for name, values in model.parameters.items():
        array = np.asarray(values, order="C")
        if array.dtype.kind not in "fiu":
            raise ValueError(f"{model.card.name}: parameter {name!r} is of type {array.dtype}, not a number.")
        parameters[name] = array.astype("<f4")
        if not np.isfinite(parameters[name]).all():
            raise ValueError(f"{model.card.name}: parameter {name!r} has NaN or infinite values. Do not ship it.")
    data = _pack(parameters)
    card = replace(
        model.card,
        shapes={name: tuple(values.shape) for name, values in sorted(parameters.items())},
        parameters=sum(values.size for values in parameters.values()),
        sha256=hashlib.sha256(data).hexdigest(),
    )
    # The round trip through the dictionary validates the card as loading does.
    text = json.dumps(ModelCard.from_dict(card.to_dict()).to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    weights = Path(folder) / f"{card.name}.npz"
    with written_whole(weights, weights.with_suffix(".json")) as (new_weights, new_card):
        new_weights.write_bytes(data)
        new_card.write_bytes((text + "\n").encode("utf-8"))
    return card


def available_models() -> list[ModelCard]:
    """Return the cards of all models that can be loaded by name, sorted by name.

    Example:
        >>> import rncarefine as rr
        >>> "sax-open-2d" in [card.name for card in rr.available_models()]
        True

    Unreadable cards are skipped with a :class:`UserWarning`.
    """
    cards: dict[str, ModelCard] = {}
    for folder in MODEL_FOLDERS:
        for path in sorted(folder.glob("*.json")):
            if path.stem in cards:
                continue
            try:
                cards[path.stem] = ModelCard.read(path)
            except ValueError as error:
                warnings.warn(f"Left out of the list of models: {error}", stacklevel=2)
    return [cards[name] for name in sorted(cards)]


def _best_installed(mode: str | None, task: str | None) -> str:
    best = best_model(available_models(), mode, task=task)
    if best is not None:
        return best.name
    if task == TUBULAR:
        raise ValueError(
            "No model of vessels is installed. Give the path of a .npz file whose card has task 'tubular'."
        )
    if mode is None:
        raise ValueError("No model is installed. Install RNCARefine again, or give the path of a .npz file.")
    raise ValueError(f"No {mode} model is installed. Choose another mode, or give the path of a .npz file.")


def _find(name_or_path: str | Path) -> Path:
    """Return the expected path of the weights."""
    text = str(name_or_path)
    path = Path(name_or_path)
    if path.suffix in (".npz", ".json"):
        if not path.is_file():
            raise ValueError(f"{path}: there is no such model file. Check the path.")
        return path.with_suffix(".npz")
    if re.search(r"[/\\]", text):
        raise ValueError(f"{path} is not a model: give the path of a .npz file (its .json lies next to it), or a name.")
    for folder in MODEL_FOLDERS:
        if (folder / f"{text}.json").is_file() or (folder / f"{text}.npz").is_file():
            return folder / f"{text}.npz"
    names = ", ".join(card.name for card in available_models()) or "none is installed"
    raise ValueError(f"There is no model {text!r}. Models: {names}. Or give the path of a .npz file.")


def _shape(shape: tuple[int, ...] | None) -> str:
    return "no place there" if shape is None else f"shape {shape}"


def _pack(parameters: Mapping[str, NDArray[np.float32]]) -> bytes:
    """Return the bytes of an uncompressed ``.npz`` with sorted names and a fixed date, independent of the machine."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(parameters):
            entry = zipfile.ZipInfo(f"{name}.npy", _ZIP_DATE)
            entry.create_system = 3  # else it depends on the operating system
            member = io.BytesIO()
            np.lib.format.write_array(member, parameters[name], version=(1, 0), allow_pickle=False)
            archive.writestr(entry, member.getvalue())
    return buffer.getvalue()


def _unpack(data: bytes, path: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, NDArray[np.float32]]:
    """Return the arrays of an ``.npz``; members are unpacked only if name, shape and type match the card.

    Raises:
        ValueError: The file is damaged, or does not match the card.
    """
    arrays: dict[str, NDArray[np.float32]] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.infolist():
                name = entry.filename.removesuffix(".npy")
                expected = shapes.get(name)
                if expected is None or name in arrays:
                    raise _Misfit(f"{path}: parameter {name[:60]!r} has no place in the model card. {_REMEDY}")
                if entry.file_size > 4 * math.prod(expected) + _OVERHEAD:
                    raise _Misfit(
                        f"{path}: parameter {name!r} has {entry.file_size:,} bytes, the model card says "
                        f"{_shape(expected)}. {_REMEDY}"
                    )
                with archive.open(entry) as member:
                    arrays[name] = _array(member, name, expected, path)
    except _Misfit:
        raise
    except Exception as error:  # a damaged file can raise anything from BadZipFile to KeyError
        raise ValueError(f"{path}: this is not an .npz file of plain arrays ({error}). {_REMEDY}") from error
    for name, values in arrays.items():
        if not np.isfinite(values).all():
            raise ValueError(f"{path}: parameter {name!r} has NaN or infinite values. {_REMEDY}")
    return arrays


class _Misfit(ValueError):
    """An array does not match the card."""


def _array(member: IO[bytes], name: str, expected: tuple[int, ...], path: Path) -> NDArray[np.float32]:
    """Read an array whose header must match the model card."""
    version = np.lib.format.read_magic(member)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, by_columns, dtype = read(member)
    if dtype.hasobject:
        raise ValueError("it holds objects")
    if dtype != np.float32:
        raise _Misfit(f"{path}: parameter {name!r} is of type {dtype}, not float32. {_REMEDY}")
    if shape != expected:
        raise _Misfit(
            f"{path}: parameter {name!r} has {_shape(shape)}, the model card says {_shape(expected)}. {_REMEDY}"
        )
    count = math.prod(shape)
    content = member.read(4 * count)
    if len(content) < 4 * count:
        raise ValueError("it is cut off")
    values = np.frombuffer(content, dtype, count).reshape(shape, order="F" if by_columns else "C")
    return np.array(values, np.float32, order="C")
