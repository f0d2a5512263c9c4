"""The table of paths: what is read, and the errors of wrong lines and columns."""

import pytest

from rncarefine_training.data.sources.csv_table import read_csv
from training.toy_lab import write_table


def table(tmp_path, *rows, **keywords):
    return write_table(tmp_path / "stacks.csv", rows, **keywords)


def test_every_column_is_read(tmp_path):
    row = {
        "image": "i.nii",
        "label": "l.nii",
        "subject": "p_7",
        "phase": "end systole",
        "split": "Test",
        "prediction:nnunet": "n.nii",
        "prediction:Swin-2d": "s.nii",
    }
    (entry,), _ = read_csv(table(tmp_path, row))
    assert (entry.name, entry.subject, entry.split) == ("p-7_end-systole", "p-7", "test")
    assert entry.predictions == {"nnunet": tmp_path / "n.nii", "Swin-2d": tmp_path / "s.nii"}
    assert entry.where == "stacks.csv, line 2"


def test_an_empty_cell_is_a_stack_that_a_network_has_not_segmented(tmp_path):
    rows = [
        {"image": f"{subject}.nii", "label": "l.nii", "prediction:ours": path}
        for subject, path in (("a", "p.nii"), ("b", " "))
    ]
    entries, _ = read_csv(table(tmp_path, *rows))
    assert [list(entry.predictions) for entry in entries] == [["ours"], []]


def test_subject_or_phase_from_the_file_name(tmp_path):
    rows = [{"image": "p7_ED.nii", "label": "l.nii", "subject": "", "phase": "x"}]
    assert read_csv(table(tmp_path, *rows))[0][0].name == "p7_x"
    rows = [{"image": "p7_ED.nii", "label": "l.nii", "subject": "q", "phase": ""}]
    assert read_csv(table(tmp_path, *rows))[0][0].name == "q_ED"


def test_excels_semicolons_marks_and_capitals_are_read(tmp_path):
    path = table(tmp_path, {"Image": "a,b.nii", " Label ": "l.nii", "Prediction:ours": "p.nii"}, delimiter=";")
    path.write_text("\ufeff" + path.read_text(encoding="utf-8"), encoding="utf-8")
    (entry,), _ = read_csv(path)
    assert entry.image == tmp_path / "a,b.nii"
    assert list(entry.predictions) == ["ours"]


def test_a_labs_own_columns_are_named_and_left_alone(tmp_path):
    _, notes = read_csv(table(tmp_path, {"image": "i.nii", "label": "l.nii", "site": "x", "vendor": "y"}))
    (note,) = notes
    assert note.endswith("site, vendor.")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["image", "lable"], r"no column 'label' \(did you mean 'lable'\?\)"),
        (["label"], "no column 'image'"),
        (["image", "label", "spilt"], r"unknown column 'spilt' \(did you mean 'split'\?\)"),
        (["image", "label", "subjects"], r"did you mean 'subject'"),
        (["image", "label", "predictions"], "Rename it to prediction:NETWORK"),
        (["image", "label", "prediction_nnunet"], "Rename it to prediction:NETWORK"),
        (["image", "label", "predictons:nnunet"], "Rename it to prediction:NETWORK"),
        (["image", "label", "prediction:"], "name of a network"),
        (["image", "label", "prediction:a/b"], "name of a network"),
        (["image", "label", "image"], "duplicate column 'image'"),
    ],
)
def test_a_column_that_is_missing_or_misspelt_is_named(tmp_path, columns, message):
    path = tmp_path / "stacks.csv"
    path.write_text(",".join(columns) + "\n" + ",".join("x" for _ in columns) + "\n")
    with pytest.raises(ValueError, match=message):
        read_csv(path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (",l.nii,a,train", "line 3: no path in column 'image'"),
        ("i.nii,,a,train", "line 3: no path in column 'label'"),
        ("i.nii,l.nii,a,tst", r"line 3: split is 'tst' \(did you mean 'test'\?\)"),
        ("i.nii,l.nii,a,train,more", "line 3: more cells than columns"),
        ("i.nii,l.nii,??,train", "no letter or digit"),
    ],
)
def test_a_wrong_line_is_named_by_its_number(tmp_path, line, message):
    path = tmp_path / "stacks.csv"
    path.write_text(f"image,label,subject,split\ni.nii,l.nii,a,train\n{line}\n")
    with pytest.raises(ValueError, match=message):
        read_csv(path)


@pytest.mark.parametrize(("text", "message"), [("image,label\n", "lists no stack"), ("", "no column 'image'")])
def test_a_table_of_nothing_is_an_error(tmp_path, text, message):
    (tmp_path / "stacks.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_csv(tmp_path / "stacks.csv")


def test_what_is_no_text_is_an_error(tmp_path):
    (tmp_path / "stacks.csv").write_bytes(b"\xff\xfe\x00image")
    with pytest.raises(ValueError, match="UTF-8"):
        read_csv(tmp_path / "stacks.csv")
