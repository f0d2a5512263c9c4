"""Options of a repair. Command line, logic, panel, effect and batches derive their options from this module."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..words import Apex, Device, Mode, Word

if TYPE_CHECKING:
    from ..tasks.ring.verification import Bounds

INTERPOLATE_BY_DEFAULT = False
"""Default of the fallback to polar interpolation."""


class Group(Word):
    """Group of options in the help and on screen."""

    METHOD = "Method"
    OUTPUT = "Output"


@dataclass(frozen=True)
class OptionInfo:
    """Name, limits and description of an option, the same on the command line, in Slicer and in Python.

    Attributes:
        label: Short name on screen.
        help: Description in one sentence.
        group: Group in the help.
        flag: Flag on the command line; for some switches with the negative flag.
        metavar: Placeholder of the value in the help.
        choices: Allowed values; empty for a number or a switch.
        minimum: Minimum; ``None`` if the option is not a number.
        maximum: Maximum; ``None`` if there is none.
        of_stacks: Whether the option applies to stacks. The command line has all options. Panel, Segment Editor effect
            and batch script have those of stacks: the effect and the script repair no pictures, and in the panel the
            edits in a picture are accepted or rejected one by one.
        of_pictures: Whether the option applies to pictures of vessels.
        of_check: Whether the option affects a check.
        unset: Text on screen for ``None``.
    """

    label: str
    help: str
    group: Group
    flag: str
    metavar: str | None
    choices: tuple[str, ...]
    minimum: float | None
    maximum: float | None
    of_stacks: bool
    of_pictures: bool
    of_check: bool
    unset: str


def _option(
    default: Any,
    label: str,
    help: str,
    flag: str,
    *,
    group: Group = Group.METHOD,
    metavar: str | None = None,
    choices: type[Word] | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    of_stacks: bool = True,
    of_pictures: bool = False,
    of_check: bool = False,
    unset: str = "",
) -> Any:
    words = tuple(str(choice) for choice in choices or ())
    limits = minimum, maximum
    info = OptionInfo(label, help, group, flag, metavar, words, *limits, of_stacks, of_pictures, of_check, unset)
    return field(default=default, metadata={"info": info})


class OptionError(ValueError):
    """An invalid value of an option.

    Attributes:
        name: Name of the option in Python.
        fault: The error and the remedy; follows the name in the message.
    """

    def __init__(self, name: str, fault: str, called: str = "") -> None:
        """Create the error.

        Args:
            name: Name of the option in Python.
            fault: The error and the remedy.
            called: Name of the option in the message, if different.
        """
        super().__init__(f"Option {called or name!r} {fault}")
        self.name, self.fault = name, fault


@dataclass(frozen=True)
class RepairOptions:
    """Options of a repair. Enumerations may be given as strings.

    Example:
        >>> RepairOptions(seed=3, apex="last").apex is Apex.LAST
        True

    Attributes:
        model: Name of an installed model, or path of its weights; ``None`` selects the best one for the mode.
        mode: Perception of the automaton, slice-wise or volumetric; ``None`` takes that of the model.
        device: "auto", "numpy", "cpu", "cuda" or "mps".
        seed: Random seed; the same seed gives the same result on every device.
        samples: Number of runs with different seeds to average; the run time grows with it.
        steps: Maximum number of steps per run; ``None`` takes the model's.
        close_base: Expect a closed ring at the base, not an outflow tract.
        geometry: Fall back to polar interpolation where no wall of the automaton passes verification.
        add_only: Never remove myocardium.
        bridges_only: In a picture of vessels, only add bridges.
        apex: End of the stack at which the apex lies.
        max_change_mm2: Largest sum of added and removed area in a slice; ``None`` sets no limit.
        remove_islands: Remove components inside the cavity (papillary muscles, trabeculae), which are kept by default.
        trim_pool: Remove the blood pool outside the closed rings.

    Raises:
        OptionError: A value is not a valid choice, not a number, or out of range.
    """

    model: str | Path | None = _option(
        None,
        "Model",
        "Weights of the automaton; by default the best installed model.",
        "--model",
        metavar="NAME|PATH",
        of_pictures=True,
    )
    mode: Mode | None = _option(
        None,
        "Mode",
        "Repair each slice by itself (slice-wise) or with its neighbours (volumetric); each mode has its own models.",
        "--mode",
        choices=Mode,
    )
    device: str = _option(
        "auto",
        "Device",
        "Compute device; auto selects the fastest available.",
        "--device",
        choices=Device,
        of_pictures=True,
    )
    seed: int = _option(
        0,
        "Seed",
        "Random seed; the same seed gives the same result on every device.",
        "--seed",
        minimum=0,
        of_pictures=True,
    )
    samples: int = _option(
        1,
        "Runs averaged",
        "Number of runs of the automaton to average; the run time grows with it.",
        "--samples",
        minimum=1,
        maximum=100,
        of_pictures=True,
    )
    steps: int | None = _option(
        None,
        "Maximum steps",
        "Maximum number of steps per run; by default that of the model.",
        "--steps",
        minimum=1,
        of_pictures=True,
        unset="model default",
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
        "Fall back to polar interpolation where no wall of the automaton passes verification.",
        "--geometry/--no-geometry",
    )
    add_only: bool = _option(
        False,
        "Only add, never remove",
        "Never remove myocardium; slices with loose components are then refused.",
        "--add-only",
        of_pictures=True,
    )
    bridges_only: bool = _option(
        False,
        "Only bridges",
        "In a picture of vessels, only add bridges.",
        "--bridges-only",
        of_stacks=False,
        of_pictures=True,
    )
    apex: Apex = _option(
        Apex.AUTO,
        "Apex",
        "Where the apex is: at the first or the last slice; auto finds it from the taper.",
        "--apex",
        choices=Apex,
        of_check=True,
    )
    max_change_mm2: float | None = _option(
        None,
        "Largest change",
        "Refuse a repair that changes more than this area of a slice (added and removed, mm2); no limit by default.",
        "--max-change",
        metavar="MM2",
        minimum=0,
        unset="no limit",
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
        "Remove the blood pool outside the closed rings.",
        "--trim-pool",
        group=Group.OUTPUT,
    )

    def __post_init__(self) -> None:
        for name, info in option_infos().items():
            value = getattr(self, name)
            if value is None and default_of(name) is None:
                continue
            if info.choices and str(value) not in info.choices:
                raise OptionError(name, f"is {value!r}. Give one of {', '.join(info.choices)}.")
            if info.minimum is not None:
                _check_number(name, value, info)
        object.__setattr__(self, "apex", Apex(str(self.apex)))
        object.__setattr__(self, "device", str(self.device))
        if self.mode is not None:
            object.__setattr__(self, "mode", Mode(str(self.mode)))

    @property
    def bounds(self) -> Bounds:
        """Limits of a repair."""
        # Imported here so that code that only lists the options loads neither NumPy nor SciPy.
        from ..tasks.ring.verification import Bounds

        return Bounds(max_change_mm2=self.max_change_mm2)


def _check_number(name: str, value: Any, info: OptionInfo) -> None:
    """Check the value of a numeric option.

    Raises:
        OptionError: The value is not a number of the right type, or out of range.
    """
    hint = next(entry.type for entry in fields(RepairOptions) if entry.name == name)
    whole = "float" not in str(hint)
    kind: Any = Integral if whole else Real
    minimum, maximum = info.minimum or 0, math.inf if info.maximum is None else info.maximum
    if not isinstance(value, kind) or not minimum <= value <= maximum:
        wanted = f"of {minimum:g} or more" if info.maximum is None else f"from {minimum:g} to {maximum:g}"
        raise OptionError(name, f"is {value!r}. Give a {'whole ' if whole else ''}number {wanted}.")


def option_infos() -> dict[str, OptionInfo]:
    """Return the options by name, in display order."""
    return {entry.name: entry.metadata["info"] for entry in fields(RepairOptions)}


def stack_options() -> dict[str, OptionInfo]:
    """Return the options that apply to stacks, by name, in display order."""
    return {name: info for name, info in option_infos().items() if info.of_stacks}


def default_of(name: str) -> Any:
    """Return the default of an option."""
    return next(entry.default for entry in fields(RepairOptions) if entry.name == name)


def camel_case(name: str) -> str:
    """Return the name of an option in Slicer: ``max_change_mm2`` becomes ``maxChangeMm2``."""
    first, *others = name.split("_")
    return first + "".join(part.capitalize() for part in others)


def from_camel_case(values: dict[str, Any]) -> RepairOptions:
    """Create options from names spelled as in Slicer.

    Raises:
        TypeError: An option does not exist.
        OptionError: A value is not a valid choice, not a number, or out of range.
    """
    names = {camel_case(name): name for name in option_infos()}
    unknown = sorted(values.keys() - names.keys())
    if unknown:
        raise TypeError(f"There is no option {unknown[0]!r}. The options are {', '.join(names)}.")
    return options_of({names[name]: value for name, value in values.items()}, camel_case)


def options_of(values: dict[str, Any], called: Callable[[str], str]) -> RepairOptions:
    """Create options; errors use the option names of the caller's interface.

    Args:
        values: Options by their names in Python.
        called: Maps such a name to the name in the interface.

    Raises:
        OptionError: A value is not a valid choice, not a number, or out of range.
    """
    try:
        return RepairOptions(**values)
    except OptionError as error:
        raise OptionError(error.name, error.fault, called(error.name)) from None
