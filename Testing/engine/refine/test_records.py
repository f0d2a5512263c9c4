"""Records: what was written as JSON comes back as it was."""

import json
import math
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.report_samples import broken_report, slice_record
from rncarefine.nca.card import ModelRecord
from rncarefine.reasons import Reason, ReasonCode
from rncarefine.refine.records import Report, RunRecord, SliceRecord, StackRecord
from rncarefine.report.report import to_json
from rncarefine.words import Expectation, Finding, Verdict

numbers = st.floats(allow_nan=True, allow_infinity=True)
finite = st.floats(allow_nan=False, allow_infinity=False)
whole = st.integers(-(2**40), 2**40)
text = st.text(max_size=12)


@st.composite
def reasons_of_any_code(draw):
    code = draw(st.sampled_from(ReasonCode))
    return Reason(code, **{name: draw(st.floats(-1e6, 1e6)) for name in code.numbers})


reasons = reasons_of_any_code()

slices = st.builds(
    SliceRecord,
    k=whole,
    finding_before=st.sampled_from(Finding),
    finding_after=st.sampled_from(Finding),
    expectation=st.sampled_from(Expectation),
    verdict=st.sampled_from(Verdict),
    confidence=st.none() | numbers,
    reasons=st.lists(reasons, max_size=3),
    accepted=st.none() | st.booleans(),
    **dict.fromkeys(("b0_before", "b1_before", "b0_after", "b1_after"), whole),
    **{
        entry.name: numbers
        for entry in fields(SliceRecord)
        if entry.name.endswith("mm2") or entry.name.startswith("gap_")
    },
)
stacks = st.builds(StackRecord, spacing_mm=st.tuples(finite, finite, finite))
reports = st.builds(
    Report,
    stack=stacks,
    slices=st.lists(slices, max_size=3),
    model=st.none() | st.builds(ModelRecord),
    run=st.builds(RunRecord),
    doubts=st.lists(reasons, max_size=2),
)


def written_and_read(report):
    return Report.from_dict(json.loads(to_json(report)))


def honest(record):
    """Return the fields of a record with their types, so that 1, 1.0 and True differ, as far as JSON can say them."""
    values = {entry.name: getattr(record, entry.name) for entry in fields(record)}
    for name, value in values.items():
        if isinstance(value, float) and not math.isfinite(value):
            values[name] = None if name == "confidence" else "not finite"
    return {name: (type(value), value) for name, value in values.items()}


@given(reports)
def test_a_report_comes_back_from_its_json_with_its_types(report):
    again = written_and_read(report)
    assert honest(again.stack) == honest(report.stack)
    assert [honest(record) for record in again.slices] == [honest(record) for record in report.slices]
    assert honest(again.run) == honest(report.run)
    assert again.model == report.model
    assert (again.doubts, again.warnings) == (report.doubts, report.warnings)


def test_non_finite_numbers_become_nan_or_none():
    again = written_and_read(
        broken_report(slices=[slice_record(0, confidence=math.nan, gap_mm_before=math.inf)], model=None)
    )
    assert again.slices[0].confidence is None
    assert math.isnan(again.slices[0].gap_mm_before)
    assert again.model is None


def test_a_whole_number_is_a_number_and_a_truth_value_is_none():
    values = json.loads(to_json(broken_report()))
    values["run"]["seconds"] = 2
    assert type(Report.from_dict(values).run.seconds) is float
    values["run"]["seconds"] = True
    with pytest.raises(ValueError, match=r"run, seconds: .*True"):
        Report.from_dict(values)


def test_a_report_from_before_there_were_decisions_is_read():
    values = json.loads(to_json(broken_report()))
    for entry in values["slices"]:
        del entry["accepted"]
    assert Report.from_dict(values) == broken_report()


def test_the_earlier_word_for_the_outflow_tract_is_read():
    report = broken_report()
    report.slices[0] = replace(report.slices[0], expectation=Expectation.OPEN)
    values = json.loads(to_json(report))
    assert values["slices"][0]["expectation"] == "open"
    values["slices"][0]["expectation"] = "open on purpose"
    assert Report.from_dict(values) == report


def test_what_a_later_version_added_is_passed_over():
    values = json.loads(to_json(broken_report()))
    values["slices"][0]["curvature"] = 3.0
    assert Report.from_dict(values) == broken_report()


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("slices", 1, "k"), "one", r"the report, slices\[1\], k: a whole number was expected, 'one' was found"),
        (("slices", 1, "k"), 1.5, "a whole number was expected, 1.5 was found"),
        (("slices", 1, "flagged"), 1, "true or false was expected, 1 was found"),
        (("slices", 1, "verdict"), "mended", "verdict: one of intact, .*, refused was expected, 'mended' was found"),
        (("slices", 1, "reasons"), [{"code": "mended", "values": {}}], r"reasons\[0\]: a reason was expected"),
        (("slices", 1, "reasons"), [{"code": "gap", "values": {}}], r"reasons\[0\]: a reason was expected"),
        (("slices", 1, "reasons"), ["gap"], r"reasons\[0\]: a reason was expected"),
        (("run", "version"), None, "version: text was expected, None was found"),
        (("slices",), {}, "slices: a list was expected"),
        (("stack", "spacing_mm"), [1.0, 2.0], "spacing_mm: a list of 3 values was expected"),
        (("run",), [], "run: a record was expected"),
    ],
)
def test_a_value_of_another_type_is_named(path, value, message):
    values = json.loads(to_json(broken_report()))
    place = values
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(ValueError, match=message):
        Report.from_dict(values)


def test_a_missing_field_is_named():
    values = json.loads(to_json(broken_report()))
    del values["stack"]["name"]
    with pytest.raises(ValueError, match="stack: 'name'"):
        Report.from_dict(values)


@pytest.mark.parametrize(
    ("flagged", "accepted", "verdict", "flag", "review", "decision"),
    [
        (False, None, Verdict.INTACT, False, False, ""),
        (True, None, Verdict.REFUSED, True, True, ""),
        (True, None, Verdict.TO_REPAIR, True, False, ""),
        (True, True, Verdict.AUTOMATON, False, False, "accepted"),
        (True, False, Verdict.AUTOMATON, False, False, "rejected"),
        (False, True, Verdict.AUTOMATON, False, False, "accepted"),
    ],
)
def test_what_needs_review_is_flagged_undecided_and_more_than_checked(
    flagged: bool, accepted: bool | None, verdict: Verdict, flag: bool, review: bool, decision: str
) -> None:
    record = slice_record(0, flagged=flagged, accepted=accepted, verdict=verdict)
    assert (record.still_flagged, record.needs_review, record.decision) == (flag, review, decision)
