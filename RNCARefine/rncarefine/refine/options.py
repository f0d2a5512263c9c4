"""The options of a repair. Command line, logic, panel, effect and both batches offer what stands here, and no other."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, fields
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..words import Apex, Device, Mode, Word

if TYPE_CHECKING:
    from ..tasks.ring.verification import Bounds

INTERPOLATE_BY_DEFAULT = False
"""Whether polar interpolation may try where the automaton finds no wall, by default."""


class Face(Word):
    """Where options are offered."""

    COMMAND_LINE = "command line"
    """``rncarefine repair`` and ``rncarefine batch``."""
    LOGIC = "logic"
    """``RNCARefineLogic.process`` and its siblings."""
    PANEL = "panel"
    """The parameter node of the module, and its panel."""
    EFFECT = "effect"
    """The Segment Editor effect."""
    SCRIPT = "script"
    """``RNCARefineBatch.py``."""


class Group(Word):
    """What belongs together in the help and on screen."""

    METHOD = "Method"
    OUTPUT = "Output"


@dataclass(frozen=True)
class OptionInfo:
    """Name, limits and description of an option, the same on the command line, in Slicer and in Python.

    Attributes:
        label: Short name on screen.
        help: One sentence.
        group: What it belongs to.
        flag: Its name on the command line; for some switches also what turns it off.
        metavar: What stands for the value in the help.
        choices: Words to choose from; empty for a number or a switch.
        least: Smallest number.
        most: Largest number.
        faces: Where it is offered.
        of_check: Whether a check depends on it.
    """

    label: str
    help: str
    group: Group
    flag: str
    metavar: str | None
    choices: tuple[str, ...]
    least: float | None
    most: float | None
    faces: frozenset[Face]
    of_check: bool


def _option(
    default: Any,
    label: str,
    help: str,
    flag: str,
    *,
    group: Group = Group.METHOD,
    metavar: str | None = None,
    choices: type[Word] | None = None,
    least: float | None = None,
    most: float | None = None,
    not_in: Collection[Face] = (),
    of_check: bool = False,
) -> Any:
    words = tuple(str(choice) for choice in choices or ())
    faces = frozenset(Face) - frozenset(not_in)
    info = OptionInfo(label, help, group, flag, metavar, words, least, most, faces, of_check)
    return field(default=default, metadata={"info": info})


class OptionError(ValueError):
    """A value of an option that cannot be used.

    Attributes:
        name: Its name in Python.
        fault: What is wrong and the remedy, as what follows the name in the message.
    """

    def __init__(self, name: str, fault: str, called: str = "") -> None:
        """Take up what is wrong.

        Args:
            name: The option's name in Python.
            fault: What is wrong and the remedy.
            called: What to call the option in the message, if not by its name.
        """
        super().__init__(f"Option {called or name!r} {fault}")
        self.name, self.fault = name, fault


@dataclass(frozen=True)
class RepairOptions:
    """How to repair. Words may be given as plain text.

    Example:
        >>> RepairOptions(seed=3, apex="last").apex is Apex.LAST
        True

    Attributes:
        model: Name of an installed model, or path of its weights; ``None`` takes the best one of the mode.
        mode: What the automaton's cells see of the stack; ``None`` takes that of the model.
        device: "auto", "numpy", "cpu", "cuda" or "mps".
        seed: Seed of the automaton; the same seed gives the same result on every device.
        samples: Runs with different seeds that are averaged; several take longer.
        steps: Most steps of a run; ``None`` takes the model's.
        close_base: Expect a closed ring at the base, not an outflow tract.
        geometry: Fall back to polar interpolation where the automaton finds no wall that passes verification.
        add_only: Never remove myocardium.
        bridges_only: In a picture of vessels, make bridges and nothing else.
        apex: The end of the stack at which the apex lies.
        max_change_mm2: Largest change of a slice, added and removed area together; ``None`` sets no limit.
        remove_islands: Remove components inside the cavity (papillary muscles, trabeculae), which are kept by default.
        trim_pool: Remove the blood pool outside the closed rings.

    Raises:
        OptionError: A value is none of the choices, no number, or out of range.
    """

    model: str | Path | None = _option(
        None, "Model", "Weights; see 'rncarefine models'.", "--model", metavar="NAME|PATH"
    )
    mode: Mode | None = _option(
        None,
        "Mode",
        "Slice by slice, or with the neighbouring slices; takes the best model of the mode, or checks --model.",
        "--mode",
        choices=Mode,
    )
    device: str = _option(
        "auto", "Device", "What the automaton runs on; auto takes the best there is.", "--device", choices=Device
    )
    seed: int = _option(0, "Seed", "The same seed gives the same result, everywhere.", "--seed", least=0)
    samples: int = _option(
        1,
        "Runs averaged",
        "Runs of the automaton that are averaged; several take longer.",
        "--samples",
        least=1,
        most=100,
    )
    steps: int | None = _option(
        None,
        "Most steps",
        "Most steps of a run; those of the model if not given.",
        "--steps",
        least=1,
        not_in=[Face.EFFECT],
    )
    close_base: bool = _option(
        False,
        "Expect a closed base",
        "Expect closed rings at the base too, not an outflow tract.",
        "--close-base",
        of_check=True,
    )
    geometry: bool = _option(
        INTERPOLATE_BY_DEFAULT,
        "Fall back to polar interpolation",
        "Fall back to polar interpolation where the automaton finds no wall that passes verification.",
        "--geometry/--no-geometry",
    )
    add_only: bool = _option(False, "Only add, never remove", "Never remove myocardium.", "--add-only")
    bridges_only: bool = _option(
        False,
        "Only bridges",
        "Of a picture of vessels: make bridges and nothing else.",
        "--bridges-only",
        not_in=[Face.LOGIC, Face.PANEL, Face.EFFECT, Face.SCRIPT],
    )
    apex: Apex = _option(
        Apex.AUTO, "Apex", "Which end of the stack the apex lies at.", "--apex", choices=Apex, of_check=True
    )
    max_change_mm2: float | None = _option(
        None,
        "Largest change",
        "Refuse a repair that changes more than this area of a slice; no limit if not given.",
        "--max-change",
        metavar="MM2",
        least=0,
        not_in=[Face.EFFECT],
    )
    remove_islands: bool = _option(
        False,
        "Remove papillary muscles",
        "Remove components inside the cavity, such as papillary muscles and trabeculae; they are kept by default.",
        "--remove-islands",
        of_check=True,
    )
    trim_pool: bool = _option(
        False,
        "Trim the blood pool to the ring",
        "Clear blood pool outside the closed rings.",
        "--trim-pool",
        group=Group.OUTPUT,
        not_in=[Face.EFFECT],
    )

    def __post_init__(self) -> None:
        for name, info in option_infos().items():
            value = getattr(self, name)
            if value is None and default_of(name) is None:
                continue
            if info.choices and str(value) not in info.choices:
                raise OptionError(name, f"is {value!r}. Give one of {', '.join(info.choices)}.")
            if info.least is not None:
                _check_number(name, value, info)
        object.__setattr__(self, "apex", Apex(str(self.apex)))
        object.__setattr__(self, "device", str(self.device))
        if self.mode is not None:
            object.__setattr__(self, "mode", Mode(str(self.mode)))

    @property
    def bounds(self) -> Bounds:
        """How far a repair may go."""
        # Here, not above: who only shows the options needs neither NumPy nor SciPy.
        from ..tasks.ring.verification import Bounds

        return Bounds(max_change_mm2=self.max_change_mm2)


def _check_number(name: str, value: Any, info: OptionInfo) -> None:
    """Check the value of an option that is a number.

    Raises:
        OptionError: It is none, or out of range.
    """
    hint = next(entry.type for entry in fields(RepairOptions) if entry.name == name)
    whole = "float" not in str(hint)
    kind: Any = Integral if whole else Real
    least, most = info.least or 0, math.inf if info.most is None else info.most
    if not isinstance(value, kind) or not least <= value <= most:
        wanted = f"of {least:g} or more" if info.most is None else f"from {least:g} to {most:g}"
        raise OptionError(name, f"is {value!r}. Give a {'whole ' if whole else ''}number {wanted}.")


def option_infos(face: Face | None = None) -> dict[str, OptionInfo]:
    """Return the options by name, in the order in which they are offered.

    Args:
        face: Only those that are offered there; all if not given.
    """
    found: dict[str, OptionInfo] = {entry.name: entry.metadata["info"] for entry in fields(RepairOptions)}
    return {name: info for name, info in found.items() if face is None or face in info.faces}


def default_of(name: str) -> Any:
    """Return the default of an option."""
    return next(entry.default for entry in fields(RepairOptions) if entry.name == name)


def camel_case(name: str) -> str:
    """Return the name that an option has in Slicer: ``max_change_mm2`` is ``maxChangeMm2`` there."""
    first, *others = name.split("_")
    return first + "".join(part.capitalize() for part in others)


def from_camel_case(values: dict[str, Any]) -> RepairOptions:
    """Return options whose names are spelled as in Slicer.

    Raises:
        TypeError: There is no such option.
        OptionError: A value is none of the choices, no number, or out of range.
    """
    names = {camel_case(name): name for name in option_infos()}
    unknown = sorted(values.keys() - names.keys())
    if unknown:
        raise TypeError(f"There is no option {unknown[0]!r}. The options are {', '.join(names)}.")
    return options_of({names[name]: value for name, value in values.items()}, camel_case)


def options_of(values: dict[str, Any], called: Callable[[str], str]) -> RepairOptions:
    """Return options, with errors that name an option as it is called where it was given.

    Args:
        values: The options by their names in Python.
        called: Returns what an option of such a name is called.

    Raises:
        OptionError: A value is none of the choices, no number, or out of range.
    """
    try:
        return RepairOptions(**values)
    except OptionError as error:
        raise OptionError(error.name, error.fault, called(error.name)) from None
