"""Every text file reads the same on every machine."""

import re

from project.tree import ROOT, files

BINARY = (".png", ".jpg", ".gif", ".npz", ".npy", ".nii", ".nii.gz", ".nrrd", ".mha", ".mrb")
# Put together here, so that this file does not match itself.
HOME = "|".join(["home", "root", "Users", "work", "mnt"])
MACHINE_PATH = re.compile(rf"(?<![\w.])/(?:{HOME})/\w|\b[A-Z]:\\Users")
UNFINISHED = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X"]) + r")\b")

texts = [path for path in files() if not path.name.endswith(BINARY)]


def matches(pattern):
    """Return, by file, what a pattern finds in the project's texts."""
    found = {path: pattern.findall(path.read_text(encoding="utf-8")) for path in texts}
    return {path.relative_to(ROOT).as_posix(): hits for path, hits in found.items() if hits}


def test_text_files_are_utf8_with_unix_line_endings():
    assert len(texts) > 50
    for path in texts:
        content = path.read_bytes()
        content.decode("utf-8")
        assert b"\r" not in content, path
        assert not content.startswith(b"\xef\xbb\xbf"), path


def test_no_text_names_a_path_of_one_machine():
    assert matches(MACHINE_PATH) == {}


def test_no_text_leaves_something_for_later():
    assert matches(UNFINISHED) == {}


def test_repository_is_smaller_than_40_mb():
    # The index refuses a clone of more than 100 MB, history counted.
    assert sum(path.stat().st_size for path in files()) < 40e6
