"""Uncaught errors: the application logs them, here they fail the test.

A slot or a VTK observer that raises does not stop its caller; PythonQt and VTK print the error and continue.
The same happens here, and the errors are kept: :meth:`~harness.session.Session.close` raises the first that no
:func:`expect_error` took. Warnings of Qt itself (an unknown signal, a layout on a widget that has one) are kept, too.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

_errors: list[BaseException] = []


def record(error: BaseException) -> None:
    """Keep an error that was raised where it cannot be caught."""
    _errors.append(error)


def take_all() -> list[BaseException]:
    """Return the errors kept so far, and forget them."""
    taken = _errors[:]
    _errors.clear()
    return taken


def install() -> None:
    """Keep, from now on, what Python would print for an error that was not caught."""
    sys.excepthook = _excepthook


def uninstall() -> None:
    sys.excepthook = sys.__excepthook__


@contextmanager
def expect_error(kind: type[BaseException], match: str = "") -> Iterator[None]:
    """Expect that a slot or an observer raises an error of ``kind`` whose text has a match of ``match``."""
    before = len(_errors)
    yield
    new = _errors[before:]
    fitting = [error for error in new if isinstance(error, kind) and re.search(match, str(error))]
    if not fitting:
        raise AssertionError(f"No slot raised {kind.__name__} with {match!r}; raised: {new}.")
    _errors.remove(fitting[0])


def _excepthook(
    kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
) -> None:  # sys.excepthook's own signature
    record((error or kind()).with_traceback(trace))
