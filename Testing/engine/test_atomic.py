"""Files appear whole or not at all."""

import os

import pytest

from rncarefine import atomic
from rncarefine.atomic import check_writable, write_text_whole, written_whole


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def write_both(first, second, then=None):
    """Write two files together, and raise an error before the end if asked to."""
    with written_whole(first, second) as temporaries:
        for temporary in temporaries:
            temporary.write_text("new")
        if then is not None:
            raise then


def test_file_is_written_without_remains(tmp_path):
    write_text_whole(tmp_path / "a.txt", "gr\u00f6\u00dfe\n")
    assert (tmp_path / "a.txt").read_bytes() == "gr\u00f6\u00dfe\n".encode()
    assert names(tmp_path) == ["a.txt"]


def test_the_temporary_name_keeps_the_whole_ending_and_the_folder(tmp_path):
    with written_whole(tmp_path / "case.seg.nrrd") as (temporary,):
        assert temporary.name.endswith("case.seg.nrrd")
        assert temporary.parent == tmp_path
        temporary.write_bytes(b"x")


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_leaves_what_was_there_before(tmp_path, error):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(error):
        write_both(target, tmp_path / "b.txt", then=error)
    assert target.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("failing", [1, 2])
@pytest.mark.parametrize("order", [("old.txt", "new.txt"), ("new.txt", "old.txt")])
def test_if_one_of_several_moves_fails_none_has_happened(tmp_path, monkeypatch, failing, order):
    (tmp_path / "old.txt").write_text("old")
    replace, calls = os.replace, []

    def fragile(source, target):
        calls.append(target)
        if len(calls) == failing:
            raise OSError("No space left on device")
        replace(source, target)

    monkeypatch.setattr(atomic.os, "replace", fragile)
    with pytest.raises(OSError, match="No space"):
        write_both(*(tmp_path / name for name in order))
    assert names(tmp_path) == ["old.txt"]
    assert (tmp_path / "old.txt").read_text() == "old"


def test_a_block_that_forgets_a_file_changes_nothing(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(OSError, match=r"b\.txt"), written_whole(tmp_path / "a.txt", tmp_path / "b.txt") as (first, _):
        first.write_text("new")
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_several_existing_files_are_replaced_together(tmp_path):
    targets = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for target in targets:
        target.write_text("old")
    write_both(*targets)
    assert [target.read_text() for target in targets] == ["new", "new"]
    assert names(tmp_path) == ["a.txt", "b.txt"]


@pytest.mark.parametrize("named", [True, False])
def test_system_error_names_the_requested_file(tmp_path, named):
    with pytest.raises(OSError, match=r"^\S*/a\.txt cannot be written \(No space") as raised:  # noqa: PT012
        with written_whole(tmp_path / "a.txt") as (outer,), written_whole(outer) as (inner,):
            inner.write_text("half")
            raise OSError(28, "No space left on device", *[str(inner)] * named)
    assert "-new-" not in str(raised.value)
    assert names(tmp_path) == []


def test_error_of_another_file_is_passed_on(tmp_path):
    with pytest.raises(FileNotFoundError, match="input"), written_whole(tmp_path / "a.txt"):
        (tmp_path / "input").read_text()


def test_an_output_is_checked_in_advance(tmp_path):
    used = tmp_path / "used.txt"
    used.write_text("old")
    os.link(used, tmp_path / "hard.txt")
    for path, complaint in (
        (used, "already used"),
        (tmp_path / "hard.txt", "already used"),
        (tmp_path, "is a folder"),
        (tmp_path / "no" / "a.txt", "Create it"),
        (tmp_path / ("a" * 230), "too long"),
    ):
        with pytest.raises(ValueError, match=complaint):
            check_writable(path, [used])
    check_writable(tmp_path / "new.txt", [used])
    check_writable(tmp_path / "later" / "new.txt", [used], made=tmp_path / "later")


def test_a_missing_folder_a_folder_and_a_double_are_refused(tmp_path):
    with pytest.raises(ValueError, match="Create it"), written_whole(tmp_path / "no" / "a"):
        pass
    with pytest.raises(ValueError, match="is a folder"), written_whole(tmp_path):
        pass
    with pytest.raises(ValueError, match="same file"), written_whole(tmp_path / "a", tmp_path / "." / "a"):
        pass
