"""The commands check, evaluate, models and demo, on real files."""

import json
from pathlib import Path

import nrrd
import numpy as np
import pytest
import SimpleITK as sitk
from typer.testing import CliRunner

from engine import model_folders
from engine.cli_samples import LABELS, NAMES, names, one_line, repair
from engine.file_samples import (
    MYOCARDIUM,
    RV,
    array,
    labels,
    volume,
    write_image,
    write_labels,
    write_segmentation,
    write_segments,
)
from engine.model_folders import cine_2d, cine_3d, open_2d
from engine.report_samples import broken_stack, ring
from rncarefine import __version__
from rncarefine.cli import commands as cli_commands
from rncarefine.cli.main import main
from rncarefine.io import sample as bundled
from rncarefine.nca import model as model_module

# check


def test_check_exits_1_and_changes_nothing(case, capsys):
    before = {path.name: path.read_bytes() for path in case.iterdir()}
    assert main(["check", "case.nii.gz", "seg.nii.gz", *LABELS]) == 1
    said = capsys.readouterr().out
    assert said.count("to repair") == 3
    assert "fragmented" in said
    assert {path.name: path.read_bytes() for path in case.iterdir()} == before


def test_check_of_a_correct_stack_exits_0(case):
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

    assert expectations() == ("last", ["open"] + ["ring"] * 5)
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


@pytest.mark.parametrize(("label", "noted"), [(MYOCARDIUM, False), (RV, True)])
def test_evaluate_notes_that_another_label_hardly_overlaps_the_truth(case, capsys, label, noted):
    chosen = ["--label", str(label), "--truth-label", str(MYOCARDIUM)]
    assert main(["evaluate", "seg.nii.gz", "seg.nii.gz", *chosen]) == 0
    assert ("hardly overlap (Dice 0.00): check the labels" in capsys.readouterr().err) == noted


def test_evaluate_aligns_cropped_segmentations(case):
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


def evaluated(*arguments):
    """Return the numbers and the Dice of the slices that are not empty."""
    assert main(["evaluate", *arguments, "--json", "m.json"]) == 0
    content = json.loads(Path("m.json").read_text())
    return {entry["k"]: entry["dice"] for entry in content["slices"] if not entry["empty"]}


def test_evaluate_numbers_the_slices_of_cropped_segments_as_in_the_image(case, capsys):
    segments, layers = [("wall", 0, MYOCARDIUM)], labels()[None]
    for name, begin, end in (("one", 1, 3), ("two", 2, 4)):
        write_segments(case / f"{name}.seg.nrrd", segments, layers[:, begin:end], first=(0, 0, begin))
    assert evaluated("one.seg.nrrd", "two.seg.nrrd") == {1: 0.0, 2: 1.0, 3: 0.0}
    assert evaluated("two.seg.nrrd", "two.seg.nrrd") == {2: 1.0, 3: 1.0}
    assert evaluated("two.seg.nrrd", "seg.nii.gz", "--truth-label", str(MYOCARDIUM)).keys() == {0, 1, 2, 3}
    assert evaluated("two.seg.nrrd", "two.seg.nrrd", "--image", "case.nii.gz") == {2: 1.0, 3: 1.0}
    said = capsys.readouterr()
    assert said.err == ""
    moved = volume(labels())
    moved.SetOrigin((0, 0, 0))
    sitk.WriteImage(moved, "moved.nrrd")
    status = main(["evaluate", "two.seg.nrrd", "two.seg.nrrd", "--image", "moved.nrrd"])
    assert "moved.nrrd" in one_line(capsys, status)


def test_evaluate_numbers_the_slices_of_a_dicom_segmentation_as_in_the_image(case, capsys):
    pytest.importorskip("highdicom")
    from engine.dicom_samples import write_seg, write_series

    instances = write_series(case / "series", phases=2)
    values = labels()
    values[:2] = 0
    write_seg(case / "seg.dcm", instances, values)
    chosen = ["seg.dcm", "seg.dcm", "--segment", "1"]
    assert evaluated(*chosen) == {0: 1.0, 1: 1.0}
    assert "--image" in capsys.readouterr().err
    assert evaluated(*chosen, "--image", "series") == {2: 1.0, 3: 1.0}
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("prediction", "truth", "chosen"),
    [
        ("one.nrrd", "one.nrrd", ["--segment", "wall"]),
        ("one.seg.nrrd", "one.seg.nrrd", ["--label", "2"]),
        ("one.nrrd", "one.seg.nrrd", ["--label", "2", "--truth-label", "2"]),
    ],
)
def test_evaluate_refuses_labels_for_segments_and_segments_for_labels(case, capsys, prediction, truth, chosen):
    """Also where there is only one, which needs no choice."""
    values = MYOCARDIUM * (labels() == MYOCARDIUM).astype(np.uint8)
    write_labels(case / "one.nrrd", values)
    write_segments(case / "one.seg.nrrd", [("wall", 0, MYOCARDIUM)], values[None])
    assert main(["evaluate", prediction, truth]) == 0
    capsys.readouterr()
    assert f"{truth} " in one_line(capsys, main(["evaluate", prediction, truth, *chosen]))


def test_evaluate_refuses_other_voxels_and_other_kinds_of_output(case, capsys):
    moved = volume(labels())
    moved.SetOrigin((0, 0, 0))
    sitk.WriteImage(moved, "moved.nrrd")
    chosen = ["--label", "2"]
    said = one_line(capsys, main(["evaluate", "seg.nii.gz", "moved.nrrd", *chosen]))
    assert "Prediction: size" in said
    said = one_line(capsys, main(["evaluate", "seg.nii.gz", "seg.nii.gz", *chosen, "--json", "m.csv"]))
    assert ".json" in said


# models, demo and the rest


def test_models_lists_mode_data_and_licence(case, monkeypatch, capsys):
    model_folders.install(monkeypatch, case / "models", cine_2d(), cine_3d(), open_2d())
    assert main(["models"]) == 0
    said = capsys.readouterr().out
    lines = said.partition("title and training data")[0].splitlines()
    rows = {name: line for line in lines for name in ("sax-cine-3d", "sax-open-2d") if f" {name} " in line}
    assert "volumetric" in rows["sax-cine-3d"]
    assert "Apache-2.0" in rows["sax-open-2d"]
    assert "training data" in said
    assert "sax-open-2d, sax-cine-3d with --mode volumetric" in said
    assert ": sax-open-2d" in said


def test_models_without_weights_exits_2(case, monkeypatch, capsys):
    monkeypatch.setattr(model_module, "MODEL_FOLDERS", (case / "nowhere",))
    assert "weights" in one_line(capsys, main(["models"]))


def test_demo_runs_the_whole_job_on_the_sample_data(case, monkeypatch, capsys):
    samples = case / "samples"
    samples.mkdir()
    image, broken, truth = (path.name for path in bundled.sample_files())
    write_image(samples / image)
    write_segmentation(samples / broken)
    repair(segmentation="seg.seg.nrrd", output=f"samples/{truth}", chosen=NAMES)
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
        assert f"Written: {Path('new') / 'results' / name}" in said
    picture = array(case / "new" / "results" / "SunnybrookBroken-slice-01.png")
    assert picture.ndim == 3
    assert picture.shape[1] > 2 * picture.shape[0]
    assert "4 of 4" in said
    assert "1.000" in said
    assert "Weights: seeing" in said
    (case / "new" / "results" / written[0]).unlink()
    assert main(["demo", "--output", "new/results", "--model", "seeing.npz", "--device", "numpy"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines[-len(written) :]] == ["Written"] + ["Replaced"] * 6


def test_demo_without_sample_data_exits_2(case, monkeypatch, capsys):
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
