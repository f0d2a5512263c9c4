"""Progress reporting and cancellation of long tasks."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[float, str], "bool | None"]
"""Called with the fraction done (0 to 1) and a short text; returning ``False`` cancels the work."""


class Cancelled(Exception):
    """The progress callback requested cancellation; nothing was changed."""


def report_progress(progress: Progress | None, fraction: float, text: str) -> None:
    """Report progress.

    Args:
        progress: Callback, or ``None``.
        fraction: Fraction done, 0 to 1.
        text: Description of the current step.

    Raises:
        Cancelled: The callback returned ``False``.
    """
    if progress is not None and progress(min(max(fraction, 0.0), 1.0), text) is False:
        raise Cancelled(f"Cancelled while: {text}")


def subrange(progress: Progress | None, start: float, stop: float) -> Progress | None:
    """Return a callback that maps the fractions 0..1 of a subtask to ``start..stop`` of the whole task."""
    if progress is None:
        return None
    return lambda fraction, text: progress(start + fraction * (stop - start), text)
