"""Exit status of the command line, and errors as one line."""

# Few imports here: `main` imports this module before it handles signals.

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

FINE, FLAGGED, BAD_INPUT, FAILED, STOPPED, CLOSED, TERMINATED = 0, 1, 2, 3, 130, 141, 143
FULL_DISK = (errno.ENOSPC, errno.EDQUOT)


class Terminated(BaseException):
    """The process received SIGTERM; incomplete files are removed."""


def output_problem(error: OSError | ValueError) -> str:
    """Return the message for a standard output that cannot be written."""
    if isinstance(error, OSError) and error.errno in FULL_DISK:
        return (
            "standard output cannot be written: no space left where it is redirected to. Free space, or redirect it "
            "elsewhere."
        )
    reason = getattr(error, "strerror", None) or str(error)
    return f"standard output cannot be written ({reason}). Redirect it elsewhere."


def note(text: str) -> None:
    """Print a line on standard error, apart from the results."""
    # Errors are ignored; file names may contain invalid Unicode.
    with suppress(OSError):
        print(text.encode("utf-8", "backslashreplace").decode("utf-8"), file=sys.stderr)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn errors of input and output into one line on standard error, and signals into their exit codes."""
    import typer

    try:
        yield
    except BrokenPipeError:  # the reader of standard output was closed
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
