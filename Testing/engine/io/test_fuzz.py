"""A few hundred damaged files; ``Testing/benchmarks/fuzz_files.py`` reads thousands."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "fuzz_files.py"


def test_damaged_files_are_read_or_refused():
    done = subprocess.run([sys.executable, str(SCRIPT), "--runs", "400"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "400 files: " in done.stdout
    assert done.stderr == ""
