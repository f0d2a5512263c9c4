"""Arrows between packages and between their rooms point one way; every import counts, also one inside a function."""

from __future__ import annotations

import ast

import pytest

from project.tree import ENGINE, EXPERIMENTS, LIBRARY, MODULE, ROOT, TRAINING, files_under

PACKAGES = {top.name: top for top in (ENGINE, LIBRARY, TRAINING, EXPERIMENTS)}
KNOWS = {
    "rncarefine": set(),
    "RNCARefineLib": {"rncarefine"},
    "rncarefine_training": {"rncarefine"},
    "experiments": {"rncarefine", "rncarefine_training"},
}
"""By package, the others that it may import."""
ROOMS = {
    "rncarefine": (
        ("", "stack", "words", "reasons", "sentences", "progress", "atomic"),
        ("anatomy",),
        ("nca",),
        ("tasks",),
        ("refine",),
        ("io", "report"),
        ("batch",),
        ("cli",),
    ),
    "RNCARefineLib": (("",), ("mrml",), ("panel",), ("self_test",)),
    "rncarefine_training": (
        ("", "spelling", "resume", "progress"),
        ("data",),
        ("config",),
        ("networks",),
        ("automaton",),
        ("evaluate",),
        ("cli",),
    ),
}
"""By package, its rooms and the files beside them, level by level: each may import itself and the levels before it.

The empty name is the package's own ``__init__.py``. Two rooms of one level do not know each other; files do.
"""
EXCEPTIONS: dict[tuple[str, str], str] = {}
"""By file and what it imports, why an arrow points back."""

cases = [(name, path) for name, top in PACKAGES.items() for path in files_under(top, ".py")]


def imported(path, package):
    """Yield the dotted name of everything that a file imports, relative imports resolved.

    Args:
        path: The file.
        package: Dotted name of the package that the file lies in.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    if path == ENGINE / "__init__.py":
        # The public API names what lies in the rooms, but loads it only when it is used.
        tree.body = [node for node in tree.body if not is_for_type_checkers(node)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            module = ".".join([*parts, *([node.module] if node.module else [])])
            # What is taken from a package may be a room or a file of it.
            yield from (f"{module}.{alias.name}" for alias in node.names) if module in PACKAGES else [module]


def is_for_type_checkers(node):
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def package_of(path, top):
    return ".".join(path.parent.relative_to(top.parent).parts)


def room_of(dotted):
    """Return the room, or the file beside the rooms, that a dotted name of a package with rooms lies in."""
    package, _, inside = dotted.partition(".")
    first = inside.partition(".")[0]
    return first if any(first in level for level in ROOMS[package]) else ""


def points_back(start, end):
    """Whether an arrow between two names of one package goes to a room that is not before its own."""
    package = start.partition(".")[0]
    if package not in ROOMS:
        return False
    levels = {room: number for number, level in enumerate(ROOMS[package]) for room in level}
    here, there = room_of(start), room_of(end)
    both_files = all((PACKAGES[package] / f"{name or '__init__'}.py").is_file() for name in (here, there))
    return here != there and (levels[there] > levels[here] or (levels[there] == levels[here] and not both_files))


def test_every_file_lies_in_a_room_of_the_table():
    for package, levels in ROOMS.items():
        entries = {path.relative_to(PACKAGES[package]).parts[0] for path in files_under(PACKAGES[package], ".py")}
        found = {entry.removesuffix(".py").replace("__init__", "") for entry in entries}
        assert found == {room for level in levels for room in level}, package


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_the_packages_below_it(package):
    own = set(PACKAGES) | {"RNCARefine", "SegmentEditorRNCARefine"}
    for path in files_under(PACKAGES[package], ".py"):
        roots = {name.partition(".")[0] for name in imported(path, package_of(path, PACKAGES[package]))}
        assert roots & own <= KNOWS[package] | {package}, path.relative_to(ROOT)


def test_module_and_effect_import_only_the_slicer_side_and_the_engine():
    outside = [path for path in files_under(MODULE, ".py") if not {ENGINE, LIBRARY} & set(path.parents)]
    assert len(outside) == 5
    for path in outside:
        roots = {name.partition(".")[0] for name in imported(path, "")}
        assert roots & set(PACKAGES) <= {"rncarefine", "RNCARefineLib"}, path.relative_to(ROOT)


def test_no_arrow_between_rooms_points_back():
    back = set()
    for package, path in cases:
        top = PACKAGES[package]
        start = ".".join(path.relative_to(top.parent).with_suffix("").parts).removesuffix(".__init__")
        for name in imported(path, package_of(path, top)):
            if name.partition(".")[0] == package and points_back(start, name):
                back.add((start, name))
    assert back == EXCEPTIONS.keys()


def test_relative_imports_are_resolved(tmp_path):
    file = tmp_path / "file.py"
    file.write_text("from ...anatomy.circle import fit_circle\ndef f():\n    from .. import ring\nfrom . import x\n")
    found = set(imported(file, "rncarefine.tasks.ring"))
    assert found == {"rncarefine.anatomy.circle", "rncarefine.tasks", "rncarefine.tasks.ring"}
    file.write_text("from .. import __version__, nca\nimport numpy.random\n")
    assert set(imported(file, "rncarefine.io")) == {"rncarefine.__version__", "rncarefine.nca", "numpy.random"}
