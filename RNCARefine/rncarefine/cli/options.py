"""The options that the commands of the command line share, spelled once."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from ..words import Apex, Mode


class Device(str, Enum):
    """What the automaton runs on."""

    AUTO = "auto"
    NUMPY = "numpy"
    CPU = "cpu"
    CUDA = "cuda"
    MPS = "mps"


INPUT, METHOD, OUTPUT = "Input", "Method", "Output"
"""Groups of options in the help."""

ImageFile = Annotated[
    Path,
    typer.Argument(
        metavar="IMAGE", help="Short-axis stack: NIfTI, NRRD, MetaImage, or a DICOM series (folder or file)."
    ),
]
SegmentationFile = Annotated[
    Path,
    typer.Argument(metavar="SEGMENTATION", help="Label map on the image's grid, .seg.nrrd or DICOM SEG."),
]
Phase = Annotated[
    int | None,
    typer.Option(
        "--phase",
        min=0,
        metavar="N",
        help="Phase of a cine, from 0, where IMAGE holds several.",
        rich_help_panel=INPUT,
    ),
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
CloseBase = Annotated[
    bool,
    typer.Option(
        "--close-base", help="Expect closed rings at the base too, not an outflow tract.", rich_help_panel=METHOD
    ),
]
ApexEnd = Annotated[
    Apex,
    typer.Option(help="Which end of the stack the apex lies at.", rich_help_panel=METHOD),
]
ModelName = Annotated[
    str | None,
    typer.Option("--model", metavar="NAME|PATH", help="Weights; see 'rncarefine models'.", rich_help_panel=METHOD),
]
ModelMode = Annotated[
    Mode | None,
    typer.Option(
        "--mode",
        help="Slice by slice, or with the neighbouring slices; takes the best model of the mode, or checks --model.",
        rich_help_panel=METHOD,
    ),
]
DeviceName = Annotated[
    Device,
    typer.Option(help="What the automaton runs on; auto takes the best there is.", rich_help_panel=METHOD),
]
Seed = Annotated[
    int,
    typer.Option(min=0, help="The same seed gives the same result, everywhere.", rich_help_panel=METHOD),
]
Samples = Annotated[
    int,
    typer.Option(min=1, help="Runs of the automaton that are averaged; several take longer.", rich_help_panel=METHOD),
]
NoGeometry = Annotated[
    bool,
    typer.Option("--no-geometry", help="Automaton alone: never close a ring by geometry.", rich_help_panel=METHOD),
]
AddOnly = Annotated[
    bool,
    typer.Option("--add-only", help="Never remove myocardium.", rich_help_panel=METHOD),
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
TrimPool = Annotated[
    bool,
    typer.Option("--trim-pool", help="Clear blood pool outside the closed rings.", rich_help_panel=OUTPUT),
]
