"""The command that makes cases free for any use: procedural hearts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import track

from .options import RunOption, console, made

HEARTS = 260
"""As many as configs/sax-open-2d.yaml names."""


def procedural(
    count: Annotated[int, typer.Option(min=1, help="How many hearts.")] = HEARTS,
    run: RunOption = Path("run"),
    seed: Annotated[
        int | None, typer.Option(min=0, help="Another collection of hearts; the shipped one if left out.")
    ] = None,
) -> None:
    """Make hearts: labelled stacks drawn from general anatomy, written as cases heart0000 onwards."""
    from ..data.procedural import SEED, write_cases

    folder = made(run / "cases")
    found = write_cases(folder, count, SEED if seed is None else seed)
    console.print(f"{sum(1 for _ in track(found, 'Hearts', total=count))} cases in {folder}")


def register(app: typer.Typer) -> None:
    """Add the command to the training's command line."""
    app.command()(procedural)
