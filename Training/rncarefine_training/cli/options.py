"""Console and options shared by the commands of ``rncarefine-train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

DEFAULT_CONFIG = Path(__file__).parents[1] / "configs" / "sax-cine-2d.yaml"

console = Console()

ConfigOption = Annotated[Path, typer.Option("--config", "-c", exists=True, dir_okay=False, help="The training.")]
RunOption = Annotated[Path, typer.Option("--run", "-r", file_okay=False, help="Folder that holds all of the run.")]


def ensure_folder(folder: Path) -> Path:
    """Return a folder, made if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder
