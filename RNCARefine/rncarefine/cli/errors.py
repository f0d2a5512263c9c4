"""Map exceptions to one-line messages and exit codes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from .main import BAD_INPUT, CLOSED, STOPPED, TERMINATED, Terminated
from .tables import note


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn errors of input and output into one line on standard error, and signals into their exit codes."""
    try:
        yield
    except BrokenPipeError:  # nobody reads standard output any more
        raise typer.Exit(CLOSED) from None
    except (ValueError, OSError) as error:
        note("rncarefine: " + " ".join(str(error).split()))
        raise typer.Exit(BAD_INPUT) from None
    except MemoryError:
        note("rncarefine: out of memory. Close other programs, or use a smaller stack or fewer workers.")
        raise typer.Exit(BAD_INPUT) from None
    except KeyboardInterrupt:
        note("rncarefine: stopped")
        raise typer.Exit(STOPPED) from None
    except Terminated:
        note("rncarefine: terminated")
        raise typer.Exit(TERMINATED) from None
