"""Every reason has one sentence with its numbers, and it can be translated."""

import pickle
import string

import pytest

from engine.report_samples import slice_record
from rncarefine import sentences
from rncarefine.reasons import Reason, ReasonCode, codes_of
from rncarefine.words import REPAIRED, Verdict


def of(code):
    return Reason(code, **dict.fromkeys(code.numbers, 12.0))


@pytest.fixture
def shouted(monkeypatch):
    monkeypatch.setattr(sentences, "_translate", sentences._translate)  # put back after the test
    sentences.use_translation(str.upper)


@pytest.mark.parametrize("code", ReasonCode)
def test_every_code_has_a_sentence_whose_numbers_a_reason_of_it_has(code):
    template = sentences.SENTENCES[code]
    named = {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
    assert named <= set(code.numbers)
    assert sentences.sentence(of(code))[-1] in ".:"
    assert code.value == code.value.lower() == str(code)


def test_sentences_and_codes_are_one_to_one():
    assert list(sentences.SENTENCES) == list(ReasonCode)
    assert len(set(sentences.SENTENCES.values())) == len(ReasonCode)


def test_text_of_several_reasons():
    found = [Reason(ReasonCode.SOLID), Reason(ReasonCode.OFF_AXIS)]
    one, other = (sentences.sentence(reason) for reason in found)
    assert sentences.text_of(found) == f"{one} {other}"
    assert sentences.text_of(found, repaired=True) == f"Before the repair: {one} {other}"
    assert sentences.text_of([]) == sentences.text_of([], repaired=True) == ""
    for verdict in Verdict:
        told = slice_record(0, verdict=verdict, reasons=found).reason
        assert told.startswith("Before") == (verdict in REPAIRED)


def test_reasons_against_a_wall_keep_their_order():
    """The sentence about a rejected interpolation announces the one after it."""
    found = [Reason(code) for code in (ReasonCode.SOLID, ReasonCode.INTERPOLATION_REJECTED, ReasonCode.NO_RING)]
    found.insert(1, Reason(ReasonCode.LOBED, notch=0.5, most=0.3))
    assert sentences.text_of(found) == " ".join(map(sentences.sentence, found))


@pytest.mark.parametrize(
    "code",
    [
        ReasonCode.NO_RING,
        ReasonCode.NO_PROPOSAL,
        ReasonCode.BLANK_IMAGE,
        ReasonCode.STACK_IN_DOUBT,
        ReasonCode.RESHAPED,
    ],
)
def test_remarks_on_a_repair_are_not_about_the_time_before(code):
    gap, remark = Reason(ReasonCode.SOLID), Reason(code)
    text = sentences.text_of([gap, remark], repaired=True)
    assert text == f"Before the repair: {sentences.sentence(gap)} {sentences.sentence(remark)}"
    assert not sentences.text_of([remark], repaired=True).startswith("Before")


def test_sentences_are_translated_and_numbers_are_not(shouted):
    found = [Reason(ReasonCode.SLICE_EDITED, k=3)]
    sentences.use_translation(lambda text: text.replace("Slice", "Schicht"))
    assert sentences.text_of(found).startswith("Schicht 3 ")
    assert codes_of(found) == ["slice_edited"]


def test_a_reason_has_the_numbers_of_its_code_and_no_others():
    with pytest.raises(ValueError, match="gap"):
        Reason(ReasonCode.GAP, angle_deg=80)
    with pytest.raises(ValueError, match="solid"):
        Reason(ReasonCode.SOLID, k=3)


@pytest.mark.parametrize("code", ReasonCode)
def test_a_reason_is_immutable_and_survives_json_and_pickle(code):
    reason = of(code)
    assert Reason.from_dict(reason.to_dict()) == reason == pickle.loads(pickle.dumps(reason))
    assert hash(reason) == hash(of(code))
    with pytest.raises(AttributeError):
        reason.code = ReasonCode.GAP
    reason.values["more"] = 1.0
    assert "more" not in reason.values


@pytest.mark.parametrize("content", [None, "gap", {}, {"code": "gap"}, {"code": "no such", "values": {}}])
def test_what_is_no_reason_is_refused(content):
    with pytest.raises(ValueError):
        Reason.from_dict(content)
