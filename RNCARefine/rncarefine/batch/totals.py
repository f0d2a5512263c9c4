"""What a cohort adds up to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from ..refine.records import Report
from ..words import Verdict


@dataclass
class Totals:
    """Sums over the finished cases of a cohort.

    Attributes:
        cases: Finished cases.
        flagged_cases: Those with slices that a person must look at.
        noted_cases: Those whose report has warnings.
        slices: Slices of all cases.
        expected_rings: Slices that should be rings.
        closed_before: Of these, the rings before.
        closed_after: The rings after.
        verdicts: Slices by what was done about them.
    """

    cases: int = 0
    flagged_cases: int = 0
    noted_cases: int = 0
    slices: int = 0
    expected_rings: int = 0
    closed_before: int = 0
    closed_after: int = 0
    verdicts: Counter[Verdict] = field(default_factory=Counter)

    def add(self, report: Report) -> None:
        """Add a case."""
        stack = report.stack
        self.cases += 1
        self.flagged_cases += bool(stack.flagged)
        self.noted_cases += bool(report.warnings)
        self.slices += stack.slices
        self.expected_rings += stack.expected_rings
        self.closed_before += stack.closed_before
        self.closed_after += stack.closed_after
        self.verdicts.update(record.verdict for record in report.slices)
