"""The batch script with its arguments, run as Slicer does."""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.model_folders import seeing_weights
from harness.cohort import break_case, write_cases
from harness.processes import interruptible

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "RNCARefine" / "Resources" / "Scripts" / "RNCARefineBatch.py"
RUNNER = ROOT / "Testing" / "harness" / "run_script.py"


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, str(RUNNER), str(SCRIPT), *map(str, arguments)]


def clean() -> dict[str, str]:
    """Return the environment without the test runner's path: the script finds its library by itself."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


@dataclass
class Done:
    """What a run of the script has left: its status and what it printed."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[str]:
        """What it printed, without the chatter of Slicer's classes."""
        return [line for line in self.stdout.splitlines() if line.startswith(("p1", "p2", "p3")) or " cases" in line]


def run_apart(*arguments: str | Path) -> Done:
    """Run the script in a process of its own."""
    done = subprocess.run(command(*arguments), capture_output=True, text=True, env=clean(), check=False)
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Done]]:
    """Return a function that runs the script in this process, which is quicker."""
    handler = signal.getsignal(signal.SIGINT)
    script = runpy.run_path(str(SCRIPT))

    def run_here(*arguments: str | Path) -> Done:
        capsys.readouterr()
        status = script["main"]([str(argument) for argument in arguments])
        return Done(status, *capsys.readouterr())

    yield run_here
    signal.signal(signal.SIGINT, handler)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_cases(tmp_path / "in", ("p1", "p2", "p3"), scar=False)
    return tmp_path


@pytest.fixture
def options(folder: Path) -> list[str | Path]:
    weights = seeing_weights(folder)
    places: list[str | Path] = ["--input", folder / "in", "--output", folder / "out", "--model", weights]
    return ["--", *places, "--segment", "The myo", "--pool", "pool", "--device", "numpy", "--close-base"]


def test_a_cohort_is_repaired_and_a_second_run_has_nothing_to_do(folder: Path, options: list[str | Path]) -> None:
    done = run_apart(*options)
    assert done.returncode == 0, done.stderr
    first, *cases, last = done.lines
    assert first.startswith("3 cases. Model seeing:")
    summary = "repaired: 3 of 5 slices closed before, 5 after; 0 flagged; LV mass"
    assert [case.partition(" ")[0] for case in cases] == ["p1:", "p2:", "p3:"]
    assert all(summary in case for case in cases)
    assert last == f"3 cases done, 0 with flagged slices; 0 failed. Table: {folder / 'out' / 'cohort.csv'}"
    assert len((folder / "out" / "cohort.csv").read_text().splitlines()) == 1 + 3 * 5
    assert {path.name for path in (folder / "out").glob("*.seg.nrrd")} == {f"p{n}.seg.nrrd" for n in (1, 2, 3)}
    again = run_apart(*options)
    assert again.returncode == 0
    assert again.lines[1:4] == [f"p{n}: finished before" for n in (1, 2, 3)]


def test_failed_cases_set_the_exit_status(run: Any, folder: Path, options: list[str | Path]) -> None:
    break_case(folder / "in" / "p2")
    done = run(*options)
    assert done.returncode == 1
    assert [line.split(": ")[1] for line in done.lines[1:4]] == ["repaired", "failed", "repaired"]
    assert (folder / "out" / "failed.csv").is_file()


def test_flagged_slices_set_the_exit_status(run: Any, folder: Path, options: list[str | Path]) -> None:
    done = run(*options, "--add-only")
    assert done.returncode == 1
    assert done.lines[1].startswith("p1: flagged: 3 of 5 slices closed before, 4 after; 1 flagged")
    assert run(*options, "--add-only").returncode == 1  # nothing to do, but still flagged


def test_a_list_of_cases_takes_the_place_of_a_folder(run: Any, folder: Path, options: list[str | Path]) -> None:
    table = folder / "cases.csv"
    table.write_text("case,image,segmentation\np3,in/p3/image.nrrd,in/p3/segmentation.seg.nrrd\n")
    place = options.index("--input")
    done = run(*options[:place], "--cases", table, *options[place + 2 :])
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (folder / "out").glob("*.seg.nrrd")] == ["p3.seg.nrrd"]
    both = run(*options[:place], "--cases", table, "--image", "x", *options[place + 2 :])
    assert both.returncode == 2
    assert {"--image", "--segmentation", "--input"} <= set(re.findall(r"--\w+", both.stderr.splitlines()[-1]))


def test_the_options_reach_the_repair(run: Any, folder: Path, options: list[str | Path]) -> None:
    method = (
        "--seed 4 --samples 2 --steps 3 --add-only --geometry --apex last --max-change-mm2 900 --remove-islands".split()
    )
    assert run(*options, *method, "--trim-pool").returncode in (0, 1)
    settings = json.loads((folder / "out" / "settings.json").read_text())
    expected = {
        "model": "seeing", "segment": "The myo", "pool": "pool", "trim_pool": True, "seed": 4, "samples": 2, "steps": 3,
        "close_base": True, "add_only": True, "geometry": True, "apex": "last", "max_change_mm2": 900.0,
        "remove_islands": True,
    }  # fmt: skip
    assert expected.items() <= settings.items()


@pytest.mark.parametrize(("name", "missing"), [("rv", False), ("missing", True)])
def test_the_right_ventricle_is_used_in_every_case(
    run: Any, folder: Path, options: list[str | Path], name: str, missing: bool
) -> None:
    run(*options, "--rv", name)
    reports = [json.loads(path.read_text()) for path in sorted((folder / "out" / "reports").glob("*.json"))]
    assert len(reports) == 3
    assert json.loads((folder / "out" / "settings.json").read_text())["right_ventricle"] == name
    assert [("rv_not_found" in json.dumps(report)) for report in reports] == [missing] * 3


def test_ctrl_c_stops_the_batch_and_the_next_run_resumes(folder: Path, options: list[str | Path]) -> None:
    for number in range(12):
        shutil.copytree(folder / "in" / "p1", folder / "in" / f"q{number:02}")
    with interruptible(command(*options), env=clean()) as process:
        deadline = time.monotonic() + 120
        while not (folder / "out" / "p2.seg.nrrd").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert "Stopped" in errors
    finished = {path.name for path in (folder / "out").glob("*.seg.nrrd")}
    assert {"p1.seg.nrrd", "p2.seg.nrrd"} <= finished
    assert len(finished) < 15
    left = [path for path in (folder / "out").rglob("*") if path.name.startswith(".") or path.suffix == ".begun"]
    assert not left
    done = run_apart(*options)
    assert done.returncode == 0
    assert f"and {len(finished)} before" in done.stdout


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["--seed", "x"], "--seed"),
        (["--modl", "x"], "unrecognized arguments: --modl"),
        (["--apex", "left"], "'left'"),
        (["--model", "none"], "none"),
        (["--samples", "0"], "samples"),
        (["--image", "{case}/nothing.nrrd"], "no case"),
        (["--trim-pool", "--output", "/dev/null/out"], "/dev/null/out"),
    ],
)
def test_bad_arguments_end_with_a_sentence_and_their_status(
    run: Any, options: list[str | Path], changes: list[str], message: str
) -> None:
    done = run(*options, *changes)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_an_error_of_the_script_itself_ends_slicer_too(folder: Path) -> None:
    """Slicer without a window would run forever."""
    broken = folder / "broken.py"
    broken.write_text(SCRIPT.read_text().replace("model = choose_model(", "model = undefined("))
    for package in ("RNCARefineLib", "rncarefine"):
        (folder / package).symlink_to(ROOT / "RNCARefine" / package)
    (folder / "a" / "b").mkdir(parents=True)
    broken = broken.rename(folder / "a" / "b" / "broken.py")
    arguments = [
        sys.executable,
        str(RUNNER),
        str(broken),
        "--input",
        str(folder / "in"),
        "--output",
        str(folder / "out"),
    ]
    done = subprocess.run(arguments, capture_output=True, text=True, env=clean(), check=False)
    assert done.returncode == 3
    assert "NameError" in done.stderr


def isolated(*arguments: str) -> Done:
    """Run the script in a Python that has nothing installed."""
    bare = [sys.executable, "-I", "-S", str(SCRIPT), *arguments]
    done = subprocess.run(bare, capture_output=True, text=True, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


def test_help_needs_neither_slicer_nor_anything_else() -> None:
    done = isolated("--help")
    assert done.returncode == 0
    assert "--python-script RNCARefineBatch.py" in done.stdout
    assert "{case}/segmentation.*" in done.stdout
    assert done.stderr == ""


def test_bad_arguments_are_reported_without_slicer(tmp_path: Path) -> None:
    done = isolated("--output", str(tmp_path))
    assert done.returncode == 2
    assert "--input --cases" in done.stderr


def test_no_option_is_an_option_of_slicer() -> None:
    """Slicer takes its own options, also those that follow "--"."""
    slicers = {
        "--help", "--version", "--home", "--testing", "--program-path", "--settings-path", "--temporary-path",
        "--python-code", "--python-script", "--no-splash", "--no-main-window", "--verbose-module-discovery",
        "--application-information", "--exit-after-startup", "--disable-settings", "--modules-to-ignore",
    }  # fmt: skip
    options = {word.strip("[],") for word in isolated("--help").stdout.split() if word.strip("[").startswith("--")}
    own = {option for option in options if len(option) > 2}
    assert own & slicers == {"--help", "--python-script", "--no-splash", "--no-main-window"}  # named in the usage


def test_the_script_is_plain_ascii() -> None:
    """Slicer reads it in the system's encoding."""
    SCRIPT.read_text(encoding="ascii")
