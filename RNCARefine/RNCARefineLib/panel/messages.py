"""Messages to the user: errors as one sentence with a remedy, and numbers in sentences."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import slicer
from slicer.i18n import tr as _

from rncarefine.refine.options import OptionError, option_infos

_BEFORE_UNIT = re.compile(r"(?<=\d) (?=(?:%|g|mm\u00b2?|degrees)(?!\w))")


@contextmanager
def shown_errors(what: str, *, wait: bool = False) -> Iterator[None]:
    """Show an error of the block in a window.

    An expected error is shown as its message, and the block ends. An unexpected one is shown with its traceback and
    raised again, so that it is logged.

    Args:
        what: Message for an unexpected error.
        wait: Show the wait cursor while the block runs.
    """
    expected = ""
    with slicer.util.tryWithErrorDisplay(what, waitCursor=wait):
        try:
            yield
        except Exception as error:
            expected = error_text(error)
            if not expected:
                raise
    if expected:
        # After the block: a window over a wait cursor would look as if it could not be closed.
        slicer.util.errorDisplay(expected)


def error_text(error: BaseException) -> str:
    """Return the message of an expected error, empty for an unexpected one."""
    text = str(error)
    if isinstance(error, MemoryError):
        return _("Out of memory. Close other volumes or programs, and try again.")
    if "out of memory" in text.lower():
        return _("The GPU is out of memory. Under Advanced, choose the device cpu, and repair again.")
    if "no kernel image" in text:
        return _(
            "The installed PyTorch does not support this GPU. Under Advanced, choose the device cpu; to use the GPU, "
            "install a newer PyTorch in the module PyTorch Utils."
        )
    if isinstance(error, NotImplementedError) and "mps" in text.lower():
        return _("PyTorch lacks an operation on the device mps. Under Advanced, choose the device cpu.")
    if isinstance(error, OSError):
        where = "" if error.filename is None else f"{error.filename}: "
        reason = error.strerror or text
        return _("{where}{reason}. Choose another folder, or free disk space.").format(where=where, reason=reason)
    if isinstance(error, OptionError):
        return str(OptionError(error.name, error.fault, _(option_infos()[error.name].label)))
    if isinstance(error, ValueError):
        return text
    return ""


def number_ranges(numbers: Iterable[int]) -> str:
    """Return numbers as a list in text: three or more in a row as "0 to 8", others one by one."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(part for run in runs for part in _run_parts(run))


def unbroken(text: str) -> str:
    """Return a text in which no line can break between a number and its unit."""
    return _BEFORE_UNIT.sub("\u00a0", text)


def _run_parts(run: list[int]) -> list[str]:
    if len(run) < 3:
        return [str(number) for number in run]
    return [_("{first} to {last}").format(first=run[0], last=run[-1])]
