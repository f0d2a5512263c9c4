"""docs/train.md: its commands, run one after the other on a toy data set with tiny settings."""

import csv
import io
import re
import shlex
import shutil
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

import rncarefine.cli.commands
from project.tree import text
from rncarefine.nca import model
from rncarefine.nca.model import load_model
from rncarefine_training.cli import main as cli
from rncarefine_training.config import Config
from rncarefine_training.evaluate.calibrate import MIN_WALLS
from training.toy_data import description, failed, toy_case
from training.toy_lab import write_nnunet_lab, write_volume

GUIDE = "docs/train.md"
PROGRAMS = {"rncarefine": rncarefine.cli.commands.app, "rncarefine-train": cli.app}
NOT_RUN = ("python3 -m venv", ".venv/bin/pip install")


def blocks(language):
    own, _, others = text(GUIDE).partition("\n## The supplied weights")
    assert others
    return re.findall(rf"^```{language}\n(.*?)^```$", own, re.MULTILINE | re.DOTALL)


def commands():
    lines = [line for block in blocks("bash") for line in block.replace("\\\n", " ").splitlines()]
    return [line for line in lines if not line.startswith(NOT_RUN)]


def run(line):
    """Run a command of the guide in this process and return what it printed."""
    program, *arguments = shlex.split(line)
    if program == "cp":
        *sources, target = arguments
        for source in sources:
            shutil.copy(source, target)
        return ""
    done = CliRunner().invoke(PROGRAMS[program.removeprefix(".venv/bin/")], arguments)
    if "calibrate" in arguments:
        # The guide says that so few subjects are not enough.
        assert "confidence" in str(done.exception)
        return ""
    # A repair whose slices are flagged ends with 1.
    assert done.exit_code in ((0, 1) if "repair" in arguments else (0,)), f"{line}\n{done.output}\n{done.exception!r}"
    return done.output


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """Stand in a folder with everything that the guide takes for granted, under the names that it uses."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli.console, "width", 400)
    cases = ("p1_ED", "p1_ES", "p2_ED", "p3_ED", "p4_ED", "p5_ED", "p6_ED")
    results = Path("nnUNet_results/Dataset501_OurHearts/nnUNetTrainer__nnUNetPlans__2d")
    write_nnunet_lab(Path("nnUNet_raw/Dataset501_OurHearts"), results, cases)
    (table,) = blocks("csv")
    Path("stacks.csv").write_text(table)
    for number, row in enumerate(csv.DictReader(io.StringIO(table))):
        drawn = toy_case("a", seed=20 + number)
        write_volume(Path(row["image"]), drawn.image)
        write_volume(Path(row["label"]), drawn.labels)
        write_volume(Path(row["prediction:ours"]), failed(drawn.labels))
    drawn = toy_case("a", seed=99)
    write_volume(Path("new/p99_ED_0000.nii.gz"), drawn.image)
    write_volume(Path("new/p99_ED.nii.gz"), failed(drawn.labels))
    (configuration,) = blocks("yaml")
    tiny = {"automaton": description()["automaton"] | {"size": 64}}
    Path("ours.yaml").write_text(configuration + yaml.safe_dump(tiny))
    models = Path("RNCARefine/Resources/Models")
    models.mkdir(parents=True)
    monkeypatch.setattr(model, "MODEL_FOLDERS", (models.resolve(), *model.MODEL_FOLDERS))
    return tmp_path


@pytest.mark.slow
def test_every_command_of_the_guide_runs_in_its_order(lab):
    said = {line: run(line) for line in commands()}
    steps = [shlex.split(line)[1] for line in said if "rncarefine" in line]
    for step in ("prepare", "automaton", "export", "evaluate", "repair"):
        assert step in steps
    assert Path("run/prepared.png").is_file()
    assert {path.name for path in Path("run/predictions").iterdir()} == {"nnunet@1"}
    assert sorted(path.stem for path in Path("run-csv/predictions/ours@1").iterdir()) == [
        "p1_ED",
        "p1_ES",
        "p2_ED",
        "p3_ED",
    ]
    assert Path("repaired.nii.gz").is_file()
    assert "<html" in Path("report.html").read_text(encoding="utf-8")
    # By its name, as the panel of 3D Slicer offers it.
    card = load_model("ours-2d").card
    assert card.licence == "all rights reserved, research within the hospital only"
    assert card.metrics
    # The number of a lab's subjects is public, their names are not.
    assert card.created_by["config"]["subjects"] == {"split": "run/subjects.csv", "train": 4, "select": 1, "test": 1}


def test_the_guides_configuration_has_ten_lines_and_nothing_to_add(tmp_path):
    (configuration,) = blocks("yaml")
    assert len(configuration.splitlines()) <= 10
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "subjects.csv").write_text("subject,split\na,train\nb,select\nc,test\n")
    (tmp_path / "ours.yaml").write_text(configuration)
    assert Config.load(tmp_path / "ours.yaml").predictions.train == ["nnunet"]


def test_the_guide_says_how_many_walls_a_calibration_needs():
    (found,) = re.findall(r"(\d+) good walls[^.]*?[.\d]*\) and (\d+) others", text(GUIDE))
    assert {*map(int, found)} == {MIN_WALLS}
