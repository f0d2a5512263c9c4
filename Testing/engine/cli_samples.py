"""A repair by the command line, and what tests ask of its files and messages."""

import os
import re
import sys

from engine.file_samples import MYOCARDIUM, POOL
from rncarefine.cli.main import main

LABELS = ["--label", str(MYOCARDIUM), "--pool-label", str(POOL)]
NAMES = ["--segment", "myocardium", "--pool-segment", "blood pool"]


def repair(*more, segmentation="seg.nii.gz", output="out.nii.gz", chosen=LABELS):
    arguments = ["repair", "case.nii.gz", segmentation, "--output", output, "--model", "seeing.npz"]
    return main([*arguments, "--device", "numpy", *chosen, *more])


def environment(*path):
    """Return environment variables with which a new process imports what this one does, and from ``path`` first."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([*map(str, path), *sys.path])}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def table_rows(said):
    """Return the words of each row of the first printed table of slices."""
    return [line.split() for line in said.splitlines() if re.match(r" \d", line)]


def one_line(capsys, status, expected=2):
    """Check for one clear line on standard error and nothing else, and return it."""
    said = capsys.readouterr()
    assert status == expected
    assert said.out == ""
    lines = said.err.splitlines()
    assert len(lines) == 1, said.err
    assert "Traceback" not in said.err
    return lines[0]
