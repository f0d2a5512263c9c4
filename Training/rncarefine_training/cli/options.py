"""Console and options shared by the commands of ``rncarefine-train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

DEFAULT_CONFIG = Path(__file__).parents[1] / "configs" / "sax-cine-2d.yaml"

console = Console()

ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", exists=True, dir_okay=False, help="Training configuration.")
]
RunOption = Annotated[Path, typer.Option("--run", "-r", file_okay=False, help="Folder of the run.")]


def ensure_folder(folder: Path) -> Path:
    """Create a folder if needed, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder
