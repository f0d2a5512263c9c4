"""The command ``rncarefine batch``, from arguments to files and exit status."""

import json
import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest
from pyarrow import parquet

from engine.cli_samples import environment, one_line
from engine.cohort_samples import cut_off, listed, table_rows, thread_workers, write_cohort
from engine.file_samples import MYOCARDIUM, POOL, write_segmentation
from engine.model_folders import seeing_weights
from harness.processes import interruptible
from rncarefine.cli import batch as cli_batch
from rncarefine.cli import commands as cli_commands
from rncarefine.cli.main import main

NAMES = ("p1", "p2", "p3")
CHOSEN = ["--label", str(MYOCARDIUM), "--pool-label", str(POOL)]
SLICES = 4


@pytest.fixture(scope="module")
def address():
    """A scheduler with two workers that are threads of this process, which is quicker."""
    with thread_workers(2) as cluster:
        yield cluster.scheduler_address


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with three cases and a model, which is the current one."""
    write_cohort(tmp_path / "in", NAMES)
    seeing_weights(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def batch(address, *more, source="in", chosen=CHOSEN):
    arguments = ["batch", source, "--output", "out", "--model", "seeing.npz", "--device", "numpy"]
    return main([*arguments, "--scheduler", address, *chosen, *more])


def rows(path="out/cohort.csv"):
    return table_rows(path)


def closing(said):
    """Return the closing table that was printed: the last word of each line by what stands before it."""
    return dict(re.findall(r"^ (\S.*?) +(\S+) *$", said, re.MULTILINE))


def test_second_run_of_a_folder_changes_nothing(address, folder, capsys, monkeypatch):
    assert batch(address) == 0
    said = capsys.readouterr()
    assert listed(folder / "out") == [
        "cohort.csv", "p1.nii.gz", "p2.nii.gz", "p3.nii.gz",
        "reports/p1.json", "reports/p2.json", "reports/p3.json", "settings.json",
    ]  # fmt: skip
    assert [(row["case"], row["k"]) for row in rows()] == [(name, str(k)) for name in NAMES for k in range(SLICES)]
    table = closing(said.out)
    assert (table["done now"], table["failed"], table["with flagged slices"]) == ("3", "0", "0")
    assert (table["slices in the table"], table["intact"]) == ("12", "3")
    assert (table["repaired by the automaton"], table["cleaned"]) == ("6", "3")
    assert "3 -> 12 of 12" in said.out
    assert "Written: out/cohort.csv" in said.out
    assert "CC0-1.0" in said.out
    assert "Repairing, 2 workers." in said.err
    assert "3 of 3 cases; 0 flagged, 0 failed." in said.err
    before = {path: (folder / "out" / path).stat().st_mtime_ns for path in listed(folder / "out")}
    monkeypatch.setattr(cli_batch, "cluster_workers", None)  # no workers are used
    assert batch(address) == 0
    said = capsys.readouterr()
    assert closing(said.out)["done before"] == "3"
    assert "Replaced: out/cohort.csv" in said.out
    after = {path: (folder / "out" / path).stat().st_mtime_ns for path in listed(folder / "out")}
    assert {path for path in before if before[path] != after[path]} == {"cohort.csv"}


def test_the_results_are_those_of_the_single_command(address, folder):
    assert batch(address) == 0
    arguments = ["repair", "in/p1/image.nii.gz", "in/p1/segmentation.nii.gz", "--output", "one.nii.gz"]
    assert main([*arguments, "--model", "seeing.npz", "--device", "numpy", *CHOSEN, "--report", "one.json"]) == 0
    assert Path("one.nii.gz").read_bytes() == Path("out/p2.nii.gz").read_bytes()
    alone, report = (
        json.loads(Path("one.json").read_text()),
        json.loads(Path("out/reports/p2.json").read_text())["report"],
    )
    assert alone["slices"] == report["slices"]


def test_a_broken_case_is_named_and_repeated_by_the_next_run(address, folder, capsys):
    whole = Path("in/p2/segmentation.nii.gz").read_bytes()
    cut_off(Path("in/p2/segmentation.nii.gz"))
    assert batch(address) == 1
    said = capsys.readouterr()
    assert "p2: failed: " in said.err
    assert "segmentation.nii.gz" in said.err
    assert "Failed: p2: " in said.out
    assert {row["case"] for row in rows()} == {"p1", "p3"}
    assert [row["case"] for row in rows("out/failed.csv")] == ["p2"]
    Path("in/p2/segmentation.nii.gz").write_bytes(whole)
    assert batch(address) == 0
    assert {row["case"] for row in rows()} == set(NAMES)
    assert rows("out/failed.csv") == []
    assert closing(capsys.readouterr().out)["done now"] == "1"


def test_exit_status_is_1_for_flagged_slices_on_resume(address, folder, capsys):
    assert batch(address, "--add-only") == 1
    capsys.readouterr()
    assert batch(address, "--add-only") == 1
    said = capsys.readouterr()
    assert closing(said.out)["with flagged slices"] == "3"
    assert "review" in said.out
    assert "3 of 3 cases; 3 flagged, 0 failed." in said.err


def test_the_table_is_parquet_if_its_name_says_so(address, folder):
    assert batch(address, "--table", "out/slices.parquet") == 0
    table = parquet.read_table("out/slices.parquet").to_pylist()
    assert [(row["case"], row["k"]) for row in table] == [(name, k) for name in NAMES for k in range(SLICES)]
    assert table[1]["flagged"] is False
    assert not Path("out/cohort.csv").exists()
    # The same results as another table: the reports have all of it.
    assert batch(address, "--table", "slices.csv") == 0
    assert len(rows("slices.csv")) == 12


def test_list_of_cases_has_its_own_segments(address, folder):
    write_segmentation(folder / "in" / "named.seg.nrrd")
    (folder / "in" / "list.csv").write_text(
        "name,image,segmentation,label,segment,pool\n"
        f"a,p1/image.nii.gz,p1/segmentation.nii.gz,{MYOCARDIUM},,{POOL}\n"
        "b,p2/image.nii.gz,named.seg.nrrd,,myocardium,blood pool\n"
        "c,p3/image.nii.gz,nowhere.nii.gz,,,\n"
    )
    assert batch(address, source="in/list.csv", chosen=[]) == 1
    assert {"a.nii.gz", "b.seg.nrrd"} <= set(listed(folder / "out"))
    assert [row["case"] for row in rows("out/failed.csv")] == ["c"]
    assert "does not exist" in rows("out/failed.csv")[0]["reason"]
    sides = [[row for row in rows() if row["case"] == case] for case in "ab"]
    assert [row["added_mm2"] for row in sides[0]] == [row["added_mm2"] for row in sides[1]]


def test_folders_of_dicom_series_are_repaired_and_compared(address, folder, capsys):
    pytest.importorskip("highdicom")
    from engine.dicom_samples import write_seg, write_series

    for name in ("d1", "d2"):
        instances = write_series(folder / "in" / name / "image")
        write_seg(folder / "in" / name / "segmentation.dcm", instances)
    chosen = [*CHOSEN, "--segment", "1", "--pool-segment", "2"]
    assert batch(address, chosen=chosen) == 0
    assert {"d1.dcm", "d2.dcm", "p1.nii.gz"} <= set(listed(folder / "out"))
    capsys.readouterr()
    (first, *_) = sorted((folder / "in" / "d2" / "image").iterdir())
    first.write_bytes(first.read_bytes() + b"\0\0")
    assert batch(address, chosen=chosen) == 1
    assert [row["case"] for row in rows("out/failed.csv")] == ["d2"]
    assert closing(capsys.readouterr().out)["done before"] == "4"


def test_invalid_names_in_a_list_fail_alone(address, folder, capsys):
    names = ["../../evil", "a/b", "CON", "n" * 300, "good"]
    rows_of = "".join(f"{name},p1/image.nii.gz,p1/segmentation.nii.gz\n" for name in names)
    (folder / "in" / "list.csv").write_text("case,image,segmentation\n" + rows_of, encoding="utf-8")
    before = listed(folder)
    assert batch(address, source="in/list.csv") == 1
    made = {"cohort.csv", "failed.csv", "good.nii.gz", "reports/good.json", "settings.json"}
    assert set(listed(folder)) - set(before) == {f"out/{name}" for name in made}
    failed = {row["case"]: row["reason"] for row in rows("out/failed.csv")}
    assert set(failed) == set(names) - {"good"}
    assert all("list.csv" in reason for reason in failed.values())
    assert "../../evil: failed: " in capsys.readouterr().err


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="All file names are Unicode")
def test_a_path_that_is_not_utf_8_fails_its_case(address, folder, capsys):
    bad = os.fsdecode(b"a\xff")
    os.rename("in/p1", f"in/{bad}")
    assert batch(address) == 1
    assert {row["case"] for row in rows()} == {"p2", "p3"}
    assert [row["case"] for row in rows("out/failed.csv")] == ["a\\udcff"]
    (folder / bad).mkdir()
    capsys.readouterr()
    status = main(["batch", "in", "--output", bad, "--model", "seeing.npz", "--scheduler", address, *CHOSEN])
    assert ascii(bad) in one_line(capsys, status)
    assert listed(folder / bad) == []


def test_options_reach_the_repair_and_are_compared(address, folder, capsys):
    method = ["--apex", "first", "--close-base", "--add-only", "--geometry", "--seed", "7", "--samples", "2"]
    batch(address, *method, "--trim-pool", "--mode", "slice-wise")
    run = json.loads(Path("out/reports/p1.json").read_text())["report"]["run"]
    names = ("apex", "close_base", "add_only", "geometry", "seed", "samples", "backend")
    assert [run[name] for name in names] == ["first", True, True, True, 7, 2, "numpy"]
    settings = json.loads(Path("out/settings.json").read_text())
    expected = {"model": "seeing", "label": MYOCARDIUM, "pool_label": POOL, "trim_pool": True, "seed": 7}
    assert expected.items() <= settings.items()
    capsys.readouterr()
    status = batch(address, *method, "--trim-pool", "--seed", "8")
    assert "seed was 7, is 8" in one_line(capsys, status)


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (["--workers", "2"], "--workers is for this machine and --scheduler for a cluster"),
        (["--model", "none"], "There is no model 'none'"),
        (["--mode", "volumetric"], "is slice-wise, the repair was asked to be volumetric"),
        (["--image", "{case}/none.nii"], "no case has both an image"),
        (["--table", "t.xlsx"], "must end in .csv or .parquet"),
        (["--table", "none/t.csv"], "does not exist"),
        (["--table", "out/failed.csv"], "already used"),
    ],
)
def test_bad_options_are_one_line_status_2_and_no_file(address, folder, capsys, more, complaint):
    before = listed(folder)
    assert complaint in one_line(capsys, batch(address, *more))
    assert listed(folder) == before


def test_batch_never_overwrites_the_list_of_cases(address, folder, capsys):
    Path("out").mkdir()
    for path, more in (("list.csv", ["--table", "./list.csv"]), ("out/cohort.csv", []), ("out/failed.csv", [])):
        Path(path).write_text(f"image,segmentation\n{folder}/in/p1/image.nii.gz,{folder}/in/p1/segmentation.nii.gz\n")
        before = listed(folder)
        assert path in one_line(capsys, batch(address, *more, source=path))
        assert listed(folder) == before
        assert Path(path).read_text().startswith("image,segmentation")
    status = batch(address, "--image", "x", source="list.csv")
    assert "list of cases" in one_line(capsys, status)


def test_missing_device_is_reported_once(address, folder, capsys):
    status = batch(address, "--device", "mps")
    assert status == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("rncarefine: Worker")
    assert not Path("out/failed.csv").exists()


def test_missing_dask_exits_2(folder, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    said = one_line(capsys, batch("tcp://127.0.0.1:9"))
    assert '".[cli,cohort]"' in said


def test_only_ten_failures_are_printed(address, folder, capsys):
    write_cohort(folder / "many", [f"q{number:02}" for number in range(12)])
    assert batch(address, source="many", chosen=["--label", "9"]) == 1
    said = capsys.readouterr()
    assert said.err.count("failed: ") == 10
    assert "Further failures" in said.err
    assert said.out.count("Failed: ") == 10
    assert "2 more; all are in failed.csv" in said.out
    assert len(rows("out/failed.csv")) == 12


def test_batch_has_the_options_of_repair():
    import typer

    commands = typer.main.get_command(cli_commands.app).commands
    own, single = ({name for p in commands[c].params for name in p.opts} for c in ("batch", "repair"))
    assert {name for name in single - own if name.startswith("-")} == {"--report"}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send")
@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_leaves_complete_files_and_resumes(address, folder, capsys, times):
    """Once: running cases are finished. Twice: they are interrupted without incomplete files."""
    count = 80
    write_cohort(folder / "many", [f"q{number:02}" for number in range(count)])
    code = (
        "import sys\nfrom rncarefine.cli.main import main\n"
        "if __name__ == '__main__':\n    sys.exit(main(sys.argv[1:]))\n"
    )
    arguments = ["batch", "many", "-o", "out", "--model", "seeing.npz", "--device", "numpy", *CHOSEN, "--workers", "2"]
    with interruptible([sys.executable, "-c", code, *arguments], env=environment()) as process:
        deadline = time.monotonic() + 120
        while not list(Path("out").glob("q*.nii.gz")) and time.monotonic() < deadline:
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to the workers, too
        errors = ""
        for line in process.stderr:
            errors += line
            if "Stopping after the running cases" in line:
                break
        if times == 2:  # the user interrupts the running cases
            os.killpg(process.pid, signal.SIGINT)
        errors += process.stderr.read()
        process.wait(timeout=120)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    finished = {path.name.removesuffix(".nii.gz") for path in Path("out").glob("q*.nii.gz")}
    assert 0 < len(finished) < count
    assert {path.stem for path in Path("out/reports").glob("*.json")} == finished
    assert {row["case"] for row in rows()} == finished
    assert not list(Path("out").rglob(".*"))
    assert "command again" in errors
    assert "Stopping" in errors
    if times == 1:
        assert not list(Path("out").rglob("*.begun"))
    assert batch(address, source="many") == 0
    assert closing(capsys.readouterr().out)["done before"] == str(len(finished))
    assert {row["case"] for row in rows()} == {f"q{number:02}" for number in range(count)}
    assert not list(Path("out").rglob("*.begun"))
