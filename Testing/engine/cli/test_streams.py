"""Signals and standard streams of the command line: no incomplete files, no traceback."""

import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from engine.cli_samples import LABELS, environment, names, repair
from engine.file_samples import MYOCARDIUM, array
from harness.processes import interruptible
from rncarefine.cli import jobs as cli_jobs
from rncarefine.cli import main as cli_main

CODE = "import sys; from rncarefine.cli.start import main; sys.exit(main())"


def started(arguments, path=(), **options):
    return subprocess.run(
        [sys.executable, "-c", CODE, *arguments],
        env=environment(*path),
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        # Started in the background, these tests inherit an ignored SIGINT.
        preexec_fn=None if sys.platform == "win32" else partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        **options,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="Windows closes pipes in another way")
@pytest.mark.parametrize("arguments", [["models"], ["--help"]])
def test_closed_pipe_exits_141(arguments):
    read, write = os.pipe()
    os.close(read)
    done = started(arguments, stdout=write)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("command", [["models"], ["--help"], ["--version"], ["check", "case.nii.gz", "seg.nii.gz"]])
def test_full_stdout_exits_2(case, command):
    with open("/dev/full", "w") as full:
        done = started([*command, *(LABELS if command[0] == "check" else [])], stdout=full)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "standard output" in done.stderr
    assert "Errno" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_full_stdout_leaves_a_complete_result(case):
    arguments = ["repair", "case.nii.gz", "seg.nii.gz", "-o", "out.nii.gz", "--model", "seeing.npz", *LABELS]
    with open("/dev/full", "w") as full:
        assert started(arguments, stdout=full).returncode == 2
    assert (array("out.nii.gz") == MYOCARDIUM).any()


def test_the_help_names_every_exit_status(capsys):
    assert cli_main.main(["--help"]) == 0
    said = capsys.readouterr().out
    names = ("FINE", "FLAGGED", "BAD_INPUT", "FAILED", "STOPPED", "CLOSED", "TERMINATED")
    assert {str(getattr(cli_main, name)) for name in names} <= set(re.findall(r"\d+", said))


@pytest.mark.skipif(sys.platform == "win32", reason="a shell is asked")
def test_closed_standard_streams_are_no_error(case):
    command = ["sh", "-c", 'exec "$0" "$@" >&- 2>&-', sys.executable, "-c", CODE]
    arguments = ["repair", "case.nii.gz", "seg.nii.gz", "-o", "out.nii.gz", "--model", "seeing.npz", *LABELS]
    assert subprocess.run([*command, *arguments], env=environment(), check=False).returncode == 0
    assert (array("out.nii.gz") == MYOCARDIUM).any()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals to send")
@pytest.mark.parametrize(("name", "status", "said"), [("SIGINT", 130, "stopped"), ("SIGTERM", 143, "terminated")])
def test_signal_during_import_has_no_traceback(tmp_path, name, status, said):
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


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal to send")
def test_ctrl_c_before_the_command_line_is_loaded_has_no_traceback():
    code = (
        "import os, signal, sys, time\n"
        "class CtrlC:\n"
        "    def find_spec(self, name, *others):\n"
        "        if name == 'rncarefine.cli.main':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "            time.sleep(60)\n"
        "sys.meta_path.insert(0, CtrlC())\n" + CODE
    )
    with interruptible([sys.executable, "-c", code, "models"], env=environment()) as process:
        _, complaint = process.communicate(timeout=60)
    assert (process.returncode, complaint) == (-signal.SIGINT, "")


def test_the_package_loads_none_of_its_modules():
    code = "import sys, rncarefine; print(*sorted(name for name in sys.modules if name.startswith('rncarefine')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment())
    assert done.stdout.split() == ["rncarefine"]


def test_an_ignored_ctrl_c_stays_ignored():
    code = (
        "import signal\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "import rncarefine.cli.start\n"
        "print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment())
    assert done.stdout.strip() == "True"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither signal to send")
@pytest.mark.parametrize(
    ("number", "status", "said"), [(signal.SIGINT, 130, "stopped"), (signal.SIGTERM, 143, "terminated")]
)
def test_signal_leaves_no_incomplete_files(case, number, status, said):
    before = names(case)
    code = (
        "import sys, time\n"
        "from rncarefine.cli import jobs\n"
        "from rncarefine.cli.start import main\n"
        "def slow(case, changes, path):\n"
        "    path.write_bytes(b'half')\n"
        "    print('working', flush=True)\n"
        "    time.sleep(60)\n"
        "jobs.write_case = slow\n"
        "sys.exit(main())\n"
    )
    arguments = ["repair", "case.nii.gz", "seg.nii.gz", "-o", "out.nii.gz", "--model", "seeing.npz", *LABELS]
    with interruptible([sys.executable, "-c", code, *arguments], env=environment()) as process:
        assert process.stdout.readline() == "working\n"
        time.sleep(0.1)
        process.send_signal(number)
        _, complaint = process.communicate(timeout=60)
    assert process.returncode == status
    assert complaint == f"rncarefine: {said}\n"
    assert names(case) == before


@pytest.mark.parametrize("where", ["repair", "write_case", "write_reports"])
def test_ctrl_c_leaves_no_incomplete_files(case, monkeypatch, where):
    def stopped(*arguments, **options):
        raise KeyboardInterrupt

    before = names(case)
    monkeypatch.setattr(cli_jobs, where, stopped)
    assert repair("--report", "r.csv") == 130
    assert names(case) == before


@pytest.mark.parametrize(("error", "status"), [(KeyboardInterrupt, 130), (cli_main.Terminated, 143)])
def test_a_signal_outside_of_the_commands_is_one_line(monkeypatch, capsys, error, status):
    def stopped(*arguments):
        raise error

    monkeypatch.setattr(cli_main, "_run", stopped)
    assert cli_main.main(["models"]) == status
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_help_loads_neither_numpy_nor_what_is_built_on_it():
    code = (
        "import sys\n"
        "from rncarefine.cli.main import main\n"
        "status = main(['--help'])\n"
        "print(status, *sorted({'numpy', 'scipy', 'SimpleITK'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment())
    assert done.stdout.splitlines()[-1].split() == ["0"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no resource usage of child processes")
def test_help_takes_less_than_half_a_second_of_the_processor():
    import resource

    def used():
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    took = []
    for _ in range(3):  # the first run may compile the modules
        before = used()
        assert started(["--help"], stdout=subprocess.DEVNULL).returncode == 0
        took.append(used() - before)
    assert min(took) < 0.5
