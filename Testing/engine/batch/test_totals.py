"""Totals of a cohort."""

from dataclasses import replace

from engine.report_samples import broken_report
from rncarefine.batch.cohort import Totals
from rncarefine.reasons import Reason, ReasonCode
from rncarefine.words import Verdict


def test_totals_are_sums_over_cases_and_slices():
    report = broken_report()
    totals = Totals()
    for one in (report, replace(report, stack=replace(report.stack, flagged=0), doubts=[Reason(ReasonCode.ONE_SLICE)])):
        totals.add(one)
    assert (totals.cases, totals.flagged_cases, totals.noted_cases, totals.slices) == (2, 1, 1, 8)
    assert (totals.expected_rings, totals.closed_before, totals.closed_after) == (8, 2, 6)
    assert dict(totals.verdicts) == dict.fromkeys(
        (Verdict.INTACT, Verdict.AUTOMATON, Verdict.CLEANED, Verdict.REFUSED), 2
    )
