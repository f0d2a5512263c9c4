"""Progress is passed on, and a refusal stops the work."""

import pytest

from rncarefine.progress import Cancelled, report_progress, subrange


def listener(answer=None):
    heard = []

    def progress(fraction, text):
        heard.append((fraction, text))
        return answer

    return heard, progress


@pytest.mark.parametrize(("fraction", "told"), [(0.25, 0.25), (-1.0, 0.0), (1.5, 1.0)])
def test_progress_is_clipped_to_0_and_1(fraction, told):
    heard, progress = listener()
    report_progress(progress, fraction, "rolling out")
    assert heard == [(told, "rolling out")]


def test_without_a_listener_nothing_happens():
    report_progress(None, 0.5, "rolling out")
    assert subrange(None, 0.2, 0.4) is None


@pytest.mark.parametrize("answer", [None, True, 0])
def test_only_false_itself_cancels(answer):
    _, progress = listener(answer)
    report_progress(progress, 0.5, "rolling out")


def test_false_cancels():
    _, progress = listener(False)
    with pytest.raises(Cancelled, match="rolling out"):
        report_progress(progress, 0.5, "rolling out")


def test_subrange_scales_progress_and_cancels():
    heard, progress = listener()
    part = subrange(progress, 0.2, 0.6)
    for fraction in (0.0, 0.5, 1.0):
        report_progress(part, fraction, "verifying")
    assert [fraction for fraction, _ in heard] == pytest.approx([0.2, 0.4, 0.6])
    _, refusing = listener(False)
    with pytest.raises(Cancelled):
        report_progress(subrange(refusing, 0.2, 0.6), 0.5, "verifying")
