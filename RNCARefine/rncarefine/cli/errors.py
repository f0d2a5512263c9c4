"""What the commands do about errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from .main import BAD_INPUT, STOPPED
from .tables import note


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn errors of input and output into one line on standard error, and Ctrl-C into its status."""
    try:
        yield
    except (ValueError, OSError) as error:
        note("rncarefine: " + " ".join(str(error).split()))
        raise typer.Exit(BAD_INPUT) from None
    except KeyboardInterrupt:
        note("rncarefine: stopped")
        raise typer.Exit(STOPPED) from None
