"""Options shared by the commands."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import typer

from ..io.choice import StructureChoice
from ..refine.options import Group, OptionInfo, RepairOptions, default_of, option_infos
from ..words import Device
from .status import one_line_errors

INPUT, OUTPUT = "Input", str(Group.OUTPUT)
"""Groups of options in the help."""

ImageFile = Annotated[
    Path,
    typer.Argument(
        metavar="IMAGE",
        help="Short-axis stack: NIfTI, NRRD, MetaImage or DICOM series (folder or file); or a photograph: PNG, JPEG, "
        "TIFF.",
    ),
]
SegmentationFile = Annotated[
    Path,
    typer.Argument(
        metavar="SEGMENTATION",
        help="Label map on the image's grid, .seg.nrrd or DICOM SEG; of a photograph a mask or probability map.",
    ),
]
TaskName = Annotated[
    Literal["ring", "tubular"] | None,
    typer.Option(
        "--task", help="ring: myocardium in a stack; tubular: vessels in a picture. By default detected from the file."
    ),
]


def _input(kind: Any, help: str, **more: Any) -> Any:
    return Annotated[kind, typer.Option(help=help, rich_help_panel=INPUT, **more)]


STRUCTURES: dict[str, Any] = {
    "phase": _input(int | None, "Phase of a cine, from 0, if IMAGE has several.", min=0, metavar="N"),
    "label": _input(
        list[str] | None,
        "Label of the myocardium, or several that form it, such as wall and scar; optional if there is only one.",
        metavar="N[,N...]",
    ),
    "segment": _input(
        list[str] | None,
        "Name or ID of the myocardium in a .seg.nrrd or DICOM SEG, or several that form it.",
        metavar="NAME[,NAME...]",
    ),
    "pool_label": _input(int | None, "Label of the blood pool (LV cavity), if any; it guides the repair."),
    "pool_segment": _input(str | None, "Name or ID of the blood pool in a .seg.nrrd or DICOM SEG."),
    "rv_label": _input(int | None, "Label of the right ventricle, if any; needed for the AHA segments of the report."),
    "rv_segment": _input(str | None, "Name or ID of the right ventricle in a .seg.nrrd or DICOM SEG."),
}
"""Options that are passed as the parameter ``choice``."""
Reports = Annotated[
    list[Path] | None,
    typer.Option(
        "--report",
        metavar="FILE",
        help="Also write a report; .csv, .json or .html. May be given several times.",
        rich_help_panel=OUTPUT,
    ),
]
OutputFile = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        metavar="OUT",
        help="Repaired segmentation, in the format of SEGMENTATION.",
        rich_help_panel=OUTPUT,
    ),
]


def takes_options(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that adds the options of a repair, and those that select structures, to a command.

    The decorated function receives the former as ``options``, a :class:`~rncarefine.refine.options.RepairOptions`, and,
    if it has a parameter ``choice``, the latter (:data:`STRUCTURES`) as a
    :class:`~rncarefine.io.choice.StructureChoice`.

    Args:
        names: Options of the command; by default all.
    """
    chosen = {name: info for name, info in option_infos().items() if name in names or not names}
    hints = get_type_hints(RepairOptions)

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command, eval_str=True)
        own: list[inspect.Parameter] = []
        for name, parameter in signature.parameters.items():
            if name == "choice":
                own += [parameter.replace(name=key, annotation=kind, default=None) for key, kind in STRUCTURES.items()]
            elif name != "options":
                own.append(parameter)
        derived = [_parameter(name, info, hints[name]) for name, info in chosen.items()]

        @wraps(command)
        def run(*arguments: Any, **keywords: Any) -> None:
            given = {name: keywords.pop(name) for name in chosen}
            with one_line_errors():
                if "choice" in signature.parameters:
                    keywords["choice"] = StructureChoice(**{name: keywords.pop(name) for name in STRUCTURES})
                options = RepairOptions(**given)
            command(*arguments, **keywords, options=options)

        parameters = [*own, *derived]
        run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return run

    return decorate


def _parameter(name: str, info: OptionInfo, hint: Any) -> inspect.Parameter:
    """Return the parameter of an option for typer."""
    kind, default, help = hint, default_of(name), info.help
    if name == "device":  # text in the engine, a choice here
        kind, default = Device, Device(default)
    elif name == "model":
        kind, help = str | None, f"{help} See 'rncarefine models'."
    option = typer.Option(
        info.flag,
        help=help,
        rich_help_panel=str(info.group),
        metavar=info.metavar,
        min=info.minimum,
        max=info.maximum,
    )
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option])
