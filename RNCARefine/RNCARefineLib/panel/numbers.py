"""Format numbers in sentences."""

from __future__ import annotations

import re
from collections.abc import Iterable

from slicer.i18n import tr as _

_BEFORE_UNIT = re.compile(r"(?<=\d) (?=(?:%|g|mm\u00b2?|degrees)(?!\w))")


def listed(numbers: Iterable[int]) -> str:
    """Return numbers as a list in text: three or more in a row as "0 to 8", others one by one."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(part for run in runs for part in _parts(run))


def unbroken(text: str) -> str:
    """Return a text in which no line can break between a number and its unit."""
    return _BEFORE_UNIT.sub("\u00a0", text)


def _parts(run: list[int]) -> list[str]:
    if len(run) < 3:
        return [str(number) for number in run]
    return [_("{first} to {last}").format(first=run[0], last=run[-1])]
