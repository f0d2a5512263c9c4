"""Processes that a test starts and interrupts, and never leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

# What runs in the background of a shell ignores Ctrl-C, and so would all that it starts. This gives it back before the
# command takes the process over; `preexec_fn` would do that while the locks of other threads stay locked.
_HEED = (
    "import os, signal, sys\n"
    "signal.signal(signal.SIGINT, signal.SIG_DFL)\n"
    "signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})\n"
    "os.execv(sys.argv[1], sys.argv[1:])\n"
)


@contextmanager
def interruptible(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Start a process in a group of its own that heeds Ctrl-C; whatever is left of the group at the end is killed.

    Args:
        command: A Python and its arguments.
        **options: For :class:`subprocess.Popen`.

    Yields:
        The process; what it prints is piped, as text.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", _HEED, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,
    )
    with process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
