"""The guides name only commands, options, files and arguments that exist, and README names every option."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer

import rncarefine_training.cli
import RNCARefineLib.cli_commands
from project.tree import ROOT, pyproject, text

GUIDES = ["README.md", "CONTRIBUTING.md"]
PROGRAMS = {"rncarefine": RNCARefineLib.cli_commands.app, "rncarefine-train": rncarefine_training.cli.app}
OPERATORS = {"&&", "||", ";", "|", ">", ">>", "&"}


def blocks(guide: str, language: str) -> list[str]:
    return re.findall(rf"^ *```{language}\n(.*?)^ *```$", text(guide), re.MULTILINE | re.DOTALL)


def spans(guide: str) -> list[str]:
    prose = re.sub(r"^ *```.*?^ *```$", "", text(guide), flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"`([^`]+)`", prose)


def shell_commands(guide: str) -> Iterator[list[str]]:
    """Yield the words of every command in the guide's shell blocks and of every inline call of our programs."""
    sources = [line for block in blocks(guide, "bash") for line in block.replace("\\\n", " ").splitlines()]
    sources += [span for span in spans(guide) if span.partition(" ")[0] in PROGRAMS]
    for source in sources:
        lexer = shlex.shlex(source, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, ";"]:
            if word not in OPERATORS:
                words.append(word)
            elif words:
                yield words
                words = []


def subcommands(program: str) -> dict[str, Any]:
    return dict(getattr(typer.main.get_command(PROGRAMS[program]), "commands"))  # noqa: B009


def options(command: Any) -> set[str]:
    return {"--help", *(name for parameter in command.params for name in parameter.opts + parameter.secondary_opts)}


@pytest.mark.parametrize("guide", GUIDES)
def test_every_call_of_our_programs_has_a_subcommand_and_options_that_exist(guide: str) -> None:
    calls = [words for words in shell_commands(guide) if words[0].rpartition("/")[2] in PROGRAMS]
    assert calls
    for words in calls:
        program = words[0].rpartition("/")[2]
        if len(words) == 1 or words[1] == "--help":
            continue
        assert words[1] in subcommands(program), " ".join(words)
        named = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert named <= options(subcommands(program)[words[1]]), " ".join(words)


def test_readme_explains_every_subcommand_and_every_option_of_repair() -> None:
    readme = text("README.md")
    assert [name for name in subcommands("rncarefine") if f"`rncarefine {name}" not in readme] == []
    named = {word for span in spans("README.md") for word in span.split() if word.startswith("--")}
    wanted = {name for name in options(subcommands("rncarefine")["repair"]) if name.startswith("--")} - {"--help"}
    # Of a pair like --geometry / --no-geometry, README names the one that changes something.
    missing = {name for name in wanted if not named & {name, f"--no-{name[2:]}", f"--{name.removeprefix('--no-')}"}}
    assert missing == set()


@pytest.mark.parametrize("guide", GUIDES)
def test_every_installation_is_constrained_and_asks_for_extras_that_exist(guide: str) -> None:
    installations = [words for words in shell_commands(guide) if words[0].endswith("pip") and words[1] == "install"]
    assert installations
    for words in installations:
        assert words[words.index("-c") + 1] == "constraints.txt", " ".join(words)
        extras = {name for word in words for found in re.findall(r"\.\[(.*)\]", word) for name in found.split(",")}
        assert extras <= pyproject()["project"]["optional-dependencies"].keys()


@pytest.mark.parametrize("guide", GUIDES)
def test_every_script_and_path_that_a_guide_names_is_in_the_tree(guide: str) -> None:
    scripts = [words[1] for words in shell_commands(guide) if words[0] == "bash"]
    assert scripts == [".ci/run"]
    tops = tuple(f"{path.name}/" for path in ROOT.iterdir() if path.is_dir())
    named = [
        span for span in spans(guide) if span.startswith(tops) or re.fullmatch(r"[A-Z]\w+\.(md|txt|cff|json)", span)
    ]
    links = re.findall(r"\]\((?!https?:)([^)#]+)", text(guide))
    placeholders = {"NAME.json"}
    assert [name for name in scripts + named + links if name not in placeholders and not (ROOT / name).exists()] == []


def test_the_slicer_example_calls_the_logic_as_it_is_defined() -> None:
    tree = ast.parse(text("RNCARefine/RNCARefine.py"))
    (logic,) = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "RNCARefineLogic"]
    methods = {node.name: node.args for node in logic.body if isinstance(node, ast.FunctionDef)}
    calls = [
        node
        for block in blocks("README.md", "python")
        for node in ast.walk(ast.parse(block))
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("logic.")
    ]
    assert calls
    for call in calls:
        assert isinstance(call.func, ast.Attribute)
        arguments = methods[call.func.attr]
        accepted = [argument.arg for argument in arguments.args[1:] + arguments.kwonlyargs]
        assert {keyword.arg for keyword in call.keywords} <= set(accepted)
        assert len(call.args) + len(call.keywords) >= len(arguments.args) - 1 - len(arguments.defaults)
