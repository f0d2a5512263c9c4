"""A labelled stack on disk before it is read, and its name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

Split = Literal["train", "select", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
"""Trained on; the best state is selected on; opened once, to measure."""
DEFAULT_PHASE = "stack"
"""The phase of a stack that has no other."""
_PHASE = re.compile(r"(?P<subject>.+?)[_-](?P<phase>ED|ES|(?:frame|phase|time|t)_?\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Entry:
    """A labelled stack on disk.

    Attributes:
        where: Where it was named, for messages: a line of a table, an identifier.
        subject: Who was scanned.
        phase: Which stack of the subject.
        image: Its image.
        label: The truth.
        predictions: Label maps that networks made of it, by the network's name.
        split: What its subject is for, if the source says so.
        field_of_view: Mask of where a picture shows anything, if there is one.
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
        """The name of the case, ``<subject>_<phase>``."""
        return f"{self.subject}_{self.phase}"

    @property
    def files(self) -> list[Path]:
        """All files, image and truth first."""
        mask = [] if self.field_of_view is None else [self.field_of_view]
        return [self.image, self.label, *mask, *self.predictions.values()]


def tidy(name: str) -> str:
    """Return a name of letters, digits, dots and hyphens: what file names and patterns of them can hold anywhere.

    Raises:
        ValueError: Nothing is left of it.
    """
    kept = re.sub(r"[^A-Za-z0-9.]+", "-", name.strip()).strip("-.")
    if not kept:
        raise ValueError(f"{name!r} has no letter or digit that a file name can hold. Give it another name.")
    return kept


def subject_and_phase(identifier: str, pattern: str | None = None) -> tuple[str, str]:
    """Infer subject and phase from an identifier.

    Without a pattern, an ending like ``_ED``, ``_ES``, ``_frame01`` or ``_t12`` is the phase and what stands before it
    the subject; an identifier without such an ending is a subject of its own.

    Args:
        identifier: Such as ``p017_ED``.
        pattern: Regular expression whose group ``subject`` (or first group) is the subject; the group ``phase``, or
            else what is left of the identifier, is the phase.

    Raises:
        ValueError: The pattern is none, or does not fit the identifier.
    """
    if pattern is None:
        match = _PHASE.fullmatch(identifier)
        return (tidy(match["subject"]), tidy(match["phase"])) if match else (tidy(identifier), DEFAULT_PHASE)
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"The pattern of the subjects, {pattern!r}, is no regular expression ({error}).") from None
    if not expression.groups:
        raise ValueError(f"The pattern of the subjects, {pattern!r}, has no group. Put what is the subject in (...).")
    match = expression.search(identifier)
    group: str | int = "subject" if "subject" in expression.groupindex else 1
    if match is None or not match[group]:
        raise ValueError(
            f"The pattern of the subjects, {pattern!r}, finds none in {identifier!r}. Correct the pattern."
        )
    if "phase" in expression.groupindex:
        rest = match["phase"] or ""
    else:
        rest = identifier[: match.start(group)] + identifier[match.end(group) :]
    return tidy(match[group]), tidy(rest) if re.search(r"[A-Za-z0-9]", rest) else DEFAULT_PHASE


def check_network(name: str) -> str:
    """Return the name of a network from outside if it can be the name of a folder and is no base network's.

    Raises:
        ValueError: It cannot.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name) or re.search(r"-\d+$", name):
        raise ValueError(
            f"{name!r} cannot be the name of a network: use letters, digits, '.', '_' and '-', and no '-' before a "
            "number at the end, as the base networks have that are trained here."
        )
    return name


def source_of(network: str) -> str:
    """Return the folder of a network from outside in a run's predictions: it has no other snapshot than its last."""
    return f"{network}@1"


def network_of(source: str) -> str:
    """Return the kind of network that made a folder of predictions: ``weak`` of ``weak-0@1``, ``a`` of ``a@1``."""
    return re.sub(r"(-\d+)?@[\d.]+$", "", source)


def check_entries(entries: Iterable[Entry]) -> None:
    """Check that no case is named twice, no file is missing, and no subject is on two sides.

    Raises:
        ValueError: Something is wrong; everything that is wrong is listed, up to ten lines.
    """
    problems: list[str] = []
    named: dict[str, Entry] = {}
    sides: dict[str, Entry] = {}
    for entry in entries:
        twin = named.setdefault(entry.name.casefold(), entry)
        if twin is not entry:
            problems.append(
                f"{twin.where} and {entry.where} are both case {entry.name}. Give subjects or phases other names."
            )
        problems += [f"{entry.where}: there is no file {path}." for path in entry.files if not path.is_file()]
        other = sides.setdefault(entry.subject.casefold(), entry)
        if other.split != entry.split:
            problems.append(
                f"Subject {entry.subject} is for {_side(other)} in {other.where} and for {_side(entry)} in "
                f"{entry.where}. All stacks of a subject belong on one side, or what was trained on is tested on."
            )
    raise_all(problems)


def raise_all(problems: list[str]) -> None:
    """Raise one error that lists up to ten problems, if there is any.

    Raises:
        ValueError: There is a problem.
    """
    if problems:
        more = [f"... and {len(problems) - 10} more."] if len(problems) > 10 else []
        raise ValueError("\n".join(problems[:10] + more))


def _side(entry: Entry) -> str:
    return entry.split or "no side"
