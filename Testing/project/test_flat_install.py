"""The listed files, copied flat into one folder as Slicer installs them, work without the rest of the project."""

import shutil
from pathlib import Path

import pytest

from project.tree import MODULE, REFUSE, installed_resources, installed_scripts, run_python

# What Slicer's Python does not have.
ABSENT = {"torch", "monai", "lightning", "typer", "rich", "slicerio", "nrrd", "yaml", "pydantic", "matplotlib"}
ABSENT |= {"skimage", "rncarefine_training", "slicer", "vtk", "vtkmodules", "qt", "ctk"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("qt-scripted-modules")
    for name in installed_scripts() + installed_resources():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(MODULE / name, folder / name)
    return folder


def engine_modules():
    """Return the modules of the engine that need neither Slicer, nor Qt, nor the command line's packages."""
    names = [name for name in installed_scripts() if name.startswith("rncarefine/")]
    dotted = [name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in names]
    return [name for name in dotted if not name.startswith("rncarefine.cli")]


def test_every_engine_module_imports_from_the_flat_copy_alone(installed):
    code = f"REFUSED = {ABSENT!r}\n{REFUSE}" + (
        "import importlib\n"
        f"for name in {engine_modules()!r}:\n"
        "    importlib.import_module(name)\n"
        "for name, module in sorted(sys.modules.items()):\n"
        "    if name.partition('.')[0] == 'rncarefine':\n"
        "        print(module.__file__)\n"
    )
    origins = run_python(code, paths=(installed,)).split("\n")[:-1]
    assert len(origins) >= len(engine_modules())
    assert all(Path(origin).is_relative_to(installed) for origin in origins), origins


def test_the_default_model_loads_from_the_flat_copy_alone(installed):
    code = f"REFUSED = {ABSENT!r}\n{REFUSE}" + (
        "from rncarefine.nca.model import DEFAULT_MODEL, available_models, load_model\n"
        "assert DEFAULT_MODEL in [card.name for card in available_models()]\n"
        "print(load_model().card.name)\n"
    )
    assert run_python(code, paths=(installed,)).strip() == "sax-open-2d"
