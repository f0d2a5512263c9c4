"""Voxels as bytes and as text, and errors that name the file."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from rncarefine.io.raw import opened_voxels, raw_voxels, reading, text_voxels

PATH = Path("case.nhdr")


def test_text_is_read_up_to_the_size_of_the_header_and_must_fit_its_type():
    stream = BytesIO(b"1 2\n3\t255 9")
    np.testing.assert_array_equal(text_voxels(PATH, stream, np.dtype("u1"), (2, 2)), [[1, 2], [3, 255]])
    for text in (b"1 2 3 256", b"1 2 3 -1", b"1 2 3 nan", b"1 2 3 x"):
        with pytest.raises(ValueError, match=r"case\.nhdr.*damaged"):
            text_voxels(PATH, BytesIO(text), np.dtype("u1"), (2, 2))
    with pytest.raises(ValueError, match="truncated"):
        text_voxels(PATH, BytesIO(b"1 2 3"), np.dtype("u1"), (2, 2))


@pytest.mark.parametrize(("skip", "first"), [(0, 0), (2, 2), (-1, 6)])
def test_bytes_are_read_from_the_start_or_from_the_end(skip, first):
    found = raw_voxels(PATH, BytesIO(bytes(range(10))), skip, np.dtype(">u2"), (2,))
    np.testing.assert_array_equal(found, [256 * n + n + 1 for n in (first, first + 2)])


def test_the_file_of_the_voxels_is_named_by_its_header(tmp_path):
    (tmp_path / "a.raw").write_bytes(b"\x1f\x8bas it is")
    with opened_voxels(tmp_path / "a.nhdr", "a.raw") as (path, stream):
        assert (path, stream.read()) == (tmp_path / "a.raw", b"\x1f\x8bas it is")
    with pytest.raises(ValueError, match=r"a\.nhdr.*'b\.raw'"), opened_voxels(tmp_path / "a.nhdr", "b.raw"):
        pass


@pytest.mark.parametrize("error", [KeyError("x"), MemoryError(), AttributeError("two\nlines"), OverflowError()])
def test_any_error_becomes_one_line_with_the_file(error):
    with pytest.raises(ValueError, match=r"^case\.nhdr: the image [^\n]+$"), reading(PATH, "image"):
        raise error


def test_a_message_that_names_the_file_is_kept():
    with pytest.raises(ValueError, match=r"^case\.nhdr: own\.$"), reading(PATH, "image", own=("case.nhdr:",)):
        raise ValueError("case.nhdr: own.")
    with pytest.raises(ValueError, match=r"^case\.nhdr: .*not own"), reading(PATH, "image", own=("case.nhdr:",)):
        raise ValueError("not own")
