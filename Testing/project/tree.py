"""The repository as the consistency tests read it: its files, its CMake lists, its metadata, its imports."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:  # pytest brings it along on Python 3.10
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "RNCARefine"
ENGINE = MODULE / "rncarefine"
LIBRARY = MODULE / "RNCARefineLib"
TRAINING = ROOT / "Training" / "rncarefine_training"
EXPERIMENTS = ROOT / "Training" / "experiments"


@cache
def files() -> tuple[Path, ...]:
    """Return every file that git tracks: whatever else lies in a clone is no part of the project."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    names = [name for name in listed.stdout.split("\0") if name]
    if not names:  # an unpacked archive, without git
        others = re.compile(r"(^|/)(\.|__pycache__|build/|dist/|run/|rncarefine-demo/|[^/]+\.egg-info/)")
        names = [name for path in ROOT.rglob("*") if not others.search(name := path.relative_to(ROOT).as_posix())]
    return tuple(sorted(path for path in (ROOT / name for name in names) if path.is_file()))


def files_under(folder: Path, ending: str = "") -> list[Path]:
    """Return the project's files below ``folder`` whose name ends with ``ending``."""
    return [path for path in files() if path.is_relative_to(folder) and path.name.endswith(ending)]


def text(name: str) -> str:
    """Return the text of a file, its path given relative to the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


@cache
def pyproject() -> dict[str, Any]:
    """Return ``pyproject.toml``."""
    return tomllib.loads(text("pyproject.toml"))


def extension_values() -> dict[str, str]:
    """Return the ``EXTENSION_...`` variables of the extension's CMakeLists.txt, each one double-quoted string."""
    source = text("CMakeLists.txt")
    found = re.findall(r'^set\s*\((EXTENSION_\w+)\s*"([^"]*)"\)$', source, re.MULTILINE)
    assert len(found) == len(dict(found)) == source.count("set(EXTENSION_"), "set each once, to one quoted string"
    return dict(found)


def cmake_list(name: str) -> list[str]:
    """Return the entries of ``set(name ...)`` in the module's CMakeLists.txt, one to a line."""
    source = text("RNCARefine/CMakeLists.txt")
    module = re.search(r"set\(MODULE_NAME (\w+)\)", source)
    body = re.search(rf"^set\({name}$(.*?)^\s*\)$", source, re.MULTILINE | re.DOTALL)
    assert module is not None, "RNCARefine/CMakeLists.txt must set MODULE_NAME"
    assert body is not None, f"RNCARefine/CMakeLists.txt must set {name}, one entry to a line"
    return [line.strip().replace("${MODULE_NAME}", module[1]) for line in body[1].splitlines() if line.strip()]


def installed_scripts() -> list[str]:
    """Return the Python files that Slicer installs for the module and for the effect, relative to the module."""
    return cmake_list("MODULE_PYTHON_SCRIPTS") + cmake_list("EFFECT_PYTHON_SCRIPTS")


def installed_resources() -> list[str]:
    """Return the other files that Slicer installs for the module and for the effect, relative to the module."""
    return cmake_list("MODULE_PYTHON_RESOURCES") + cmake_list("EFFECT_PYTHON_RESOURCES")


def requirements(extra: str | None = None) -> list[Requirement]:
    """Return the direct requirements of the distribution or of one of its extras, references to extras resolved."""
    project = pyproject()["project"]
    lines = project["dependencies"] if extra is None else project["optional-dependencies"][extra]
    result: list[Requirement] = []
    for requirement in map(Requirement, lines):
        if canonicalize_name(requirement.name) == project["name"]:
            for other in sorted(requirement.extras):
                result += requirements(other)
        else:
            result.append(requirement)
    return result


def constraints() -> list[Requirement]:
    """Return the lines of ``constraints.txt``."""
    lines = [line.strip() for line in text("constraints.txt").splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def imports(path: Path, file_scope_only: bool = False) -> Iterator[str]:
    """Yield the dotted names that a Python file imports, without relative imports and those for type checkers only."""
    pending: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"), str(path))]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield str(node.module)
        elif file_scope_only and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            pending += node.orelse
        else:
            pending += ast.iter_child_nodes(node)


def imported_roots(path: Path, file_scope_only: bool = False) -> set[str]:
    """Return the top-level names that a Python file imports."""
    return {name.partition(".")[0] for name in imports(path, file_scope_only)}


def run_python(code: str, *arguments: str, paths: tuple[Path, ...] = ()) -> str:
    """Run ``code`` in a fresh interpreter that sees ``paths`` and site-packages, but no other part of the project.

    Returns:
        What it printed.

    Raises:
        AssertionError: It failed; the message holds what it printed.
    """
    # An editable installation of the project would find what is not in `paths`.
    prelude = (
        "import sys\n"
        "sys.meta_path[:] = [f for f in sys.meta_path if '__editable__' not in getattr(f, '__module__', '')]\n"
        f"sys.path[:] = {[str(path) for path in paths]!r} + [p for p in sys.path if {str(ROOT)!r} not in p "
        "or 'site-packages' in p]\n"
    )
    command = [sys.executable, "-I", "-c", prelude + code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


REFUSE = """
import importlib.abc, sys
class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in REFUSED:
            raise ModuleNotFoundError(f"{name} was imported", name=name)
sys.meta_path.insert(0, Refuse())
"""
"""Code for :func:`run_python`: from here on, importing a name in the set ``REFUSED`` fails."""
