"""Typed records of a check or a repair: one per slice, one per stack, one for the model and the run."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from .words import Expectation, Finding, Verdict


@dataclass(frozen=True)
class SliceRecord:
    """One row of the report. Areas in mm2, angles in degrees, lengths in mm."""

    k: int
    finding_before: Finding
    finding_after: Finding
    expectation: Expectation
    verdict: Verdict
    flagged: bool
    """A person must look at this slice."""
    b0_before: int
    b1_before: int
    b0_after: int
    b1_after: int
    gap_deg_before: float
    gap_deg_after: float
    gap_mm_before: float
    added_mm2: float
    removed_mm2: float
    taken_from_pool_mm2: float
    taken_from_others_mm2: float
    pool_outside_mm2: float
    """Blood pool that lies outside the closed ring after the repair (0 without a pool)."""
    confidence: float | None
    """0 to 1, agreement of the automaton's samples with the mask; ``None`` where the automaton did not decide."""
    reason: str
    """Why the verdict is what it is, and why an intact slice need not be a ring; empty for an intact ring."""


@dataclass(frozen=True)
class StackRecord:
    """Totals of a stack before and after."""

    name: str
    slices: int
    spacing_mm: tuple[float, float, float]
    expected_rings: int
    closed_before: int
    """Slices expected to be rings that were rings before."""
    closed_after: int
    right_before: int
    """Slices that were what they were expected to be."""
    right_after: int
    flagged: int
    changed: int
    lv_mass_before_g: float
    lv_mass_after_g: float
    lv_mass_change_percent: float
    b0_3d_before: int
    b1_3d_before: int
    b2_3d_before: int
    b0_3d_after: int
    b1_3d_after: int
    b2_3d_after: int


@dataclass(frozen=True)
class ModelRecord:
    """The weights that were used."""

    name: str
    sha256: str
    licence: str
    training_data: str


@dataclass(frozen=True)
class RunRecord:
    """How the run was made, enough to repeat it."""

    version: str
    backend: str
    device: str
    seed: int
    samples: int
    steps: int
    close_base: bool
    add_only: bool
    geometry: bool
    apex: str
    seconds: float


@dataclass(frozen=True)
class Report:
    """Everything there is to say about one stack."""

    stack: StackRecord
    slices: list[SliceRecord]
    model: ModelRecord | None
    run: RunRecord
    warnings: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain dicts, lists, strings and numbers, ready for JSON."""
        return asdict(self)

    def summary(self) -> str:
        """Return the one-line summary that panel, command line and log show."""
        stack = self.stack
        return (
            f"{stack.closed_before} of {stack.expected_rings} slices closed before, {stack.closed_after} after; "
            f"{stack.flagged} flagged; LV mass {stack.lv_mass_before_g:.1f} -> {stack.lv_mass_after_g:.1f} g "
            f"({stack.lv_mass_change_percent:+.1f} %)"
        )
