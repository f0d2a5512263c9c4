"""pyproject.toml, constraints.txt and the tree: what is installed is what is there, and every version is pinned."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.utils import canonicalize_name

from project.tree import (
    ENGINE,
    EXPERIMENTS,
    LIBRARY,
    MODULE,
    ROOT,
    TRAINING,
    constraints,
    files,
    files_under,
    imported_roots,
    pyproject,
    requirements,
    run_python,
    text,
)

RESOURCES = {"rncarefine.Models": "Models", "rncarefine.SampleData": "SampleData"}
TOPS = (ENGINE, LIBRARY, TRAINING)
PYTHONS = ["3.10", "3.11", "3.12", "3.13"]
EXTRAS = [None, *pyproject()["project"]["optional-dependencies"]]
# Where the name that is imported is not the name that is installed.
DISTRIBUTIONS = {
    "PIL": "pillow",
    "PySide6": "pyside6-essentials",
    "SimpleITK": "simpleitk",
    "nrrd": "pynrrd",
    "shiboken6": "pyside6-essentials",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "slicer": "slicer-core",
    "vtk": "slicer-core",
    "vtkmodules": "slicer-core",
    "yaml": "pyyaml",
}
# Modules of the application itself.
SLICER = {
    "PyTorchUtils",
    "SampleData",
    "SegmentEditorEffects",
    "SegmentStatistics",
    "SegmentStatisticsPlugins",
    "ctk",
    "qt",
}
SLICER |= {"qSlicerSegmentationsEditorEffectsPythonQt"}


def data_folder(package):
    return MODULE / "Resources" / RESOURCES[package]


def test_the_packages_listed_are_the_packages_in_the_tree():
    found = set(RESOURCES)
    for top in TOPS:
        found |= {".".join(path.parent.relative_to(top.parent).parts) for path in files_under(top)}
    assert set(pyproject()["tool"]["setuptools"]["packages"]) == found


def wheel_names():
    """Return the names that a wheel must hold besides its metadata: the tree as it is mapped."""
    names = {path.relative_to(top.parent).as_posix() for top in TOPS for path in files_under(top)}
    for package in RESOURCES:
        folder = data_folder(package)
        names |= {f"{package.replace('.', '/')}/{path.relative_to(folder).as_posix()}" for path in files_under(folder)}
    return names


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for path in files():
        copy = source / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", str(target), "."]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = target.glob("*.whl")
    return built


@pytest.mark.slow
def test_a_wheel_holds_the_tree_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert packed == wheel_names()


@pytest.mark.slow
def test_weights_are_found_in_an_unpacked_wheel(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = (
        "import rncarefine\n"
        "from rncarefine.nca.model import DEFAULT_MODEL, available_models\n"
        "assert DEFAULT_MODEL in [card.name for card in available_models()]\n"
        "print(rncarefine.__file__)\n"
    )
    assert Path(run_python(code, paths=(tmp_path,)).strip()).is_relative_to(tmp_path)


def test_the_packages_declare_their_types():
    assert [top.name for top in TOPS if not (top / "py.typed").is_file()] == []


def pinned(python):
    """Return name and exact version of every constraint that holds for a Python version."""
    result: dict[str, str] = {}
    for line in constraints():
        if line.marker is None or line.marker.evaluate({"python_version": python}):
            (exact,) = line.specifier
            assert exact.operator == "==", f"{line} is no exact version"
            assert "+" not in exact.version, f"{line}: a local version exists on no other machine"
            assert canonicalize_name(line.name) not in result, f"{line.name} is pinned twice for Python {python}"
            result[canonicalize_name(line.name)] = exact.version
    return result


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("extra", EXTRAS)
def test_constraints_pin_every_direct_requirement_within_its_range(extra, python):
    pins = pinned(python)
    for requirement in requirements(extra):
        if requirement.marker is not None and not requirement.marker.evaluate({"python_version": python}):
            continue
        version = pins.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement} has no line in constraints.txt for Python {python}"
        assert requirement.specifier.contains(version), f"{requirement} does not admit the pinned {version}"


def test_pre_commit_lints_with_the_version_that_ci_uses():
    hooks = {repo["repo"]: repo.get("rev") for repo in yaml.safe_load(text(".pre-commit-config.yaml"))["repos"]}
    assert hooks["https://github.com/astral-sh/ruff-pre-commit"] == "v" + pinned("3.11")["ruff"]


@pytest.mark.parametrize(
    ("folder", "extras"),
    [
        (ENGINE, [None, "torch", "cli", "cohort", "dicom"]),
        (LIBRARY, [None, "torch", "test"]),
        (TRAINING, [None, "training"]),
        (EXPERIMENTS, [None, "training"]),
        (ROOT / "Testing", EXTRAS),
    ],
    ids=["engine", "library", "training", "experiments", "tests"],
)
def test_every_import_is_a_declared_requirement(folder, extras):
    declared = {canonicalize_name(requirement.name) for extra in extras for requirement in requirements(extra)}
    own = {"rncarefine", "RNCARefineLib", "rncarefine_training", "experiments", "RNCARefine", "SegmentEditorRNCARefine"}
    own |= {path.name for path in (ROOT / "Testing").iterdir() if path.is_dir()} - {"slicer"}
    for path in files_under(folder, ".py"):
        foreign = imported_roots(path) - sys.stdlib_module_names - own - SLICER
        missing = {name for name in foreign if DISTRIBUTIONS.get(name, canonicalize_name(name)) not in declared}
        assert not missing, f"{path.relative_to(ROOT)} imports {missing}, which no extra of {extras} asks for"
