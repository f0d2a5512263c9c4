"""Result and report of a case are written atomically, and remains of killed processes are removed."""

import json

import pytest

from engine.cohort_samples import listed
from engine.report_samples import broken_report
from rncarefine.batch.files import CaseFiles, read_reports
from rncarefine.refine.records import Report


@pytest.fixture
def files(tmp_path):
    (tmp_path / "reports").mkdir()
    return CaseFiles(tmp_path, "p1", "p1.nii.gz")


def test_a_case_that_was_kept_is_read_again(files):
    files.save(broken_report(), lambda path: path.write_bytes(b"voxels"), {"image": None})
    assert listed(files.folder) == ["p1.nii.gz", "reports/p1.json"]
    assert list(read_reports(files.folder, Report, {})) == [(files, broken_report(), {"image": None})]
    assert json.loads(files.report_path.read_text())["result"] == "p1.nii.gz"


def test_mark_exists_while_the_case_is_running(files):
    with files.running():
        assert listed(files.folder) == ["reports/p1.begun"]
    assert listed(files.folder) == []
    with pytest.raises(ValueError, match="no"), files.running():
        raise ValueError("no")
    assert listed(files.folder) == []


def test_only_what_was_left_of_this_case_is_swept_up(tmp_path):
    (tmp_path / "reports").mkdir()
    own = [".0123abcd-new-p[1].nii.gz", ".0123abcd-old-p[1].nii.gz", "reports/.0123abcd-new-p[1].json"]
    others = [
        "p[1].nii.gz", ".0123abcd-new-p1.nii.gz", ".0123abcd-new-p[1].nii", ".0123abcd-new-p[1].nii.gz.txt",
        ".hand-made-new-p[1].nii.gz", "reports/p[1].json", "reports/p[1].begun",
    ]  # fmt: skip
    for name in own + others:
        (tmp_path / name).touch()
    CaseFiles(tmp_path, "p[1]", "p[1].nii.gz").sweep()
    assert listed(tmp_path) == sorted(others)
