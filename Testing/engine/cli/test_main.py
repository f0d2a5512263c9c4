"""The command line, from arguments to files and exit status, on real files."""

import csv
import importlib
import json
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import slicerio
import typer

from engine import model_folders
from engine.cli_samples import LABELS, NAMES, names, one_line, repair, table_rows
from engine.file_samples import MYOCARDIUM, POOL, RV, array, labels, named_segment, write_labels, write_segments
from engine.model_folders import cine_2d, cine_3d, open_2d
from engine.nifti_samples import write_nifti
from engine.toy_models import seeing_model
from rncarefine.cli import jobs as cli_jobs
from rncarefine.cli.main import main
from rncarefine.io import files
from rncarefine.nca.card import REPAIRED_FEATURES
from rncarefine.nca.model import DEFAULT_MODEL, save_model
from rncarefine.refine.repair import RepairOptions
from rncarefine.refine.repair import repair as engine_repair

AREA = 1.5 * 1.25


# repair


def test_repair_closes_the_rings_and_keeps_every_other_label(case, capsys):
    assert repair() == 0
    before, after = labels(), array("out.nii.gz")
    changed = before != after
    assert not changed[0].any()
    assert set(after[changed & (before != MYOCARDIUM)]) == {MYOCARDIUM}
    assert set(after[changed & (before == MYOCARDIUM)]) == {0}
    for name in ("GetSpacing", "GetOrigin", "GetDirection", "GetSize", "GetPixelID"):
        one, other = (getattr(sitk.ReadImage(path), name)() for path in ("seg.nii.gz", "out.nii.gz"))
        assert np.allclose(one, other)
    said = capsys.readouterr().out
    assert "1 of 4 slices closed before, 4 after; 0 flagged" in said
    verdicts = ["intact", "repaired", "repaired", "cleaned"]
    assert all(verdict in row for verdict, row in zip(verdicts, table_rows(said), strict=True))
    assert "CC0-1.0" in said
    assert "Written: out.nii.gz" in said


def test_outputs_that_replace_existing_files_are_listed_as_replaced(case, capsys):
    Path("out.nii.gz").write_bytes(b"earlier")
    assert repair("--report", "r.csv") == 0
    said = capsys.readouterr().out.splitlines()
    assert said[-2:] == ["Replaced: out.nii.gz", "Written: r.csv"]
    assert main(["check", "case.nii.gz", "seg.nii.gz", *LABELS, "--report", "r.csv"]) == 1
    assert "Replaced: r.csv" in capsys.readouterr().out


def test_reported_areas_agree_with_the_files(case):
    repair("--report", "r.json")
    before, after = labels(), array("out.nii.gz")
    for entry in json.loads(Path("r.json").read_text())["slices"]:
        old, new = before[entry["k"]], after[entry["k"]]
        won = (new == MYOCARDIUM) & (old != MYOCARDIUM)
        assert entry["added_mm2"] == pytest.approx(won.sum() * AREA, abs=0.01)
        assert entry["taken_from_pool_mm2"] == pytest.approx((won & (old == POOL)).sum() * AREA, abs=0.01)
        assert entry["taken_from_others_mm2"] == pytest.approx((won & (old == RV)).sum() * AREA, abs=0.01)
        lost = (new != MYOCARDIUM) & (old == MYOCARDIUM)
        assert entry["removed_mm2"] == pytest.approx(lost.sum() * AREA, abs=0.01)
    assert ((before == RV) & (after == MYOCARDIUM)).any()


def test_repair_of_named_segments(case):
    assert repair(segmentation="seg.seg.nrrd", output="out.seg.nrrd", chosen=NAMES) == 0
    before, after = (slicerio.read_segmentation(f"{name}.seg.nrrd") for name in ("seg", "out"))
    for name in ("rv", "plan"):
        assert np.array_equal(named_segment("out.seg.nrrd", name), named_segment("seg.seg.nrrd", name))
    wall, pool = (named_segment("out.seg.nrrd", name) for name in ("myocardium", "blood pool"))
    assert not (wall & pool).any()
    repair()
    assert np.array_equal(wall, array("out.nii.gz") == MYOCARDIUM)
    keys = ("name", "color", "status", "terminology", "id")
    for old, new in zip(before["segments"], after["segments"], strict=True):
        assert [new[key] for key in keys] == [old[key] for key in keys]
        # Only what a review needs is added.
        assert old["tags"].items() <= new["tags"].items()
        assert all(name.startswith("RNCARefine.") for name in new["tags"].keys() - old["tags"].keys())


def test_exit_status_is_1_for_flagged_slices(case, capsys):
    assert repair("--add-only", "--report", "r.csv") == 1  # the loose component of slice 3 must stay
    with open("r.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["flagged"] for row in rows] == ["no", "no", "no", "yes"]
    assert (array("out.nii.gz")[3] == labels()[3]).all()
    said = capsys.readouterr().out
    assert "refused" in said
    assert "Slice 3" in said


def test_low_confidence_repair_is_flagged_as_repaired(case, capsys):
    model = seeing_model(name="doubtful", confidence={**dict.fromkeys(REPAIRED_FEATURES, 0.0), "intercept": -1.0})
    save_model(model, case)
    assert repair("--model", "doubtful.npz", "--report", "r.csv") == 1
    with open("r.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["verdict"], row["flagged"]) for row in rows[1:3]] == [("repaired by the automaton", "yes")] * 2
    assert (array("out.nii.gz")[1] != labels()[1]).any()
    said = capsys.readouterr().out
    flagged = [row["k"] for row in rows if row["flagged"] == "yes"]
    assert [row[0] for row in table_rows(said) if "yes" in row] == flagged
    assert re.search(r"Slice 1 was repaired, but needs review: .* Low confidence ", said)
    assert "was left as it was" not in said


@pytest.mark.parametrize(
    ("chosen", "name"),
    [
        ([], DEFAULT_MODEL),
        (["--mode", "slice-wise"], "sax-open-2d"),
        (["--mode", "volumetric"], "sax-cine-3d"),
        (["--model", "sax-cine-3d"], "sax-cine-3d"),
        (["--mode", "slice-wise", "--model", "sax-open-2d"], "sax-open-2d"),
    ],
)
def test_mode_and_model_select_the_weights(case, monkeypatch, chosen, name):
    models = {model.card.name: model for model in (cine_2d(), cine_3d(), open_2d())}
    model_folders.install(monkeypatch, case / "models", *models.values())
    monkeypatch.setattr(typer, "get_app_dir", lambda name: str(case / "home"))
    arguments = ["repair", "case.nii.gz", "seg.nii.gz", "--output", "out.nii.gz", "--device", "numpy"]
    assert main([*arguments, *LABELS, *chosen, "--report", "r.json"]) in (0, 1)
    assert json.loads(Path("r.json").read_text())["model"]["name"] == name
    content = files.read_case(
        case / "case.nii.gz", case / "seg.nii.gz", files.StructureChoice(MYOCARDIUM, pool_label=POOL)
    )
    walls = {
        key: engine_repair(content.stack, model, RepairOptions(device="numpy")).wall for key, model in models.items()
    }
    np.testing.assert_array_equal(array("out.nii.gz") == MYOCARDIUM, walls[name] == 1)
    assert all((walls[name] != wall).any() for key, wall in walls.items() if key != name)


def test_the_pool_outside_is_trimmed_on_request_and_counted(case, capsys):
    values = labels()
    values[0, 1:4, 1:3] = POOL
    write_labels(case / "seg.nii.gz", values)
    repair()
    assert (array("out.nii.gz")[0, 1:4, 1:3] == POOL).all()
    assert "trimmed" not in capsys.readouterr().out
    repair("--trim-pool")
    assert (array("out.nii.gz")[0, 1:4, 1:3] == 0).all()
    assert "Blood pool trimmed" in capsys.readouterr().out


def test_reports_of_every_kind_are_written_beside_the_result(case):
    assert repair("--report", "r.csv", "--report", "r.json", "--report", "r.html", "--samples", "2", "--seed", "5") == 0
    content = json.loads(Path("r.json").read_text())
    assert content["model"]["name"] == "seeing"
    assert (content["run"]["seed"], content["run"]["samples"], content["run"]["backend"]) == (5, 2, "numpy")
    assert content["stack"]["name"] == "case"
    assert Path("r.html").read_text().startswith("<!DOCTYPE html>")
    assert len(Path("r.csv").read_text().splitlines()) == 5
    written = {"out.nii.gz", "r.csv", "r.html", "r.json"}
    assert set(names(case)) == {"case.nii.gz", "seeing.json", "seeing.npz", "seg.nii.gz", "seg.seg.nrrd"} | written


@pytest.mark.parametrize(
    ("segmentation", "ending"), [("seg.nii.gz", ".nii.gz"), ("seg.nii.gz", ".mha"), ("seg.seg.nrrd", ".seg.nrrd")]
)
def test_names_of_up_to_220_bytes_are_written(case, capsys, segmentation, ending):
    names = [
        "o" * (220 - len(ending)) + ending,
        *("r" * (220 - len(kind)) + kind for kind in (".html", ".json", ".csv")),
    ]
    reports = [part for name in names[1:] for part in ("--report", name)]
    chosen = LABELS if ending != ".seg.nrrd" else NAMES
    for _ in range(2):  # the second replaces the first, which is copied for the time of the move
        assert repair(*reports, segmentation=segmentation, output=names[0], chosen=chosen) == 0
    assert all((case / name).is_file() for name in names)
    assert repair(segmentation=segmentation, output=f"o{names[0]}", chosen=chosen) == 2
    assert "221 bytes" in capsys.readouterr().err


# Bad input


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"segmentation": "none.nii.gz"}, "none.nii.gz: there is no such file"),
        ({"chosen": []}, "has the labels 1, 2, 3. Choose the myocardium with --label"),
        ({"segmentation": "seg.seg.nrrd", "chosen": NAMES}, "must end in .seg.nrrd"),
        ({"output": "out.seg.nrrd"}, "the output must end in"),
        ({"output": "seg.nii.gz"}, "never overwritten. Choose another name"),
        ({"output": "./case.nii.gz"}, "never overwritten. Choose another name"),
        ({"output": f"{'o' * 230}.nii.gz"}, "too long"),
        ({"segmentation": f"{'s' * 300}.nii.gz"}, "too long"),
        ({"chosen": ["--label", "2,x"]}, "'2,x'"),
        ({"chosen": [*LABELS[:2], "--trim-pool"]}, "blood pool"),
    ],
)
def test_bad_input_is_one_line_status_2_and_no_file(case, capsys, more, complaint):
    before = names(case)
    assert complaint in one_line(capsys, repair(**more))
    assert names(case) == before


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="All file names are Unicode")
@pytest.mark.parametrize("command", ["repair", "check", "evaluate"])
def test_a_path_that_is_not_utf_8_is_one_line(case, capsys, command):
    bad = os.fsdecode(b"\xff.nii.gz")
    os.rename("case.nii.gz", bad)
    output = ["--output", "out.nii.gz"] if command == "repair" else []
    said = one_line(capsys, main([command, bad, "seg.nii.gz", *LABELS[:2], *output]))
    assert ascii(bad) in said


@pytest.mark.parametrize("options", [{"srow": np.full((3, 4), np.nan)}, {"dim": (44, -40, 4)}])
def test_itk_output_about_damaged_headers_is_hidden(case, capfd, options):
    write_nifti(case / "case.nii", np.zeros((4, 40, 44), np.int16), **options)
    # All that reaches the descriptor of standard error, also what no Python code has written.
    assert "case.nii: the header" in one_line(capfd, main(["check", "case.nii", "seg.nii.gz", *LABELS]))


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (["--report", "r.pdf"], "must end in .csv, .json or .html"),
        (["--report", "r.csv", "--report", "./r.csv"], "already used"),
        (["--report", "nowhere/r.csv"], "does not exist"),
        (["--report", f"{'r' * 230}.csv"], "too long"),
        (["--rv-label", str(MYOCARDIUM)], f"seg.nii.gz: 'label {MYOCARDIUM}' is already the myocardium"),
        (["--model", "huge"], "There is no model 'huge'"),
        (["--model", "seg.nii.gz"], "There is no model"),
        (["--model", "broken.npz"], "broken.json: the model card is missing"),
        (["--device", "cuda"], "cuda"),
        (["--mode", "volumetric"], "'seeing' is slice-wise"),
    ],
)
def test_bad_options_are_one_line_status_2_and_no_file(case, capsys, more, complaint, monkeypatch):
    torch = importlib.import_module("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    (case / "broken.npz").write_bytes(b"PK")
    before = names(case)
    assert complaint in one_line(capsys, repair(*more))
    assert names(case) == before


def test_an_earlier_result_outlives_a_failure_of_any_output(case, capsys, monkeypatch):
    Path("out.nii.gz").write_bytes(b"earlier")
    Path("r.csv").write_bytes(b"earlier")
    replace_file, calls = os.replace, []

    def fragile(source, target):
        calls.append(target)
        if Path(target).name == "r.json":
            raise OSError(28, "No space left on device")
        replace_file(source, target)

    monkeypatch.setattr(os, "replace", fragile)
    status = repair("--report", "r.csv", "--report", "r.json")
    assert "No space" in one_line(capsys, status)
    assert Path("out.nii.gz").read_bytes() == b"earlier"
    assert Path("r.csv").read_bytes() == b"earlier"
    assert not Path("r.json").exists()
    assert not [name for name in names(case) if name.startswith(".")]


def test_wrong_usage_is_one_line_and_status_2(case, capsys):
    for arguments in (
        ["repair", "case.nii.gz"],
        ["mend"],
        ["check", "--nothing"],
        ["check", "a", "b", os.fsdecode(b"\xff")],
    ):
        assert "--help" in one_line(capsys, main(arguments))
    for option in (["--samples", "0"], ["--device", "abacus"], ["--phase", "-1"]):
        assert option[0] in one_line(capsys, repair(*option))


def test_without_arguments_the_help_is_printed(capsys):
    assert main([]) == 2
    said = capsys.readouterr()
    assert "evaluate" in said.out
    assert said.err == ""


def test_emoji_codes_in_names_are_printed_as_they_are(case, capsys):
    Path("case.nii.gz").rename("a:heart:[b].nii.gz")
    assert main(["check", "a:heart:[b].nii.gz", "seg.nii.gz", *LABELS, "--report", "r:bug:.csv"]) == 1
    said = capsys.readouterr().out
    assert "a:heart:[b]" in said
    assert "r:bug:.csv" in said


def test_internal_error_exits_3(case, monkeypatch, capsys):
    def faulty(*arguments, **options):
        raise ZeroDivisionError

    monkeypatch.setattr(cli_jobs, "repair", faulty)
    assert repair() == 3
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_missing_typer_exits_2(monkeypatch, capsys):
    monkeypatch.delitem(sys.modules, "rncarefine.cli.commands")
    monkeypatch.setitem(sys.modules, "typer", None)
    assert '".[cli]"' in one_line(capsys, main(["models"]))


# Files as they are


def test_missing_pool_is_noted(case, capsys):
    values = labels()
    values[values == POOL] = 0
    write_labels(case / "seg.nii.gz", values)
    assert repair("--report", "r.json", "--trim-pool") in (0, 1)
    said = capsys.readouterr()
    record = json.loads(Path("r.json").read_text())
    assert [doubt["code"] for doubt in record["doubts"]] == ["pool_not_found"]
    assert said.err == f"Please note: {record['warnings'][0]}\n"
    assert not record["run"]["trim_pool"]
    named = ["--report", "n.json"]
    assert repair(*named, segmentation="seg.seg.nrrd", output="out.seg.nrrd", chosen=[*NAMES[:3], "cavity"]) in (0, 1)
    doubts = [doubt["code"] for doubt in json.loads(Path("n.json").read_text())["doubts"]]
    assert doubts == ["pool_not_found", "overlap"]  # the pool is one of the other segments now


def test_note_names_the_labels_taken_from(case, capsys):
    values = labels()
    values[(values == MYOCARDIUM) & (np.indices(values.shape)[1] >= 24)] = 7
    write_labels(case / "seg.nii.gz", values)
    assert repair() == 1
    assert f"labels {RV}, 7." in capsys.readouterr().err
    repair(chosen=["--label", f"{MYOCARDIUM},7", "--pool-label", str(POOL)])
    assert "took pixels" not in capsys.readouterr().err


def test_segments_judge_a_repair_as_labels_do_and_keep_their_voxels(case, capsys):
    values = labels()
    values[(values == MYOCARDIUM) & (np.indices(values.shape)[1] >= 24)] = 7
    write_labels(case / "seg.nii.gz", values)
    assert repair("--report", "labels.json") == 1
    structures = [("RV", 0, RV), ("myocardium", 0, MYOCARDIUM), ("blood pool", 0, POOL), ("scar", 0, 7)]
    write_segments(case / "seg.seg.nrrd", structures, values[None])
    capsys.readouterr()
    more = ["--report", "segments.json"]
    assert repair(*more, segmentation="seg.seg.nrrd", output="out.seg.nrrd", chosen=NAMES) == 1
    said = capsys.readouterr().err
    assert "overlaps the segments RV, scar, which keep their voxels" in said
    assert '--segment "myocardium"' in said
    for name, value in (("RV", RV), ("scar", 7)):
        assert np.array_equal(named_segment("out.seg.nrrd", name), values == value)
    by_label, by_name = (json.loads(Path(f"{kind}.json").read_text()) for kind in ("labels", "segments"))
    assert [record["codes"] for record in by_name["slices"]] == [record["codes"] for record in by_label["slices"]]
    *same, overlap = by_name["doubts"]
    assert same == by_label["doubts"]
    assert overlap["code"] == "overlap"
    areas = [record["taken_from_others_mm2"] for record in by_label["slices"]]
    assert overlap["values"]["area_mm2"] == pytest.approx(sum(areas), abs=0.01)
    assert overlap["values"]["slices"] == np.count_nonzero(areas)


@pytest.mark.parametrize("walls", [["--label", f"{MYOCARDIUM},7"], ["--label", str(MYOCARDIUM), "--label", "7"]])
def test_several_labels_form_one_wall_and_keep_their_voxels(case, walls):
    values = labels()
    scar = (values == MYOCARDIUM) & (np.indices(values.shape)[1] >= 22)
    values[scar] = 7
    write_labels(case / "seg.nii.gz", values)
    chosen = [*walls, "--pool-label", str(POOL)]
    assert repair("--report", "r.json", chosen=chosen) == 0
    result, record = array("out.nii.gz"), json.loads(Path("r.json").read_text())
    assert record["stack"]["closed_before"] < record["stack"]["closed_after"] == 4
    assert np.array_equal((result == 7), scar & (result != 0))
    assert (result[scar] == 7).mean() > 0.9
    truth = ["--label", f"{MYOCARDIUM},7", "--truth-label", f"7,{MYOCARDIUM}"]
    assert main(["evaluate", "out.nii.gz", "out.nii.gz", *truth, "--json", "m.json"]) == 0
    assert json.loads(Path("m.json").read_text())["stack"]["dice"] == 1
    assert main(["check", "case.nii.gz", "out.nii.gz", *chosen]) == 0


def test_links_to_themselves_are_one_line(case, capsys):
    (case / "loop.nii.gz").symlink_to("loop.nii.gz")
    for arguments in (
        ["repair", "loop.nii.gz", "seg.nii.gz", "-o", "out.nii.gz"],
        ["repair", "case.nii.gz", "loop.nii.gz", "-o", "out.nii.gz"],
        ["repair", "case.nii.gz", "seg.nii.gz", "-o", "loop.nii.gz"],
        ["repair", "case.nii.gz", "seg.nii.gz", "-o", "out.nii.gz", "--report", "loop.json"],
    ):
        (case / "loop.json").unlink(missing_ok=True)
        (case / "loop.json").symlink_to("loop.json")
        assert "loop." in one_line(capsys, main([*arguments, "--model", "seeing.npz", *LABELS]))
