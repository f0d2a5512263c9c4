"""Calls of the training's command line in this process."""

from __future__ import annotations

from typing import Any

from typer import Typer
from typer.testing import CliRunner

from rncarefine_training.cli.main import app as training


def call(*arguments: object, app: Typer = training) -> Any:
    """Run a command; the result has its exit status, output and exception."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def output_of(*arguments: object, app: Typer = training) -> str:
    """Run a command that must succeed and return its output."""
    done = call(*arguments, app=app)
    assert done.exit_code == 0, done.output
    return str(done.output)
