"""What the commands of ``rncarefine-train`` share: the console and the options that most of them take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

DEFAULT_CONFIG = Path(__file__).parents[1] / "configs" / "sax-cine-2d.yaml"

console = Console()

ConfigOption = Annotated[Path, typer.Option("--config", "-c", exists=True, dir_okay=False, help="The training.")]
RunOption = Annotated[Path, typer.Option("--run", "-r", file_okay=False, help="Folder that holds all of the run.")]


def made(folder: Path) -> Path:
    """Return a folder that is there, made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder
