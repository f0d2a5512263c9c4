"""Nothing differs from its neighbour in capital letters alone: on macOS and Windows they would be one file.

``RNCARefine.py`` and the folder ``rncarefine`` lie side by side, which is right, since a folder is not called ``.py``;
a folder ``RNCARefine`` beside it would be the same folder.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from project.tree import ROOT, files, installed_resources, installed_scripts, pyproject


def clashes(names):
    """Return the paths, those of folders among them, that are one where the case of letters does not count."""
    paths = [PurePosixPath(name) for name in names]
    every = {str(path) for one in paths for path in (one, *one.parents)}
    alike: dict[str, set[str]] = {}
    for path in every:
        alike.setdefault(path.casefold(), set()).add(path)
    return {frozenset(group) for group in alike.values() if len(group) > 1}


def test_no_two_paths_of_the_project_differ_in_case_alone():
    assert clashes(path.relative_to(ROOT).as_posix() for path in files()) == set()


def test_no_two_paths_that_slicer_installs_differ_in_case_alone():
    # Python writes what it has compiled into a folder beside each file.
    compiled = [
        str(PurePosixPath(name).parent / "__pycache__" / f"{Path(name).stem}.pyc") for name in installed_scripts()
    ]
    assert clashes(installed_scripts() + installed_resources() + compiled) == set()


def test_no_two_packages_of_the_wheel_differ_in_case_alone():
    packages = [package.replace(".", "/") for package in pyproject()["tool"]["setuptools"]["packages"]]
    # What an installation puts beside them.
    assert clashes([*packages, "rncarefine-0.dist-info", "rncarefine.egg-info"]) == set()
