"""The command line on pictures of vessels, from arguments to files and exit status."""

import csv
import json
import sys

import numpy as np
import pytest
import SimpleITK as sitk
from pyarrow import parquet

from engine.cli_samples import one_line
from engine.file_samples import write_image, write_labels
from engine.model_folders import seeing_weights
from engine.vessel_models import saved
from engine.vessels import tree, with_gap
from rncarefine.cli.main import main
from rncarefine.io.picture_files import read_mask

WHOLE = tree()
BROKEN = with_gap(WHOLE, 30, 10)


@pytest.fixture
def case(tmp_path, monkeypatch):
    """A folder with a photograph, a broken mask, the truth, and a model of vessels; it is the current one."""
    noise = np.random.default_rng(3).normal(0, 4, (80, 80, 3))
    photo = np.clip(150 - 60 * WHOLE[..., None] + noise, 0, 255).astype(np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(photo, isVector=True), str(tmp_path / "photo.png"))
    for name, mask in (("mask", BROKEN), ("truth", WHOLE)):
        sitk.WriteImage(sitk.GetImageFromArray(mask.astype(np.uint8) * 255), str(tmp_path / f"{name}.png"))
    saved(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def repair(*more, image="photo.png", mask="mask.png", output="out.png", model="toy-vessels.npz"):
    return main(["repair", image, mask, "--output", output, "--model", model, "--device", "numpy", *more])


@pytest.mark.parametrize(("ending", "noted"), [("png", False), ("nrrd", True)])
def test_two_dimensional_image_is_noted_as_a_picture(case, capsys, ending, noted):
    sitk.WriteImage(sitk.GetImageFromArray(np.arange(6400, dtype=np.uint16).reshape(80, 80)), f"slice.{ending}")
    assert main(["check", f"slice.{ending}", "mask.png"]) == 0
    assert (f"slice.{ending}" in capsys.readouterr().err) == noted


def test_repair_joins_the_vessel_and_writes_mask_and_reports(case, capsys):
    status = repair("--report", "r.html", "--report", "r.csv", "--report", "r.json")
    report = json.loads((case / "r.json").read_text(encoding="utf-8"))
    assert status == (1 if report["picture"]["flagged"] else 0)
    assert report["picture"]["b0_after"] == 1
    assert read_mask(case / "out.png")[30, 30:40].all()
    rows = list(csv.DictReader((case / "r.csv").open(encoding="utf-8")))
    assert [row["verdict"] for row in rows] == [place["verdict"] for place in report["places"]]
    assert rows[0]["verdict"] == "bridged"
    page = (case / "r.html").read_text(encoding="utf-8")
    assert page.count("data:image/jpeg") >= 3
    assert "http" not in page.replace("http-equiv", "")
    assert "1 bridge," in capsys.readouterr().out


def test_outputs_that_replace_existing_files_are_listed_as_replaced(case, capsys):
    (case / "out.png").write_bytes(b"earlier")
    repair("--report", "r.csv")
    assert capsys.readouterr().out.splitlines()[-2:] == ["Replaced: out.png", "Written: r.csv"]
    main(["check", "photo.png", "mask.png", "--report", "r.csv"])
    assert "Replaced: r.csv" in capsys.readouterr().out
    for done in ("Written", "Replaced"):
        assert main(["evaluate", "out.png", "truth.png", "--json", "m.json"]) == 0
        assert f"{done}: m.json" in capsys.readouterr().out


def test_bridges_only_makes_no_other_edit(case):
    repair("--bridges-only", "--report", "r.json")
    report = json.loads((case / "r.json").read_text(encoding="utf-8"))["picture"]
    assert (report["bridges"], report["extended"], report["removed"], report["thickened_px"]) == (1, 0, 0, 0)
    out = read_mask(case / "out.png") > 0
    assert (out >= BROKEN).all()


def test_check_names_the_gaps_and_changes_nothing(case, capsys):
    before = sorted(path.name for path in case.iterdir())
    assert main(["check", "photo.png", "mask.png"]) == 0
    # At 80 pixels the limits for a photograph are a few pixels: a gap of two is found, one of ten is none.
    near = with_gap(WHOLE, 30, 2).astype(np.uint8) * 255
    sitk.WriteImage(sitk.GetImageFromArray(near), "near.png")
    assert main(["check", "photo.png", "near.png"]) == 1
    assert "gap" in capsys.readouterr().out
    assert sorted(path.name for path in case.iterdir()) == sorted([*before, "near.png"])


@pytest.mark.parametrize("ending", ["webp", "bmp", "GIF"])
@pytest.mark.parametrize("command", ["repair", "check", "evaluate"])
def test_unsupported_picture_format_exits_2(case, capsys, ending, command):
    name = f"photo.{ending}"
    (case / name).write_bytes(b"RIFF")
    output = ["--output", "out.png"] if command == "repair" else []
    line = one_line(capsys, main([command, name, "mask.png", *output]))
    assert name in line
    assert all(read in line for read in ("PNG", "JPEG", "TIFF"))
    assert "out.png" not in line


def test_a_bad_mask_is_named_by_its_file(case, capsys):
    for name, mask in (("none.png", 0 * BROKEN), ("inverse.png", ~BROKEN)):
        sitk.WriteImage(sitk.GetImageFromArray(mask.astype(np.uint8) * 255), name)
        assert name in one_line(capsys, repair(mask=name))
        assert name in one_line(capsys, main(["check", "photo.png", name]))


def test_picture_unlike_the_training_exits_1(case, capsys):
    saved(case, familiar={"mean": {"red": 5.0}, "sd": {"red": 0.1}, "most": 4.0})
    assert repair("--report", "r.json", "--report", "r.html") == 1
    report = json.loads((case / "r.json").read_text(encoding="utf-8"))
    assert (report["picture"]["added_px"], report["picture"]["flagged"]) == (0, 0)
    assert [doubt["code"] for doubt in report["doubts"]] == ["no_border", "unlike_training"]
    assert "No place needs review" not in (case / "r.html").read_text(encoding="utf-8")
    assert "field of view" in capsys.readouterr().err
    (case / "cases.csv").write_text("case,image,segmentation\na,photo.png,mask.png\n", encoding="utf-8")
    command = ["batch", "cases.csv", "--output", "done", "--model", "toy-vessels.npz", "--device", "numpy"]
    assert main([*command, "--workers", "1"]) == 1


def test_evaluate_compares_with_the_truth_and_judges_the_bridges(case, capsys):
    assert main(["evaluate", "truth.png", "truth.png", "--before", "mask.png", "--json", "m.json"]) == 0
    found = json.loads((case / "m.json").read_text(encoding="utf-8"))["picture"]
    assert (found["dice"], found["connectivity"], found["b0_error"]) == (1.0, 1.0, 0)
    assert (found["bridges"], found["bridge_precision"], found["centreline_removed"]) == (1, 1.0, 0.0)
    assert "connectivity" in capsys.readouterr().out


def test_evaluate_shows_masks_of_the_same_name_apart(case, capsys):
    (case / "old").mkdir()
    (case / "mask.png").rename(case / "old" / "truth.png")
    assert main(["evaluate", "truth.png", "truth.png", "--before", "old/truth.png"]) == 0
    (dice,) = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith(" Dice")]
    assert len(dice) == 3
    assert float(dice[1]) < 1 == float(dice[2])
    assert "--before" in one_line(capsys, main(["evaluate", "truth.png", "truth.png", "--before", "./truth.png"]))


@pytest.mark.parametrize(
    ("command", "option"),
    [
        ("check", ["--close-base"]),
        ("check", ["--apex", "first"]),
        ("check", ["--remove-islands"]),
        ("check", ["--segment", "vessels"]),
        ("evaluate", ["--segment", "vessels"]),
        ("evaluate", ["--truth-segment", "vessels"]),
        ("evaluate", ["--image", "photo.png"]),
    ],
)
def test_check_and_evaluate_refuse_options_of_stacks_for_a_picture(case, capsys, command, option):
    first = "photo.png" if command == "check" else "truth.png"
    assert option[0].replace("--truth-segment", "--segment") in one_line(
        capsys, main([command, first, "mask.png", *option])
    )


def test_masks_of_different_size_are_reported_alike_by_repair_and_evaluate(case, capsys):
    sitk.WriteImage(sitk.GetImageFromArray(WHOLE[:79].astype(np.uint8) * 255), "cut.png")
    sizes = "cut.png has 80 x 79 pixels, {} has 80 x 80. "
    assert sizes.format("photo.png") in one_line(capsys, repair(mask="cut.png"))
    assert sizes.format("truth.png") in one_line(capsys, main(["evaluate", "cut.png", "truth.png"]))
    before = ["--before", "cut.png"]
    assert sizes.format("truth.png") in one_line(capsys, main(["evaluate", "mask.png", "truth.png", *before]))


def test_evaluate_notes_that_an_inverted_mask_hardly_overlaps_the_truth(case, capsys):
    for name, mask in (("inverse.png", ~WHOLE), ("none.png", 0 * WHOLE)):
        sitk.WriteImage(sitk.GetImageFromArray(mask.astype(np.uint8) * 255), name)
    assert main(["evaluate", "inverse.png", "truth.png"]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert "inverse.png and truth.png hardly overlap" in line
    assert "larger value" in line
    for prediction, truth in (("mask.png", "truth.png"), ("none.png", "truth.png"), ("truth.png", "none.png")):
        assert main(["evaluate", prediction, truth]) == 0
        assert capsys.readouterr().err == ""


def test_model_of_another_task_exits_2(case, capsys):
    write_image(case / "case.nii.gz")
    write_labels(case / "seg.nii.gz")
    seeing_weights(case)
    assert "short-axis stack" in one_line(capsys, repair(model="seeing.npz"))
    line = one_line(capsys, repair("--label", "2", image="case.nii.gz", mask="seg.nii.gz", output="out.nii.gz"))
    assert "single photograph" in line
    assert not (case / "out.png").exists()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--close-base"], "--close-base"),
        (["--trim-pool"], "--trim-pool"),
        (["--mode", "slice-wise"], "--mode"),
        (["--pool-label", "3"], "blood pool"),
        (["--segment", "vessels"], "--label"),
    ],
)
def test_options_of_stacks_are_refused_for_a_picture(case, capsys, more, said):
    assert said in one_line(capsys, repair(*more))


def test_options_of_pictures_are_refused_for_a_stack(case, capsys):
    write_image(case / "case.nii.gz")
    write_labels(case / "seg.nii.gz")
    seeing_weights(case)
    status = repair("--bridges-only", image="case.nii.gz", mask="seg.nii.gz", output="o.nii.gz", model="seeing.npz")
    assert "--bridges-only" in one_line(capsys, status)


def test_batch_of_pictures_is_resumed(case, capsys):
    rows = "case,image,segmentation\na,photo.png,mask.png\nb,photo.png,none.png\nc,photo.png,truth.png\n"
    bad = ["../x", "NUL", "n" * 300]
    rows += "".join(f"{name},photo.png,mask.png\n" for name in bad)
    (case / "cases.csv").write_text(rows, encoding="utf-8")
    command = ["batch", "cases.csv", "--output", "done", "--model", "toy-vessels.npz", "--device", "numpy"]
    assert main([*command, "--workers", "1"]) == 1
    assert read_mask(case / "done" / "a.png")[30, 30:40].all()
    np.testing.assert_array_equal(read_mask(case / "done" / "c.png"), WHOLE)
    table = list(csv.DictReader((case / "done" / "cohort.csv").open(encoding="utf-8")))
    assert {row["case"] for row in table} >= {"a"}
    failed = {
        row["case"]: row["reason"] for row in csv.DictReader((case / "done" / "failed.csv").open(encoding="utf-8"))
    }
    assert failed.keys() == {"b", *bad}
    assert all("cases.csv" in failed[name] for name in bad)
    report = json.loads((case / "done" / "reports" / "a.json").read_text(encoding="utf-8"))
    assert (report["case"], report["result"], report["picture"]["b0_after"]) == ("a", "a.png", 1)
    assert [row["verdict"] for row in table if row["case"] == "a"] == [place["verdict"] for place in report["places"]]
    assert not (case / "x.png").exists()
    first = (case / "done" / "a.png").stat().st_mtime_ns
    sitk.WriteImage(sitk.GetImageFromArray(BROKEN.astype(np.uint8) * 255), "none.png")
    main([*command, "--workers", "1"])
    assert (case / "done" / "a.png").stat().st_mtime_ns == first
    assert (case / "done" / "b.png").is_file()
    capsys.readouterr()
    assert "other settings" in one_line(capsys, main([*command, "--seed", "5", "--workers", "1"]))
    sitk.WriteImage(sitk.GetImageFromArray(WHOLE.astype(np.uint8) * 255), "none.png")
    assert main([*command, "--workers", "1"]) == 1  # the mask of b has changed
    failed = {row["case"] for row in csv.DictReader((case / "done" / "failed.csv").open(encoding="utf-8"))}
    assert failed == {"b", *bad}


def test_without_dask_pictures_are_repaired_one_after_another(case, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    (case / "cases.csv").write_text("case,image,segmentation\na,photo.png,mask.png\n", encoding="utf-8")
    command = ["batch", "cases.csv", "--output", "done", "--model", "toy-vessels.npz", "--device", "numpy"]
    assert '".[cli,cohort]"' in one_line(capsys, main([*command, "--workers", "2"]))
    assert main([*command, "--table", "places.parquet"]) in (0, 1)
    assert '".[cli,cohort]"' in capsys.readouterr().err
    rows = parquet.read_table("places.parquet").to_pylist()
    assert [(row["case"], row["verdict"]) for row in rows][:1] == [("a", "bridged")]
    assert read_mask(case / "done" / "a.png")[30, 30:40].all()
