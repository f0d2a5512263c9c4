"""The HTML page: complete, self-contained, escaped."""

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
import SimpleITK as sitk

from engine.report_samples import broken_report, broken_stack, slice_record
from rncarefine.reasons import Reason, ReasonCode
from rncarefine.refine.wall import measure
from rncarefine.report.html import RESEARCH_USE, html_page
from rncarefine.sentences import sentence
from rncarefine.words import Apex, Finding, Verdict

VOID = {"meta", "img", "br", "link", "input"}


class Page(HTMLParser):
    """Collects tags, attributes and text, and fails on tags that do not nest."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text = [], [], ""
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.text += " " + data


def page(report=None):
    stack, after = broken_stack()
    text = html_page(report or broken_report(), stack, after)
    return text, Page(text)


def test_page_has_all_results():
    _, parsed = page(broken_report(doubts=[Reason(ReasonCode.ONE_SLICE)]))
    text = re.sub(r"\s+", " ", parsed.text)
    for part in (
        "case 7",
        broken_report().summary(),
        "1 of 4",
        "3 of 4",
        "14.2 g",
        "14.5 g",
        "+2.1 %",
        sentence(Reason(ReasonCode.ONE_SLICE)),
        broken_report().slices[1].reason,
        "repaired by the automaton",
        "1 slice needs review: 2",
        "sax-test",
        "ab" * 32,
        "CC-BY-NC-SA-4.0",
        "ACDC, patients 1-80",
        "numpy, cpu",
        "confidence 0.93",
        RESEARCH_USE,
    ):
        assert part in text, part


def test_the_page_needs_nothing_from_outside_and_runs_nothing():
    text, parsed = page()
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in parsed.tags}
    assert "http" not in text
    assert "url(" not in text
    assert "@import" not in text
    for _, attributes in parsed.tags:
        assert not any(name.startswith("on") or name == "href" for name in attributes)
        assert attributes.get("src", "data:").startswith("data:")


def test_each_changed_or_flagged_slice_has_pictures_that_decode(tmp_path):
    _, parsed = page()
    images = [attributes for tag, attributes in parsed.tags if tag == "img"]
    shown = [int(re.match(r"Slice (\d+), ", entry["alt"]).group(1)) for entry in images]
    # Image, before, after and change where something changed; image and the wall as it is where nothing did.
    assert shown == [1, 1, 1, 1, 2, 2, 3, 3, 3, 3]
    for number, entry in enumerate(images):
        path = tmp_path / f"{number}.png"
        path.write_bytes(base64.b64decode(entry["src"].split(",")[1]))
        pixels = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
        grey = () if entry["alt"].endswith("image") else (3,)
        assert pixels.shape == (int(entry["height"]), int(entry["width"]), *grey)
        assert pixels.std() > 10


def with_decisions(*answers):
    report = broken_report()
    slices = [replace(record, accepted=answer) for record, answer in zip(report.slices, answers, strict=True)]
    return replace(report, slices=slices)


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        ((None, None, None, None), "1 slice needs review: 2"),
        ((None, True, None, False), "1 slice needs review: 2"),
        ((None, None, True, None), "Reviewed: 1 accepted, 0 rejected, not yet decided: 1, 3"),
        ((None, True, True, False), "\u2713 Reviewed: 2 accepted, 1 rejected"),
    ],
)
def test_page_has_the_review_status(answers, status):
    _, parsed = page(with_decisions(*answers))
    text = re.sub(r"\s+", " ", parsed.text)
    assert status in text
    assert "Every slice is as expected" not in text


def test_decided_flags_are_not_shown():
    _, parsed = page(with_decisions(None, None, True, None))
    assert not [tag for tag, attributes in parsed.tags if attributes.get("class") == "flag"]
    assert "1 slice needs review" not in parsed.text
    rows = [attributes["class"] for tag, attributes in parsed.tags if tag == "tr" and "class" in attributes]
    assert rows == ["quiet", "", "", ""]
    assert not [attributes for tag, attributes in parsed.tags if tag == "article" and "flagged" in attributes["class"]]


def test_areas_have_one_unit_throughout():
    report, (stack, after) = broken_report(), broken_stack()
    reasons = [Reason(ReasonCode.TAKEN_FROM_OTHERS, area_mm2=52.0, share=0.2)]
    report.slices[1] = replace(report.slices[1], flagged=True, reasons=reasons)
    report = replace(report, doubts=[Reason(ReasonCode.OVERLAP, area_mm2=52.0, slices=1)])
    page = html_page(report, stack, after)
    assert page.count("52 mm&sup2;") == 2
    assert "mm2" not in re.sub(r"[A-Za-z0-9+/=]{200,}", "", page)


def test_text_from_outside_is_escaped():
    nasty = "<script>alert('x')</script> & \"quotes\""
    report = broken_report(slices=[slice_record(1, finding_before=Finding.OPEN, verdict=Verdict.REFUSED, flagged=True)])
    report = replace(report, stack=replace(report.stack, name=nasty), model=replace(report.model, name=nasty))
    text, parsed = page(report)
    assert "<script" not in text
    assert "script" not in {tag for tag, _ in parsed.tags}
    assert parsed.text.count("<script>alert('x')</script>") >= 2


def test_unchanged_stack_has_no_gallery():
    report = broken_report(slices=[slice_record(0)], model=None)
    text, parsed = page(replace(report, stack=replace(report.stack, changed=0)))
    assert "<img" not in text
    assert "Every slice is as expected" in parsed.text
    assert "only checked" in parsed.text


def test_a_mask_of_another_shape_is_refused():
    stack, after = broken_stack()
    with pytest.raises(ValueError, match="shape"):
        html_page(broken_report(), stack, after[:2])


@pytest.mark.parametrize(("apex", "first", "last"), [("last", "base", "apex"), ("first", "apex", "base")])
def test_base_and_apex_are_named_in_the_table_and_in_the_gallery(apex, first, last):
    report = broken_report()
    report = replace(report, run=replace(report.run, apex=apex))
    text, _ = page(replace(report, slices=[replace(record, flagged=True) for record in report.slices]))
    assert re.findall(r"<th scope=row>(\d) <span class=end>(\w+)<", text) == [("0", first), ("3", last)]
    assert re.findall(r"<h3>Slice (\d) <span class=end>(\w+)<", text) == [("0", first), ("3", last)]


def test_the_hash_of_the_settings_is_shown_if_the_report_has_one():
    report = broken_report()
    assert "5e771465" in page(report)[1].text
    earlier = replace(report, model=replace(report.model, settings_hash=""))
    with_hash, without = ([tag for tag, _ in page(each)[1].tags].count("dt") for each in (report, earlier))
    assert without == with_hash - 1


@pytest.mark.parametrize("trimmed", [False, True])
def test_blood_pool_outside_the_ring_is_noted_with_its_slices(trimmed):
    report = broken_report()
    assert "Please note" not in page(report)[1].text
    slices = [replace(record, pool_outside_mm2=7.0 if record.k in (1, 3) else 0.0) for record in report.slices]
    run = replace(report.run, trim_pool=trimmed)
    text = re.sub(r"\s+", " ", page(replace(report, slices=slices, run=run))[1].text)
    assert "14 mm\u00b2 in slices 1, 3" in text
    assert ("--trim-pool" in text) is not trimmed


def test_the_map_and_the_thickness_are_on_the_page():
    stack, after = broken_stack()
    report = broken_report()
    slices, wall = measure(stack, after, report.slices, Apex.LAST)
    text = html_page(replace(report, slices=slices, wall=wall), stack, after)
    parsed = Page(text)
    assert [tag for tag, _ in parsed.tags].count("svg") == 2
    assert f"{slices[1].thinnest_before_mm:.1f}\xa0\u2192\xa0{slices[1].thinnest_after_mm:.1f}" in parsed.text
    assert f"{slices[1].invented_mm:.0f} mm" in parsed.text
