"""The script that checks a GPU runs on the processor, too: its checks pass, and every timing has a line."""

import re
import subprocess
import sys

from engine.toy_models import seeing_model
from project.tree import ROOT
from rncarefine.nca.model import save_model


def test_the_check_passes_on_the_processor(tmp_path):
    save_model(seeing_model(), tmp_path)
    script = ROOT / "Testing/benchmarks/check_gpu.py"
    weights = next(tmp_path.glob("*.npz"))
    command = [sys.executable, str(script), "--device", "cpu", "--quick", "--stacks", "2", "--model", str(weights)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(re.findall(r" pass ", done.stdout)) == 2
    assert len(re.findall(r"[\d.]+ s$", done.stdout, re.MULTILINE)) == 5
