"""The options that the commands of the command line share, spelled once."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import typer

from ..refine.options import Face, Group, OptionInfo, RepairOptions, default_of, option_infos
from ..words import Device
from .errors import one_line_errors

INPUT, OUTPUT = "Input", str(Group.OUTPUT)
"""Groups of options in the help."""

ImageFile = Annotated[
    Path,
    typer.Argument(
        metavar="IMAGE",
        help="Short-axis stack (NIfTI, NRRD or MetaImage, slices along the third axis), or a photograph (also PNG, "
        "JPEG, TIFF).",
    ),
]
SegmentationFile = Annotated[
    Path,
    typer.Argument(
        metavar="SEGMENTATION",
        help="Label map on the image's grid, or .seg.nrrd; of a photograph a mask or probability map.",
    ),
]
TaskName = Annotated[
    Literal["ring", "tubular"] | None,
    typer.Option("--task", help="ring: myocardium in a stack; tubular: vessels in a picture. Told by the file."),
]
Label = Annotated[
    int | None,
    typer.Option(help="Label of the myocardium; not needed if there is only one.", rich_help_panel=INPUT),
]
SegmentName = Annotated[
    str | None,
    typer.Option("--segment", help="Name or ID of the myocardium in a .seg.nrrd.", rich_help_panel=INPUT),
]
PoolLabel = Annotated[
    int | None,
    typer.Option(
        help="Label of the blood pool (LV cavity), if there is one: it guides the repair.", rich_help_panel=INPUT
    ),
]
PoolSegment = Annotated[
    str | None,
    typer.Option(help="Name or ID of the blood pool in a .seg.nrrd.", rich_help_panel=INPUT),
]
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
        help="The repaired segmentation, of SEGMENTATION's kind.",
        rich_help_panel=OUTPUT,
    ),
]


def takes_options(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that gives a command the options of a repair.

    The command has a parameter ``options`` in their place, a :class:`~rncarefine.refine.options.RepairOptions`. So an
    option that is added there is on the command line.

    Args:
        names: The options that the command has; all that the command line offers if not given.
    """
    infos = option_infos(Face.COMMAND_LINE)
    chosen = {name: info for name, info in infos.items() if name in names or not names}
    hints = get_type_hints(RepairOptions)

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command, eval_str=True)
        own = [parameter for parameter in signature.parameters.values() if parameter.name != "options"]
        derived = [_parameter(name, info, hints[name]) for name, info in chosen.items()]

        @wraps(command)
        def run(*arguments: Any, **keywords: Any) -> None:
            given = {name: keywords.pop(name) for name in chosen}
            with one_line_errors():
                options = RepairOptions(**given)
            command(*arguments, **keywords, options=options)

        parameters = [*own, *derived]
        run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return run

    return decorate


def _parameter(name: str, info: OptionInfo, hint: Any) -> inspect.Parameter:
    """Return the parameter that typer makes an option of."""
    kind, default = hint, default_of(name)
    if name == "device":  # plain text for the engine, words to choose from here
        kind, default = Device, Device(default)
    elif name == "model":
        kind = str | None
    option = typer.Option(
        info.flag, help=info.help, rich_help_panel=str(info.group), metavar=info.metavar, min=info.least
    )
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option])
