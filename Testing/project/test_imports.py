"""Who may import whom: the engine knows neither Slicer nor torch, and nothing installed knows the training."""

import sys

from project.tree import ENGINE, LIBRARY, MODULE, REFUSE, ROOT, files_under, imported_roots, run_python

APPLICATION = {"slicer", "qt", "ctk", "vtk", "vtkmodules", "PythonQt"}
COMMAND_LINE = set(files_under(ENGINE / "cli", ".py"))
MRML = LIBRARY / "mrml"

engine_files = files_under(ENGINE, ".py")
module_files = [path for path in files_under(MODULE, ".py") if path.parent == MODULE or "SegmentEditor" in str(path)]


def outside(paths, allowed, file_scope_only=False):
    """Return, by file, the imports that are not allowed."""
    assert paths
    found = {path.relative_to(ROOT).as_posix(): imported_roots(path, file_scope_only) - allowed for path in paths}
    return {name: roots for name, roots in found.items() if roots}


def inside(paths, forbidden):
    """Return, by file, the imports that are forbidden."""
    assert paths
    found = {path.relative_to(ROOT).as_posix(): imported_roots(path) & forbidden for path in paths}
    return {name: roots for name, roots in found.items() if roots}


def test_the_engine_never_imports_the_application():
    assert inside(engine_files, APPLICATION) == {}


def test_the_engine_imports_at_file_scope_only_what_slicer_ships():
    shipped = {*sys.stdlib_module_names, "numpy", "scipy", "SimpleITK"}
    assert outside([path for path in engine_files if path not in COMMAND_LINE], shipped, file_scope_only=True) == {}
    assert outside(sorted(COMMAND_LINE), shipped | {"typer", "rich"}, file_scope_only=True) == {}


def test_the_mrml_side_knows_slicer_but_no_widgets_and_no_torch():
    assert inside(files_under(MRML, ".py"), {"qt", "ctk", "PythonQt", "torch"}) == {}


def test_module_files_import_only_what_slicer_ships():
    # Of the library only the self-test, see test_module_file.py.
    shipped = {*sys.stdlib_module_names, "slicer", "vtk", "qt", "ctk", "SegmentEditorEffects", "RNCARefineLib"}
    assert outside(module_files, shipped, file_scope_only=True) == {}


def test_engine_imports_neither_torch_nor_slicer():
    modules = [".".join(path.relative_to(MODULE).with_suffix("").parts) for path in engine_files]
    names = sorted(name.removesuffix(".__init__") for name in modules)
    code = (
        f"REFUSED = {APPLICATION | {'torch', 'rncarefine_training'}!r}\n{REFUSE}"
        "import importlib\n"
        f"for name in {names!r}:\n"
        "    importlib.import_module(name)\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))\n"
    )
    loaded = set(run_python(code, paths=(MODULE,)).split())
    assert "rncarefine" in loaded
    assert not loaded & (APPLICATION | {"torch"})
