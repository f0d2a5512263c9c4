"""Entry point of the command line ``rncarefine``; does not require Slicer.

Exit status: 0 everything is as expected, 1 something needs review, 2 bad input, or a file or standard output cannot be
written, 3 internal error, 130 stopped by Ctrl-C, 141 standard output was closed by its reader, 143 stopped by SIGTERM.
"""

# Few imports here: `start` imports this module before `main` handles signals.

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any

from .status import (
    BAD_INPUT,
    CLOSED,
    FAILED,
    FINE,
    FLAGGED,
    FULL_DISK,
    STOPPED,
    TERMINATED,
    Terminated,
    output_problem,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status.

    Args:
        arguments: Command-line arguments; by default those of the process.
    """
    _open_streams()
    output = _Output()
    signals = _Signals()
    try:
        return output.closing(_run(list(sys.argv[1:] if arguments is None else arguments), signals))
    except KeyboardInterrupt:
        _print_error("rncarefine: stopped")
        return STOPPED
    except Terminated:
        _print_error("rncarefine: terminated")
        return TERMINATED
    finally:
        signals.restore()
        output.restore()


def _run(arguments: list[str], signals: _Signals) -> int:
    try:
        # Not at the top: the engine must import without typer.
        from .commands import app
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("typer", "rich"):
            raise
        print(
            f'The command line needs {error.name}. In the clone: .venv/bin/pip install -c constraints.txt ".[cli]"',
            file=sys.stderr,
        )
        return BAD_INPUT
    signals.raise_exceptions()
    try:
        # Not standalone: usage errors are printed here, in one line like all others.
        status = app(arguments, prog_name="rncarefine", standalone_mode=False)
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else FINE
    except Exception as error:
        if hasattr(error, "format_message"):  # an error of usage, whose class is private in some versions of typer
            _print_error(_usage_error(error))
            return BAD_INPUT
        if isinstance(error, OSError) and error.errno in FULL_DISK and error.filename is None:
            _print_error(f"rncarefine: {output_problem(error)}")  # raised by help and version, outside the commands
            return BAD_INPUT
        import traceback

        # Not Python's own status 1, which means that slices are flagged.
        traceback.print_exc()
        return FAILED
    return status if isinstance(status, int) else FINE


def _usage_error(error: Any) -> str:
    """Return the message about wrong arguments; empty without arguments, since the help is printed."""
    message = " ".join(error.format_message().split())
    command = getattr(getattr(error, "ctx", None), "command_path", "rncarefine")
    return f"rncarefine: {message.rstrip('.')}. See: {command} --help" if message else ""


class _Signals:
    """Handlers of Ctrl-C and SIGTERM.

    During the imports the process exits at once: nothing has been written, and an exception in an import would be
    mistaken for a broken installation.
    """

    def __init__(self) -> None:
        self._before: dict[int, object] = {}
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                before = signal.getsignal(number)
                # Background jobs of a shell ignore Ctrl-C, and must continue to do so.
                if before in (signal.SIG_DFL, signal.default_int_handler):
                    signal.signal(number, self._exit)
                    self._before[number] = before
            except ValueError:  # not the main thread
                return

    def raise_exceptions(self) -> None:
        """Raise an exception instead of exiting at once."""
        for number in self._before:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else self._terminate)

    def restore(self) -> None:
        """Restore the previous handlers."""
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _exit(self, number: int, frame: FrameType | None) -> None:
        text, status = ("stopped", STOPPED) if number == signal.SIGINT else ("terminated", TERMINATED)
        try:
            os.write(2, f"rncarefine: {text}\n".encode())
        finally:
            os._exit(status)

    def _terminate(self, number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN)  # cleanup must not be interrupted
        raise Terminated


class _Output:
    """Standard output, with handling of closed pipes and full disks."""

    def __init__(self) -> None:
        self._copy: int | None = None
        try:
            self._copy = os.dup(sys.stdout.fileno())
        except (OSError, ValueError, AttributeError):
            pass

    def closing(self, status: int) -> int:
        """Flush standard output, and return the exit status."""
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            self._discard()
            return CLOSED
        except (OSError, ValueError) as error:
            self._discard()
            if status != BAD_INPUT:
                _print_error(f"rncarefine: {output_problem(error)}")
            return BAD_INPUT
        # On a closed pipe libraries exit with 1, which here means that slices are flagged.
        return CLOSED if status == FLAGGED and self._closed() else status

    def restore(self) -> None:
        """Close the copy."""
        if self._copy is not None:
            os.close(self._copy)
            self._copy = None

    def _closed(self) -> bool:
        import select

        if self._copy is None or not hasattr(select, "poll"):
            return False
        poll = select.poll()
        poll.register(self._copy, 0)
        return any(event & select.POLLERR for _, event in poll.poll(0))

    def _discard(self) -> None:
        """Discard the remaining output; otherwise Python reports an error on exit."""
        try:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, sys.stdout.fileno())
            os.close(null)
        except (OSError, ValueError):
            pass


def _open_streams() -> None:
    """Reopen closed standard streams so that no file reuses their descriptors."""
    for number, name in ((0, "stdin"), (1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            try:
                os.fstat(number)
            except OSError:
                os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, open(os.devnull, "r" if number == 0 else "w", encoding="utf-8"))
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # names may be unprintable


def _print_error(text: str) -> None:
    try:
        if text:
            print(text.encode("utf-8", "backslashreplace").decode("utf-8"), file=sys.stderr)
    except (OSError, ValueError):
        pass


if __name__ == "__main__":
    sys.exit(main())
