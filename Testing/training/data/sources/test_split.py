"""Who is trained on and who tested: drawn once, kept for ever."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rncarefine_training.data.sources.split import complete, read_split, write_split

NAMES = [f"p{number:02d}" for number in range(20)]


def count(split):
    return {side: list(split.values()).count(side) for side in ("train", "select", "test")}


def test_the_draw_depends_on_the_seed_and_on_nothing_else():
    one = complete(NAMES, {}, 0.2, 0.2, 1)
    assert complete(reversed(NAMES), {}, 0.2, 0.2, 1) == one
    assert complete(NAMES, {}, 0.2, 0.2, 2) != one


@given(st.integers(3, 40), st.floats(0, 0.6), st.floats(0, 0.6), st.integers(0, 99))
def test_every_subject_is_on_one_side(number, test, select, seed):
    names = [f"p{each}" for each in range(number)]
    split = complete(names, {}, test, select, seed)
    assert sorted(split) == sorted(names)
    assert count(split)["train"] >= 1
    assert (count(split)["test"] > 0) == (test > 0)
    assert (count(split)["select"] > 0) == (select > 0)


def test_given_test_subjects_are_not_extended():
    split = complete(NAMES, {"p03": "test"}, 0.5, 0.2, 1)
    assert [name for name, side in split.items() if side == "test"] == ["p03"]
    assert count(split)["select"] == 4


def test_subjects_that_come_later_change_nobodys_side():
    first = complete(NAMES, {}, 0.2, 0.2, 1)
    later = complete([*NAMES, "new"], first, 0.2, 0.2, 1)
    assert later == first | {"new": "train"}


@pytest.mark.parametrize(
    ("names", "said", "shares", "message"),
    [
        (["a", "b"], {}, (0.2, 0.2), "train"),
        (["a"], {"a": "test"}, (0.2, 0.2), "train"),
        (NAMES, {}, (1.0, 0.2), "--test-share 1: "),
        (NAMES, {}, (0.2, -0.1), "--select-share -0.1: "),
    ],
)
def test_split_without_training_subjects_raises(names, said, shares, message):
    with pytest.raises(ValueError, match=message):
        complete(names, said, *shares, 1)


def test_the_table_comes_back_from_its_file(tmp_path):
    split = complete(NAMES, {}, 0.2, 0.2, 1)
    write_split(tmp_path / "subjects.csv", split)
    assert read_split(tmp_path / "subjects.csv") == split
    assert list(read_split(tmp_path / "subjects.csv")) == NAMES


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("subject,split\na,tran\n", r"line 2: split is 'tran' \(did you mean 'train'\?\)"),
        ("subject,split\na,train\na,test\n", "subject a is train and test"),
        ("name,split\na,train\n", "must have the columns subject and split"),
        ("", "must have the columns"),
    ],
)
def test_invalid_split_table_raises(tmp_path, text, message):
    (tmp_path / "subjects.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_split(tmp_path / "subjects.csv")


def test_missing_split_table_raises(tmp_path):
    with pytest.raises(ValueError, match="rncarefine-train prepare"):
        read_split(tmp_path / "subjects.csv")


def test_a_table_that_a_spreadsheet_has_saved_with_semicolons_is_read(tmp_path):
    path = tmp_path / "subjects.csv"
    path.write_bytes(b"\xef\xbb\xbfsubject;split\r\na;train\r\nb;test\r\n")
    assert read_split(path) == {"a": "train", "b": "test"}
