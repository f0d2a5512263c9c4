"""The headline of the HTML report: it states the changes and warns of large ones."""

from dataclasses import replace

import pytest

from engine.report_samples import broken_report, slice_record
from rncarefine.report.headline import LARGE_CHANGE_PERCENT, headline
from rncarefine.words import Finding, Verdict


def kinds(report):
    """Return the kinds of the badges: fine, or to look at."""
    return [part.split('"')[1].split()[1] for part in headline(report).split("<p ")[1:]]


def with_totals(report, **changes):
    return replace(report, stack=replace(report.stack, **changes))


def all_fine(**totals):
    report = broken_report(slices=[slice_record(k) for k in range(4)])
    return with_totals(report, **{"changed": 0, "flagged": 0, "lv_mass_change_percent": 0.0, **totals})


@pytest.mark.parametrize("totals", [{}, {"changed": 1, "lv_mass_change_percent": -0.2}])
def test_no_or_small_changes_are_fine(totals):
    assert kinds(all_fine(**totals)) == ["fine", "fine"]


@pytest.mark.parametrize("percent", [-36.0, LARGE_CHANGE_PERCENT, float("nan")])
def test_a_large_change_of_the_mass_is_to_be_looked_at(percent):
    report = all_fine(changed=4, lv_mass_change_percent=percent)
    assert kinds(report) == ["look", "fine"]


def test_flags_come_before_everything_and_name_their_slices():
    assert kinds(broken_report())[1] == "look"
    assert "review: 2<" in headline(broken_report())


def test_a_check_changed_nothing_and_counts_what_is_to_be_repaired():
    records = [slice_record(0), slice_record(1, finding_before=Finding.OPEN, verdict=Verdict.TO_REPAIR, flagged=True)]
    report = broken_report(slices=records, model=None)
    assert kinds(report) == ["fine", "look"]
    assert "nothing was changed" in headline(report)
    assert "slice 1<" in headline(report)
