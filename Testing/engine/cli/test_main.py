"""The command line, from arguments to files and exit status, on real files."""

from __future__ import annotations

import csv
import importlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import nrrd
import numpy as np
import pytest
import SimpleITK as sitk
import slicerio
import typer
from typer.testing import CliRunner

from engine import model_folders
from engine.file_samples import (
    MYOCARDIUM,
    POOL,
    RV,
    labels,
    named_segment,
    volume,
    write_image,
    write_labels,
    write_segmentation,
)
from engine.model_folders import cine_2d, cine_3d, open_2d, seeing_weights
from engine.report_samples import broken_stack, ring
from engine.toy_models import seeing_model
from harness.processes import interruptible
from rncarefine import __version__
from rncarefine.cli import commands as cli_commands
from rncarefine.cli import jobs as cli_jobs
from rncarefine.cli.main import main
from rncarefine.io import files
from rncarefine.io import sample as bundled
from rncarefine.nca import model as model_module
from rncarefine.nca.card import REPAIRED_FEATURES
from rncarefine.nca.model import DEFAULT_MODEL, save_model
from rncarefine.refine.repair import RepairOptions
from rncarefine.refine.repair import repair as engine_repair

AREA = 1.5 * 1.25


@pytest.fixture
def case(tmp_path, monkeypatch):
    """A folder with an image, a label map, a segmentation and a model, which is the current one."""
    write_image(tmp_path / "case.nii.gz")
    write_labels(tmp_path / "seg.nii.gz")
    write_segmentation(tmp_path / "seg.seg.nrrd")
    seeing_weights(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


LABELS = ["--label", str(MYOCARDIUM), "--pool-label", str(POOL)]
NAMES = ["--segment", "myocardium", "--pool-segment", "blood pool"]


def repair(*more, segmentation="seg.nii.gz", output="out.nii.gz", chosen=LABELS):
    arguments = [
        "repair",
        "case.nii.gz",
        segmentation,
        "--output",
        output,
        "--model",
        "seeing.npz",
        "--device",
        "numpy",
    ]
    return main([*arguments, *chosen, *more])


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def array(path):
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


def one_line(capsys, status, expected=2):
    """Check for one clear line on standard error and nothing else, and return it."""
    said = capsys.readouterr()
    assert status == expected
    assert said.out == ""
    lines = said.err.splitlines()
    assert len(lines) == 1, said.err
    assert "Traceback" not in said.err
    return lines[0]


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
    assert "repaired by the automaton" in said
    assert "Weights: seeing, licence CC0-1.0" in said
    assert "Written: out.nii.gz" in said


def test_what_the_wall_took_is_counted_as_the_files_show_it(case):
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


def test_repair_of_named_segments_writes_named_segments(case):
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


def test_a_slice_that_is_left_open_is_flagged_by_the_exit_status(case, capsys):
    assert repair("--add-only", "--report", "r.csv") == 1  # the loose component of slice 3 must stay
    with open("r.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["flagged"] for row in rows] == ["no", "no", "no", "yes"]
    assert (array("out.nii.gz")[3] == labels()[3]).all()
    said = capsys.readouterr().out
    assert "refused" in said
    assert "Slice 3 was left" in said


def test_a_repair_to_look_at_is_flagged_and_not_said_to_be_left(case, capsys):
    model = seeing_model(name="doubtful", confidence={**dict.fromkeys(REPAIRED_FEATURES, 0.0), "intercept": -1.0})
    save_model(model, case)
    assert repair("--model", "doubtful.npz", "--report", "r.csv") == 1
    with open("r.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["verdict"], row["flagged"]) for row in rows[1:3]] == [("repaired by the automaton", "yes")] * 2
    assert (array("out.nii.gz")[1] != labels()[1]).any()
    said = capsys.readouterr().out
    assert "repaired by the automaton, needs review" in said
    assert re.search(r"Slice 1 was repaired, but needs review: .* Low confidence ", said)
    assert "was left as it was" not in said


@pytest.mark.parametrize(
    ("chosen", "name"),
    [
        ([], DEFAULT_MODEL),
        (["--mode", "slice-wise"], "sax-cine-2d"),
        (["--mode", "volumetric"], "sax-cine-3d"),
        (["--model", "sax-cine-3d"], "sax-cine-3d"),
        (["--mode", "slice-wise", "--model", "sax-open-2d"], "sax-open-2d"),
    ],
)
def test_mode_and_model_decide_with_which_weights_is_repaired(case, monkeypatch, chosen, name):
    models = {model.card.name: model for model in (cine_2d(), cine_3d(), open_2d())}
    model_folders.install(monkeypatch, case / "models", *models.values())
    monkeypatch.setattr(typer, "get_app_dir", lambda name: str(case / "home"))
    arguments = ["repair", "case.nii.gz", "seg.nii.gz", "--output", "out.nii.gz", "--device", "numpy"]
    assert main([*arguments, *LABELS, *chosen, "--report", "r.json"]) in (0, 1)
    assert json.loads(Path("r.json").read_text())["model"]["name"] == name
    content = files.read_case(case / "case.nii.gz", case / "seg.nii.gz", files.Choice(MYOCARDIUM, pool_label=POOL))
    walls = {
        key: engine_repair(content.stack, model, RepairOptions(device="numpy")).wall for key, model in models.items()
    }
    np.testing.assert_array_equal(array("out.nii.gz") == MYOCARDIUM, walls[name] == 1)
    assert all((walls[name] != wall).any() for key, wall in walls.items() if key != name)


def test_a_model_of_another_mode_is_refused(case, capsys, monkeypatch):
    model_folders.install(monkeypatch, case / "models", cine_2d(), cine_3d())
    said = one_line(capsys, repair("--model", "sax-cine-2d", "--mode", "volumetric"))
    assert "'sax-cine-2d'" in said


def test_the_terms_are_told_beside_the_result_of_the_first_repair_only(case, capsys, monkeypatch):
    model_folders.install(monkeypatch, case / "models", cine_2d())
    monkeypatch.setattr(typer, "get_app_dir", lambda name: str(case / "home"))
    one_line(capsys, repair("--model", "sax-cine-2d", chosen=[]))  # bad input is one line, and no use
    for told in (True, False):
        assert repair("--model", "sax-cine-2d") in (0, 1)
        said = capsys.readouterr()
        assert ("Terms of the weights: sax-cine-2d may be used under CC BY-NC-SA 4.0" in said.err) == told
        assert "Weights: sax-cine-2d, licence CC BY-NC-SA 4.0" in said.out


def test_add_only_removes_nothing(case):
    repair("--add-only")
    assert (array("out.nii.gz")[labels() == MYOCARDIUM] == MYOCARDIUM).all()


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
    assert names(case) == sorted(
        [
            "case.nii.gz",
            "out.nii.gz",
            "r.csv",
            "r.html",
            "r.json",
            "seeing.json",
            "seeing.npz",
            "seg.nii.gz",
            "seg.seg.nrrd",
        ]
    )


def test_every_option_of_the_method_reaches_the_run(case):
    repair("--apex", "first", "--close-base", "--add-only", "--geometry", "--seed", "7", "--report", "r.json")
    run = json.loads(Path("r.json").read_text())["run"]
    assert (run["apex"], run["close_base"], run["add_only"], run["geometry"], run["seed"], run["device"]) == (
        "first",
        True,
        True,
        True,
        7,
        "cpu",
    )


@pytest.mark.parametrize("more", [(), ("--no-geometry",)])
def test_polar_interpolation_is_off_unless_it_is_asked_for(case, more):
    assert repair(*more, "--report", "r.json") == 0
    assert json.loads(Path("r.json").read_text())["run"]["geometry"] is False


def test_a_closed_slice_that_the_image_contradicts_is_flagged_and_said_to_be_left(case, capsys):
    values = labels()
    values[0][values[0] == MYOCARDIUM] = 0
    values[0][np.roll(broken_stack()[0].mask[0], 8, axis=1) == 1] = MYOCARDIUM
    write_labels(case / "seg.nii.gz", values)
    assert repair("--report", "r.json") == 1
    assert (array("out.nii.gz")[0] == values[0]).all()
    record = json.loads(Path("r.json").read_text())["slices"][0]
    assert (record["verdict"], record["codes"], record["flagged"]) == ("intact", ["image_disagrees"], True)
    said = capsys.readouterr().out
    assert "Slice 0 was left as it was: Closed, but the image disagrees" in said
    assert "intact, needs review" in said


def test_the_same_command_gives_the_same_file(case):
    repair(output="one.mha")
    repair(output="two.mha")
    assert Path("one.mha").read_bytes() == Path("two.mha").read_bytes()


def test_the_only_label_needs_no_option(case):
    write_labels(case / "wall.nrrd", broken_stack()[0].mask * 7)
    assert repair(segmentation="wall.nrrd", output="out.nrrd", chosen=[]) == 0
    assert set(np.unique(array("out.nrrd"))) == {0, 7}


def test_slices_along_another_axis_are_found_by_their_spacing(case, capsys):
    for name, values in (("odd", broken_stack()[0].image), ("odd-seg", broken_stack()[0].mask)):
        sitk.WriteImage(sitk.PermuteAxes(volume(values), [2, 0, 1]), f"{name}.nrrd")
    main(["check", "odd.nrrd", "odd-seg.nrrd"])
    said = capsys.readouterr()
    assert said.err == ""
    assert "1 of 4 slices closed" in said.out


def test_slices_of_one_spacing_are_pointed_out(case, capsys):
    for name, values in (("odd", broken_stack()[0].image), ("odd-seg", broken_stack()[0].mask)):
        picture = volume(values)
        picture.SetSpacing((1.25, 1.5, 1.25))
        sitk.WriteImage(picture, f"{name}.nrrd")
    main(["check", "odd.nrrd", "odd-seg.nrrd"])
    assert "slice spacing (1.25 mm)" in capsys.readouterr().err


# Bad input


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"segmentation": "none.nii.gz"}, "none.nii.gz: there is no such file"),
        ({"chosen": []}, "has the labels 1, 2, 3. Say which is the myocardium with --label"),
        ({"chosen": ["--label", "8"]}, "has no label 8"),
        ({"chosen": NAMES}, "is a label map. Use --label"),
        ({"segmentation": "seg.seg.nrrd", "output": "out.seg.nrrd"}, "Use --segment"),
        ({"segmentation": "seg.seg.nrrd", "chosen": NAMES}, "name ends in .seg.nrrd"),
        ({"output": "out.seg.nrrd"}, "must be of the segmentation's kind"),
        ({"output": "seg.nii.gz"}, "never overwritten. Choose another name"),
        ({"output": "./case.nii.gz"}, "never overwritten. Choose another name"),
        ({"output": "nowhere/out.nii.gz"}, "does not exist. Create it first"),
        ({"output": "out.png"}, "ending must be one of"),
    ],
)
def test_bad_input_is_one_line_status_2_and_no_file(case, capsys, more, complaint):
    before = names(case)
    assert complaint in one_line(capsys, repair(**more))
    assert names(case) == before


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (["--report", "r.pdf"], "a report ends in .csv, .json or .html"),
        (["--report", "r.csv", "--report", "./r.csv"], "given twice"),
        (["--report", "nowhere/r.csv"], "does not exist"),
        (["--model", "huge"], "There is no model 'huge'"),
        (["--model", "seg.nii.gz"], "There is no model"),
        (["--model", "broken.npz"], "broken.json: the model card is missing"),
        (["--device", "cuda"], "cuda"),
    ],
)
def test_bad_options_are_one_line_status_2_and_no_file(case, capsys, more, complaint, monkeypatch):
    torch = importlib.import_module("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    (case / "broken.npz").write_bytes(b"PK")
    before = names(case)
    assert complaint in one_line(capsys, repair(*more))
    assert names(case) == before


def test_trimming_without_a_pool_is_refused_before_the_work(case, capsys):
    assert "blood pool" in one_line(capsys, repair("--trim-pool", chosen=LABELS[:2]))


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
    assert "No space left on device" in one_line(capsys, status)
    assert Path("out.nii.gz").read_bytes() == b"earlier"
    assert Path("r.csv").read_bytes() == b"earlier"
    assert not Path("r.json").exists()
    assert not [name for name in names(case) if name.startswith(".")]


def test_wrong_usage_is_status_2(case):
    assert main(["repair", "case.nii.gz"]) == 2
    assert main(["mend"]) == 2
    assert repair("--samples", "0") == 2
    assert repair("--device", "abacus") == 2


@pytest.mark.parametrize("where", ["repair_stack", "write_case", "write_reports"])
def test_ctrl_c_leaves_nothing_half_written(case, monkeypatch, where):
    def stopped(*arguments, **options):
        raise KeyboardInterrupt

    before = names(case)
    monkeypatch.setattr(cli_jobs, where, stopped)
    assert repair("--report", "r.csv") == 130
    assert names(case) == before


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send")
def test_a_real_interrupt_ends_a_running_repair(case):
    before = names(case)
    code = (
        "import sys, time\n"
        "from rncarefine.cli import jobs\n"
        "from rncarefine.cli.main import main\n"
        "def slow(*arguments, **options):\n"
        "    print('working', flush=True)\n"
        "    time.sleep(60)\n"
        "jobs.repair_stack = slow\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    arguments = ["repair", "case.nii.gz", "seg.nii.gz", "-o", "out.nii.gz", "--model", "seeing.npz", *LABELS]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with interruptible([sys.executable, "-c", code, *arguments], env=environment) as process:
        assert process.stdout.readline() == "working\n"
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said == "rncarefine: stopped\n"
    assert names(case) == before


def test_a_fault_of_the_program_is_neither_flagged_nor_bad_input(case, monkeypatch, capsys):
    def faulty(*arguments, **options):
        raise ZeroDivisionError

    monkeypatch.setattr(cli_jobs, "repair_stack", faulty)
    assert repair() == 3
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_without_typer_one_line_says_what_to_install(monkeypatch, capsys):
    monkeypatch.delitem(sys.modules, "rncarefine.cli.commands")
    monkeypatch.setitem(sys.modules, "typer", None)
    assert '".[cli]"' in one_line(capsys, main(["models"]))


# check


def test_check_says_what_is_broken_and_changes_nothing(case, capsys):
    before = {path.name: path.read_bytes() for path in case.iterdir()}
    assert main(["check", "case.nii.gz", "seg.nii.gz", *LABELS]) == 1
    said = capsys.readouterr().out
    assert said.count("to repair") == 3
    assert "fragmented" in said
    assert {path.name: path.read_bytes() for path in case.iterdir()} == before


def test_check_of_a_right_stack_is_status_0_and_writes_reports(case):
    _, after = broken_stack()
    after[2] = after[1]
    write_labels(case / "right.nrrd", after)
    assert main(["check", "case.nii.gz", "right.nrrd", "--report", "r.json", "--report", "r.html"]) == 0
    content = json.loads(Path("r.json").read_text())
    assert content["model"] is None
    assert {entry["verdict"] for entry in content["slices"]} == {"intact"}
    assert "Every slice is as expected" in Path("r.html").read_text()


def test_close_base_and_apex_reach_the_diagnosis(case):
    """The most basal slice is open: on purpose, unless the base is to be closed."""
    mask = np.stack([ring((40, 44), (20, 22), radius - 3, radius) for radius in (12, 12, 11, 10, 8, 6)])
    mask[0, 12:28, 22:] = 0
    sitk.WriteImage(sitk.GetImageFromArray(np.random.default_rng(0).normal(size=mask.shape)), "i.nrrd")
    sitk.WriteImage(sitk.GetImageFromArray(mask), "m.nrrd")

    def expectations(*more):
        main(["check", "i.nrrd", "m.nrrd", "--report", "r.json", *more])
        content = json.loads(Path("r.json").read_text())
        return content["run"]["apex"], [entry["expectation"] for entry in content["slices"]]

    assert expectations() == ("last", ["open on purpose"] + ["ring"] * 5)
    assert expectations("--close-base") == ("last", ["ring"] * 6)
    assert expectations("--apex", "first")[0] == "first"
    assert expectations("--apex", "first")[1][0] == "ring"


# evaluate


def test_evaluate_prints_and_writes_the_metrics(case, capsys):
    truth = labels()
    truth[truth == MYOCARDIUM] = 0
    truth[broken_stack()[0].mask == 1] = MYOCARDIUM
    truth[3, 2:4, 3:6] = 0
    write_labels(case / "truth.nrrd", truth)
    arguments = ["evaluate", "seg.seg.nrrd", "truth.nrrd", "--segment", "myocardium", "--label", str(MYOCARDIUM)]
    assert main([*arguments, "--json", "m.json"]) == 0
    said = capsys.readouterr().out
    content = json.loads(Path("m.json").read_text())
    wall = int((truth == MYOCARDIUM).sum())
    # The prediction is the truth and a loose piece of six pixels in slice 3.
    assert content["stack"]["dice"] == pytest.approx(2 * wall / (2 * wall + 6))
    assert [entry["dice"] == 1 for entry in content["slices"]] == [True, True, True, False]
    assert [entry["b0_error"] for entry in content["slices"]] == [0, 0, 0, 1]
    assert content["stack"]["lv_mass_g"] == pytest.approx((wall + 6) * 15 / 1000 * 1.05)
    assert content["spacing_mm"] == pytest.approx([8, 1.5, 1.25])
    assert f"{content['stack']['dice']:.3f}" in said


def test_evaluate_of_cropped_segmentations_compares_the_same_places(case):
    for name, cut in (("one", np.s_[:, 5:35, 2:40]), ("two", np.s_[0:4, 1:33, 0:36])):
        whole, header = nrrd.read("seg.seg.nrrd")
        part = whole.transpose(0, 3, 2, 1)[(slice(None), *cut)].transpose(0, 3, 2, 1)
        first = np.array([cut[2].start or 0, cut[1].start or 0, cut[0].start or 0])
        header["space origin"] = header["space origin"] + first @ header["space directions"][1:]
        header["sizes"] = np.array(part.shape)
        nrrd.write(f"{name}.seg.nrrd", part, header)
    assert main(["evaluate", "one.seg.nrrd", "two.seg.nrrd", "--segment", "rv", "--json", "m.json"]) == 0
    content = json.loads(Path("m.json").read_text())
    cut_away = int((labels()[:, :, 36:] == RV).sum())
    assert cut_away > 0
    total = int((labels() == RV).sum())
    assert content["stack"]["dice"] == pytest.approx(2 * (total - cut_away) / (2 * total - cut_away))


def test_evaluate_refuses_other_voxels_and_other_kinds_of_output(case, capsys):
    moved = volume(labels())
    moved.SetOrigin((0, 0, 0))
    sitk.WriteImage(moved, "moved.nrrd")
    chosen = ["--label", "2"]
    said = one_line(capsys, main(["evaluate", "seg.nii.gz", "moved.nrrd", *chosen]))
    assert "Prediction: size" in said
    said = one_line(capsys, main(["evaluate", "seg.nii.gz", "seg.nii.gz", *chosen, "--json", "m.csv"]))
    assert "must end in .json" in said


def test_evaluate_takes_another_label_for_the_truth(case):
    write_labels(case / "truth.nrrd", (labels() == MYOCARDIUM) * np.uint8(4) + (labels() == RV) * np.uint8(2))
    status = main(["evaluate", "seg.nii.gz", "truth.nrrd", "--label", "2", "--truth-label", "4", "--json", "m.json"])
    assert status == 0
    assert json.loads(Path("m.json").read_text())["stack"]["dice"] == 1


# models, demo and the rest


def test_models_lists_name_licence_and_hash(case, monkeypatch, capsys):
    monkeypatch.setattr(model_module, "MODEL_FOLDERS", (case,))
    assert main(["models"]) == 0
    said = capsys.readouterr().out
    digest = json.loads(Path("seeing.json").read_text())["sha256"]
    for part in ("seeing", "CC0-1.0", digest[:12]):
        assert part in said


def test_models_says_mode_and_data_which_is_the_default_and_which_is_free_for_any_use(case, monkeypatch, capsys):
    model_folders.install(monkeypatch, case / "models", cine_2d(), cine_3d(), open_2d())
    assert main(["models"]) == 0
    said = capsys.readouterr().out
    rows = {name: line for line in said.splitlines() for name in ("sax-cine-3d", "sax-open-2d") if f" {name} " in line}
    assert "volumetric" in rows["sax-cine-3d"]
    assert "Apache-2.0" in rows["sax-open-2d"]
    assert "training data" in said
    assert "Default: sax-cine-2d, sax-cine-3d with --mode volumetric.\n" in said
    assert "Free for any use: sax-open-2d.\n" in said


def test_models_says_when_there_are_none(case, monkeypatch, capsys):
    monkeypatch.setattr(model_module, "MODEL_FOLDERS", (case / "nowhere",))
    assert "No weights are installed" in one_line(capsys, main(["models"]))


def test_demo_runs_the_whole_job_on_the_sample_data(case, monkeypatch, capsys):
    samples = case / "samples"
    samples.mkdir()
    write_image(samples / bundled.IMAGE)
    write_segmentation(samples / bundled.BROKEN)
    repair(segmentation="seg.seg.nrrd", output=f"samples/{bundled.TRUTH}", chosen=NAMES)
    monkeypatch.setattr(bundled, "SAMPLE_FOLDERS", (case / "nowhere", samples))
    capsys.readouterr()
    assert main(["demo", "--output", "new/results", "--model", "seeing.npz", "--device", "numpy"]) == 0
    said = capsys.readouterr().out
    written = names(case / "new" / "results")
    assert written == [
        "SunnybrookBroken-repaired.seg.nrrd",
        "SunnybrookBroken-report.csv",
        "SunnybrookBroken-report.html",
        "SunnybrookBroken-report.json",
        "SunnybrookBroken-slice-01.png",
        "SunnybrookBroken-slice-02.png",
        "SunnybrookBroken-slice-03.png",
    ]
    for name in written:
        assert str(Path("new") / "results" / name) in said
    picture = array(case / "new" / "results" / "SunnybrookBroken-slice-01.png")
    assert picture.ndim == 3
    assert picture.shape[1] > 2 * picture.shape[0]
    assert "4 of 4" in said
    assert "1.000" in said
    assert "Weights: seeing" in said


def test_demo_without_sample_data_says_so_and_makes_no_folder(case, monkeypatch, capsys):
    monkeypatch.setattr(bundled, "SAMPLE_FOLDERS", (case,))
    assert "is not installed" in one_line(capsys, main(["demo", "-o", "new", "--model", "seeing.npz"]))
    assert not Path("new").exists()


def test_version_and_help(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"rncarefine {__version__}\n"
    runner = CliRunner()
    for command in ("repair", "check", "evaluate", "models", "demo"):
        result = runner.invoke(cli_commands.app, [command, "--help"])
        assert result.exit_code == 0
        assert command in result.output


# Files as they are


def test_a_pool_that_the_case_lacks_is_a_note_and_no_error(case, capsys):
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
    assert [doubt["code"] for doubt in json.loads(Path("n.json").read_text())["doubts"]] == ["pool_not_found"]


def test_several_labels_form_one_wall_and_keep_their_voxels(case):
    values = labels()
    scar = (values == MYOCARDIUM) & (np.indices(values.shape)[1] >= 22)
    values[scar] = 7
    write_labels(case / "seg.nii.gz", values)
    chosen = ["--label", f"{MYOCARDIUM},7", "--pool-label", str(POOL)]
    assert repair("--report", "r.json", chosen=chosen) == 0
    result, record = array("out.nii.gz"), json.loads(Path("r.json").read_text())
    assert record["stack"]["closed_before"] < record["stack"]["closed_after"] == 4
    assert np.array_equal((result == 7), scar & (result != 0))
    assert (result[scar] == 7).mean() > 0.9
    truth = ["--label", f"{MYOCARDIUM},7", "--truth-label", f"7,{MYOCARDIUM}"]
    assert main(["evaluate", "out.nii.gz", "out.nii.gz", *truth, "--json", "m.json"]) == 0
    assert json.loads(Path("m.json").read_text())["stack"]["dice"] == 1
    assert main(["check", "case.nii.gz", "out.nii.gz", *chosen]) == 0


def test_labels_that_are_no_numbers_are_one_line(case, capsys):
    assert "'2,x'" in one_line(capsys, repair(chosen=["--label", "2,x"]))


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


def test_the_result_does_not_depend_on_the_end_that_the_slices_are_counted_from(case):
    """The slices of the report are those of the file."""
    for name in ("case", "seg"):
        image = sitk.ReadImage(f"{name}.nii.gz")
        sitk.WriteImage(image[:, :, ::-1], f"back-{name}.nii.gz")
    arguments = ["--device", "numpy", *LABELS]
    for first, name in (("", "one"), ("back-", "other")):
        files = [f"{first}case.nii.gz", f"{first}seg.nii.gz", "-o", f"{name}.nii.gz", "--report", f"{name}.json"]
        assert main(["repair", *files, *arguments]) in (0, 1)
    assert np.array_equal(array("one.nii.gz"), array("other.nii.gz")[::-1])
    one, other = (json.loads(Path(f"{name}.json").read_text())["slices"] for name in ("one", "other"))
    assert [entry["k"] for entry in other] == [0, 1, 2, 3]
    assert [{**entry, "k": 3 - entry["k"]} for entry in reversed(other)] == one


# Streams and signals

CODE = "import sys; from rncarefine.cli.main import main; sys.exit(main(sys.argv[1:]))"


def started(arguments, path=(), **options):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*map(str, path), *sys.path])}
    return subprocess.run(
        [sys.executable, "-c", CODE, *arguments],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        # Started in the background, these tests inherit an ignored SIGINT.
        preexec_fn=None if sys.platform == "win32" else partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        **options,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="Windows closes pipes in another way")
@pytest.mark.parametrize("arguments", [["models"], ["--help"]])
def test_a_reader_that_has_gone_is_neither_flagged_nor_a_traceback(arguments):
    read, write = os.pipe()
    os.close(read)
    done = started(arguments, stdout=write)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_standard_output_is_one_line():
    with open("/dev/full", "w") as full:
        done = started(["models"], stdout=full)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "No space left on device" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="a shell is asked")
def test_standard_streams_that_are_closed_are_no_error(case):
    command = ["sh", "-c", 'exec "$0" "$@" >&- 2>&-', sys.executable, "-c", CODE]
    arguments = ["repair", "case.nii.gz", "seg.nii.gz", "-o", "out.nii.gz", "--model", "seeing.npz", *LABELS]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([*command, *arguments], env=environment, check=False).returncode == 0
    assert (array("out.nii.gz") == MYOCARDIUM).any()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals to send")
@pytest.mark.parametrize(("name", "status", "said"), [("SIGINT", 130, "stopped"), ("SIGTERM", 143, "terminated")])
def test_a_signal_while_the_libraries_are_imported_ends_without_a_traceback(tmp_path, name, status, said):
    (tmp_path / "typer.py").write_text(
        "import os, signal, time\n"
        "try:\n"
        f"    os.kill(os.getpid(), signal.{name})\n"
        "    time.sleep(60)\n"
        "except BaseException as error:\n"
        "    raise ImportError from error\n"
    )
    done = started(["models"], path=[tmp_path])
    assert (done.returncode, done.stderr) == (status, f"rncarefine: {said}\n")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to send")
def test_sigterm_ends_a_running_repair_and_leaves_nothing_half_written(case):
    before = names(case)
    code = (
        "import sys, time\n"
        "from rncarefine.cli import jobs\n"
        "from rncarefine.cli.main import main\n"
        "def slow(case, changes, path):\n"
        "    path.write_bytes(b'half')\n"
        "    print('working', flush=True)\n"
        "    time.sleep(60)\n"
        "jobs.write_case = slow\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    arguments = ["repair", "case.nii.gz", "seg.nii.gz", "-o", "out.nii.gz", "--model", "seeing.npz", *LABELS]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with interruptible([sys.executable, "-c", code, *arguments], env=environment) as process:
        assert process.stdout.readline() == "working\n"
        time.sleep(0.1)
        process.terminate()
        _, said = process.communicate(timeout=60)
    assert process.returncode == 143
    assert said == "rncarefine: terminated\n"
    assert names(case) == before


def test_help_loads_neither_numpy_nor_what_is_built_on_it():
    code = (
        "import sys, time\n"
        "started = time.process_time()\n"
        "from rncarefine.cli.main import main\n"
        "status = main(['--help'])\n"
        "print(status, time.process_time() - started, *sorted({'numpy', 'scipy', 'SimpleITK'} & set(sys.modules)))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    status, seconds, *loaded = done.stdout.splitlines()[-1].split()
    assert (status, loaded) == ("0", [])
    assert float(seconds) < 1  # about 0.2 s of the processor
