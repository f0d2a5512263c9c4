"""Cases are found in a folder by patterns or read from a list, and ambiguities are reported."""

from pathlib import Path

import pytest

from rncarefine.batch.cases import CohortCase, checked_cases, find_cases, read_cases


def make(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def found(folder, *patterns, **options):
    def told(path):
        return None if path is None else path.relative_to(folder).as_posix()

    cases = find_cases(folder, *patterns, **options)
    return [(case.name, told(case.image), told(case.segmentation)) for case in cases]


def test_a_folder_for_each_case_is_the_default(tmp_path):
    make(
        tmp_path, "p2/image.nrrd", "p2/segmentation.seg.nrrd", "p1/image.nii.gz", "p1/segmentation.nii.gz", "notes.txt"
    )
    assert found(tmp_path) == [
        ("p1", "p1/image.nii.gz", "p1/segmentation.nii.gz"),
        ("p2", "p2/image.nrrd", "p2/segmentation.seg.nrrd"),
    ]


@pytest.mark.parametrize(
    ("files", "patterns"),
    [
        (["a_img.nrrd", "a_seg.seg.nrrd"], ["{case}_img.nrrd", "{case}_seg.seg.nrrd"]),
        (["imagesTr/a_0000.nii.gz", "labelsTr/a.nii.gz"], ["imagesTr/{case}_0000.nii.gz", "labelsTr/{case}.nii.gz"]),
        (["a/a_frame01.nii", "a/a_frame01_gt.nii"], ["{case}/{case}_frame01.nii", "{case}/{case}_frame01_gt.nii"]),
        (["a/ED_sax.nii", "a/ED_gt.nii"], ["*_sax.nii", "ED_g?.nii"]),
        (["x/a/i.mha", "x/a/s.nrrd"], ["x/{case}/i.*", "x/{case}/s.*"]),
    ],
)
def test_patterns_describe_other_layouts(tmp_path, files, patterns):
    make(tmp_path, *files)
    assert found(tmp_path, *patterns) == [("a", *files)]


def test_case_names_may_have_special_characters(tmp_path):
    make(tmp_path, "a_b-1_img.nrrd", "a_b-1_seg.nrrd", "a_img.nrrd", "a_seg.nrrd", "c+(1)_img.nrrd", "c+(1)_seg.nrrd")
    assert [name for name, _, _ in found(tmp_path, "{case}_img.nrrd", "{case}_seg.nrrd")] == ["a", "a_b-1", "c+(1)"]


@pytest.mark.parametrize("patterns", [("{case}.nii.gz", "{case}_seg.nii.gz"), ("{case}_seg.nii.gz", "{case}.nii.gz")])
def test_file_belongs_to_the_more_specific_pattern(tmp_path, patterns):
    make(tmp_path, "p1.nii.gz", "p1_seg.nii.gz", "p2.nii.gz", "p2_seg.nii.gz")
    assert [name for name, _, _ in found(tmp_path, *patterns)] == ["p1", "p2"]


def test_a_segmentation_file_is_never_an_image(tmp_path):
    make(tmp_path, "p1/a.nrrd", "p1/a.seg.nrrd")
    assert found(tmp_path, "a.*", "a.seg.nrrd") == [("p1", "p1/a.nrrd", "p1/a.seg.nrrd")]


def test_files_that_cannot_be_read_and_hidden_ones_are_left_alone(tmp_path):
    make(tmp_path, "p1/image.nrrd", "p1/image.txt", "p1/segmentation.nrrd", "p1/segmentation.json")
    make(tmp_path, ".p0/image.nrrd", ".p0/segmentation.nrrd", "p1/.image.nrrd")
    assert found(tmp_path) == [("p1", "p1/image.nrrd", "p1/segmentation.nrrd")]


@pytest.mark.parametrize(
    ("names", "patterns"),
    [
        (["p1/image", "p1/segmentation.dcm"], []),
        (["p1/sax.1.2.3", "p1/IM0001"], ["sax*", "IM*"]),
        (["series/p1", "seg/p1.dcm"], ["series/{case}", "seg/{case}.dcm"]),
    ],
)
def test_an_image_may_be_the_folder_of_a_dicom_series(tmp_path, names, patterns):
    image, segmentation = names
    make(tmp_path, f"{image}/notes.txt", f"{image}/IM1", segmentation, "p1/image-notes/x.txt", "p1/images/x.nii")
    for name in (f"{image}/IM1", segmentation):
        (tmp_path / name).write_bytes(bytes(128) + b"DICM")
    assert found(tmp_path, *patterns) == [("p1", *names)]


def forbid(monkeypatch, *folders):
    """Raise the error of a folder without permission, also for the superuser."""
    listing = Path.iterdir

    def iterdir(path):
        if path in folders:
            raise PermissionError(13, "Permission denied", str(path))
        return listing(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)


def test_a_folder_that_cannot_be_read_fails_its_case(tmp_path, monkeypatch):
    make(tmp_path, "p1/image.nrrd", "p1/segmentation.nrrd", "p2/image.nrrd", "p2/segmentation.nrrd")
    forbid(monkeypatch, tmp_path / "p2")
    whole, bare = find_cases(tmp_path)
    assert whole.files() == (tmp_path / "p1/image.nrrd", tmp_path / "p1/segmentation.nrrd")
    with pytest.raises(ValueError, match=r"p2 cannot be read \(Permission denied\)"):
        bare.files()


@pytest.mark.parametrize("place", ["", "labelsTr"])
def test_a_folder_of_several_cases_that_cannot_be_read_is_named(tmp_path, monkeypatch, place):
    make(tmp_path, "imagesTr/a_0000.nii.gz", "labelsTr/a.nii.gz", "other/a.nii.gz")
    patterns = "imagesTr/{case}_0000.nii.gz", "labelsTr/{case}.nii.gz"
    forbid(monkeypatch, tmp_path / "other")
    assert [name for name, _, _ in found(tmp_path, *patterns)] == ["a"]
    forbid(monkeypatch, tmp_path / place)
    with pytest.raises(ValueError, match=f"{tmp_path / place} cannot be read"):
        find_cases(tmp_path, *patterns)


def test_the_folder_of_the_results_is_left_out(tmp_path):
    make(tmp_path, "p1/image.nrrd", "p1/segmentation.seg.nrrd", "out/segmentation.seg.nrrd")
    assert [name for name, _, _ in found(tmp_path)] == ["out", "p1"]
    assert [name for name, _, _ in found(tmp_path, leave_out=tmp_path / "out")] == ["p1"]


def test_case_with_one_file_names_the_missing_one(tmp_path):
    make(tmp_path, "p1/image.nrrd", "p1/segmentation.nrrd", "p2/image.nrrd", "p3/segmentation.nrrd")
    whole, bare, blind = find_cases(tmp_path)
    assert whole.files() == (tmp_path / "p1/image.nrrd", tmp_path / "p1/segmentation.nrrd")
    with pytest.raises(ValueError, match="no segmentation"):
        bare.files()
    with pytest.raises(ValueError, match="no image"):
        blind.files()


@pytest.mark.parametrize(
    ("files", "patterns", "message"),
    [
        (["p1/a.nii.gz", "p1/b.nii.gz"], ["*.nii.gz", "{case}/*.nii.gz"], r"a\.nii\.gz.*\{case\}/\*"),
        (["p1/image.nrrd", "p1/image.nii.gz", "p1/segmentation.nrrd"], [], r"'p1'.*image\.nii\.gz, image\.nrrd"),
        (["a_img.nrrd", "b_img.nrrd"], ["{case}_img.nrrd", "{case}_mask.nrrd"], r"2 images.*0 segmentations"),
    ],
    ids=["a file fits both patterns", "two images of one case", "no whole case"],
)
def test_files_that_make_no_clear_cases_are_an_error_that_names_them(tmp_path, files, patterns, message):
    make(tmp_path, *files)
    with pytest.raises(ValueError, match=message):
        find_cases(tmp_path, *patterns)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere.*folder"):
        find_cases(tmp_path / "nowhere")


@pytest.mark.parametrize("pattern", ["/data/{case}.nrrd", "../{case}.nrrd", "**/{case}.nrrd"])
def test_patterns_stay_inside_the_folder(tmp_path, pattern):
    with pytest.raises(ValueError, match="inside the folder"):
        find_cases(tmp_path, pattern)


def write_list(folder, text, encoding="utf-8"):
    path = folder / "cases.csv"
    path.write_text(text, encoding=encoding)
    return path


def test_list_paths_are_relative_to_its_folder(tmp_path):
    path = write_list(tmp_path, "segmentation,site,case,image\ns/1.seg.nrrd,x,p1, i/1.nrrd\n/else/2.nii,x,p2,\n")
    assert read_cases(path) == [
        CohortCase("p1", tmp_path / "i/1.nrrd", tmp_path / "s/1.seg.nrrd"),
        CohortCase("p2", None, Path("/else/2.nii")),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    ("hint", "between"), [("", ","), ("", ";"), ("", "\t"), ("sep=;\r\n", ";"), ('"sep=|"\r\n', "|")]
)
def test_a_list_saved_by_excel_is_read(tmp_path, encoding, hint, between):
    rows = [("case", "image", "segmentation"), ("Gr\u00f6\u00dfe", "i.nrrd", "s.nrrd")]
    path = write_list(tmp_path, hint + "".join(f"{between.join(row)}\r\n" for row in rows), encoding)
    assert read_cases(path) == [CohortCase("Gr\u00f6\u00dfe", tmp_path / "i.nrrd", tmp_path / "s.nrrd")]


@pytest.mark.parametrize("names", ["image,segmentation", " Image, SEGMENTATION ", "image,segmentation,case"])
def test_list_tolerates_spaces_and_empty_rows(tmp_path, names):
    case = ",i" if "case" in names else ""
    path = write_list(tmp_path, f"{names}\ni.nrrd,s.nrrd{case}\n,,\n\n , ,\n,,,,\n")
    assert read_cases(path) == [CohortCase("i", tmp_path / "i.nrrd", tmp_path / "s.nrrd")]


def test_missing_file_of_a_list_is_named(tmp_path):
    (case,) = read_cases(write_list(tmp_path, "case,image,segmentation\np1,i.nrrd,s.nrrd\n"))
    with pytest.raises(ValueError, match=r"i\.nrrd.*exist"):
        case.files()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("case,image\np1,i.nrrd\n", "column 'segmentation' is missing"),
        ("", "column 'image' is missing"),
        ("image,Image,segmentation\na,b,c\n", "column.*twice"),
        ("case,image,segmentation\n", "the list has no cases"),
        ("case,image,segmentation\np1,a,b\nP1,c,d\n", "Cases 'p1' and 'P1' have the same name"),
        ("case,image,segmentation\n,a,b\n", "line 2: the case has no name. Add it to the column 'case'"),
        (
            "case image segmentation\np1 a b\n",
            "column 'image' is missing; the columns are 'case image segmentation'.*commas",
        ),
        ("image,segmentation\na/i.nii,s\nb/i.nii,s\n", "Cases 'i' and 'i' have the same name.*in the column 'case'"),
        ("case,image,segmentation,label\np1,a,b,2,3\n", "line 2: there are more fields than columns.*quotes"),
        ("image,segmentation\na.nii,s\n,s\n", "line 3: the image is missing. Add it, or a column 'case'"),
    ],
)
def test_invalid_list_raises(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_cases(write_list(tmp_path, text))


def test_unreadable_list_raises(tmp_path):
    with pytest.raises(ValueError, match=r"none\.csv"):
        read_cases(tmp_path / "none.csv")
    path = write_list(tmp_path, "case,image,segmentation\nM\u00fcller,a,b\n", "cp1252")
    with pytest.raises(ValueError, match="CSV UTF-8") as raised:
        read_cases(path)
    assert str(path) in str(raised.value)
    assert "codec" not in str(raised.value)
    path.write_bytes(b"PK\x03\x04\x14\0\x06\0")
    with pytest.raises(ValueError, match="not a text file"):
        read_cases(path)


@pytest.mark.parametrize(
    "name",
    [
        *("..", "../../evil", "p/1", ".hidden", "a:b", "a\\b", "a*", "a?", 'a"b', "a<b", "a|b", "a\nb", "a.", "a "),
        *("a\udcfc", "a\ud800", "CON", "nul", "Com1.nii", "n" * 201, "\u00f6" * 101),
    ],
)
def test_invalid_case_names_fail_their_case(name):
    (case,) = checked_cases([CohortCase(name, None, None)])
    assert "Rename" in case.name_problem()
    with pytest.raises(ValueError, match="Rename"):
        case.files()


@pytest.mark.parametrize("name", ["a", "icon", "CON1", "com10", "n" * 200])
def test_other_names_are_no_problem(name):
    assert CohortCase(name, None, None).name_problem() == ""


def test_invalid_name_error_names_the_list(tmp_path):
    path = write_list(tmp_path, "case,image,segmentation\np/1,a,b\np2,a,b\n")
    assert [str(path) in case.name_problem() for case in read_cases(path)] == [True, False]


def test_case_name_from_column_or_image(tmp_path):
    assert [case.name for case in read_cases(write_list(tmp_path, "name,image,segmentation\np1,a,b\n"))] == ["p1"]
    path = write_list(tmp_path, "image,segmentation\nd/p2.nii.gz,s\nd/p3.dcm,s\n")
    assert [case.name for case in read_cases(path)] == ["p2", "p3"]


def test_list_has_labels_and_segments(tmp_path):
    text = (
        "case,image,segmentation,label,segment,pool\n"
        "p1,i,s.nii.gz,2,myo,3\n"
        "p2,i,s.seg.nrrd,2,myo,cavity\n"
        "p3,i,s.nii.gz,,,\n"
        "p4,i,s.nii.gz,,5,\n"
        "p5,i,s.dcm,2,,\n"
    )
    cases = read_cases(write_list(tmp_path, text))
    assert [(case.has_names, case.label, case.segment, case.pool) for case in cases] == [
        (False, "2", "myo", "3"),
        (True, "2", "myo", "cavity"),
        (False, None, None, None),
        (False, None, "5", None),
        (True, "2", None, None),
    ]
