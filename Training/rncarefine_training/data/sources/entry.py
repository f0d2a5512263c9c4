"""Paths and names of a labelled stack on disk."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

Split = Literal["train", "select", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
"""Training, validation and test set."""
DEFAULT_PHASE = "stack"
"""Phase of stacks without one."""
_PHASE = re.compile(r"(?P<subject>.+?)[_-](?P<phase>ED|ES|(?:frame|phase|time|t)_?\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Entry:
    """A labelled stack on disk.

    Attributes:
        where: Origin for messages, such as a line of a table.
        subject: Subject.
        phase: Phase, which distinguishes the stacks of a subject.
        image: Path of the image.
        label: Path of the truth.
        predictions: Paths of segmentations, by network.
        split: Split of the subject, if defined by the source.
        field_of_view: Path of the mask of the field of view of a picture, if any.
    """

    where: str
    subject: str
    phase: str
    image: Path
    label: Path
    predictions: dict[str, Path] = field(default_factory=dict)
    split: Split | None = None
    field_of_view: Path | None = None

    @property
    def name(self) -> str:
        """Name of the case, ``<subject>_<phase>``."""
        return f"{self.subject}_{self.phase}"

    @property
    def files(self) -> list[Path]:
        """All files, image and truth first."""
        mask = [] if self.field_of_view is None else [self.field_of_view]
        return [self.image, self.label, *mask, *self.predictions.values()]


def tidy(name: str) -> str:
    """Replace all characters except letters, digits and dots by hyphens, for portable file names.

    Raises:
        ValueError: The name has no letter or digit.
    """
    kept = re.sub(r"[^A-Za-z0-9.]+", "-", name.strip()).strip("-.")
    if not kept:
        raise ValueError(f"{name!r} has no letter or digit to use in a file name. Rename it.")
    return kept


def subject_and_phase(identifier: str, pattern: str | None = None) -> tuple[str, str]:
    """Infer subject and phase from an identifier.

    Without a pattern, a suffix such as ``_ED``, ``_ES``, ``_frame01`` or ``_t12`` is the phase and the part before it
    the subject; an identifier without such a suffix is the subject.

    Args:
        identifier: Identifier such as ``p017_ED``.
        pattern: Regular expression whose group ``subject`` (or first group) is the subject; the group ``phase``, or
            else the rest of the identifier, is the phase.

    Raises:
        ValueError: The pattern is invalid, or does not match the identifier.
    """
    if pattern is None:
        match = _PHASE.fullmatch(identifier)
        return (tidy(match["subject"]), tidy(match["phase"])) if match else (tidy(identifier), DEFAULT_PHASE)
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"The subject pattern {pattern!r} is not a regular expression ({error}).") from None
    if not expression.groups:
        raise ValueError(f"The subject pattern {pattern!r} has no group. Enclose the subject in (...).")
    match = expression.search(identifier)
    group: str | int = "subject" if "subject" in expression.groupindex else 1
    if match is None or not match[group]:
        raise ValueError(f"The subject pattern {pattern!r} does not match {identifier!r}. Correct the pattern.")
    if "phase" in expression.groupindex:
        rest = match["phase"] or ""
    else:
        rest = identifier[: match.start(group)] + identifier[match.end(group) :]
    return tidy(match[group]), tidy(rest) if re.search(r"[A-Za-z0-9]", rest) else DEFAULT_PHASE


def check_network(name: str) -> str:
    """Return the name of an external network if it is valid and cannot be confused with a base network.

    Raises:
        ValueError: The name is invalid.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name) or re.search(r"-\d+$", name):
        raise ValueError(
            f"{name!r} cannot be the name of a network: use letters, digits, '.', '_' and '-'. Names that end with "
            "'-' and a number are reserved for base networks."
        )
    return name


def prediction_folder(network: str) -> str:
    """Return the folder of an external network in a run's predictions; fraction 1, as it has no snapshots."""
    return f"{network}@1"


def network_of(source: str) -> str:
    """Return the kind of network of a folder of predictions: ``weak`` for ``weak-0@1``, ``a`` for ``a@1``."""
    return re.sub(r"(-\d+)?@[\d.]+$", "", source)


def check_entries(entries: Iterable[Entry]) -> None:
    """Check for duplicate cases, missing files, and subjects in several splits.

    Raises:
        ValueError: A check failed; up to ten problems are listed.
    """
    problems: list[str] = []
    named: dict[str, Entry] = {}
    by_subject: dict[str, Entry] = {}
    for entry in entries:
        first = named.setdefault(entry.name.casefold(), entry)
        if first is not entry:
            problems.append(f"{first.where} and {entry.where} are both case {entry.name}. Rename subjects or phases.")
        problems += [f"{entry.where}: file {path} does not exist." for path in entry.files if not path.is_file()]
        other = by_subject.setdefault(entry.subject.casefold(), entry)
        if other.split != entry.split:
            problems.append(
                f"Subject {entry.subject} is {_split_name(other)} in {other.where} and {_split_name(entry)} in "
                f"{entry.where}. All stacks of a subject must be in the same split."
            )
    raise_all(problems)


def raise_all(problems: list[str]) -> None:
    """Raise one error with up to ten problems, if there are any.

    Raises:
        ValueError: There are problems.
    """
    if problems:
        more = [f"... and {len(problems) - 10} more."] if len(problems) > 10 else []
        raise ValueError("\n".join(problems[:10] + more))


def _split_name(entry: Entry) -> str:
    return entry.split or "without split"
