"""The public API: what it names is there, loads late, and is explained by examples that run."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import re

import pytest

import rncarefine
from project.tree import ENGINE, MODULE, ROOT, run_python

GUIDE = ROOT / "docs" / "python.md"
EXPLAINED = [
    ".".join(path.relative_to(MODULE).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted(ENGINE.rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]
"""Modules whose docstrings have examples."""


def test_every_public_name_is_there_and_has_a_docstring():
    assert len(rncarefine._PLACES) == sum(map(len, rncarefine._MODULES.values()))
    assert rncarefine.__all__ == sorted({*rncarefine._PLACES, "__version__"})
    for name in rncarefine._PLACES:
        found = getattr(rncarefine, name)
        assert found.__doc__, name
        assert ">>> " in found.__doc__ or not inspect.isfunction(found), name
        assert name in dir(rncarefine)
    assert rncarefine.metrics.__all__ == sorted(rncarefine.metrics.__all__, key=lambda name: (name.islower(), name))
    for name in rncarefine.metrics.__all__:
        assert getattr(rncarefine.metrics, name).__doc__, name
    with pytest.raises(AttributeError, match="no_such_name"):
        rncarefine.no_such_name  # noqa: B018


def test_type_checking_names_equal_the_api():
    tree = ast.parse((ENGINE / "__init__.py").read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    told = {alias.name: f".{node.module}" for node in block.body for alias in node.names}
    assert told.pop("metrics") == ".refine"
    assert told == {name: place for name, place in rncarefine._PLACES.items() if name != "metrics"}


def test_the_import_is_quick_and_loads_nothing_that_is_large():
    code = (
        "import sys, time\n"
        "started = time.process_time()\n"
        "import rncarefine\n"
        "took = time.process_time() - started\n"
        "print(took, *sorted({name.partition('.')[0] for name in sys.modules}))\n"
    )
    runs = [run_python(code, paths=(MODULE,)).split() for _ in range(3)]
    assert not {"numpy", "scipy", "SimpleITK", "torch", "typer", "rich"} & set(runs[0])
    assert min(float(run[0]) for run in runs) < 0.05


@pytest.mark.parametrize("name", EXPLAINED)
def test_the_examples_of_the_docstrings_run(name):
    module = importlib.import_module(name)
    found = doctest.testmod(module, extraglobs={"np": importlib.import_module("numpy")})
    assert found.attempted > 0
    assert found.failed == 0


def test_the_example_of_the_guide_runs_and_is_short(tmp_path, monkeypatch):
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert len([line for line in code.splitlines() if line]) <= 12
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(code, str(GUIDE), "exec"), names)
    assert (tmp_path / "repaired.seg.nrrd").is_file()
    assert names["whole"].truth_rings >= names["whole"].rings > 0


def test_the_guide_names_the_whole_api():
    text = GUIDE.read_text(encoding="utf-8")
    listed = set(re.findall(r"`([A-Za-z_]\w*)`", text))
    assert set(rncarefine.__all__) - {"__version__"} <= listed
    functions = {name for name in rncarefine.metrics.__all__ if name.islower()} - {"evaluate"}
    assert functions <= listed
