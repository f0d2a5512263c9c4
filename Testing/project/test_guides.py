"""The documents name commands, options, files, columns and codes that exist, and name all that there are."""

from __future__ import annotations

import ast
import csv
import re
import runpy
import shlex
from dataclasses import fields
from xml.etree import ElementTree

import pytest
import typer

import experiments.cli
import rncarefine.cli.commands
import rncarefine_training.cli.main
from project.tree import ROOT, files, files_under, pyproject, text
from rncarefine.cli import main
from rncarefine.nca.card import ModelRecord
from rncarefine.nca.model import DEFAULT_MODEL
from rncarefine.reasons import ReasonCode
from rncarefine.refine.metrics import SliceMetrics, StackMetrics
from rncarefine.refine.options import camel_case, stack_options
from rncarefine.refine.records import Report, RunRecord, StackRecord
from rncarefine.report.report import column_types

DOCUMENTS = sorted(path.relative_to(ROOT).as_posix() for path in files_under(ROOT / "docs", ".md"))
GUIDES = ["README.md", "CONTRIBUTING.md", "Training/README.md", *DOCUMENTS]
SLICER, COMMAND_LINE, METHOD = "docs/slicer.md", "docs/command-line.md", "docs/method.md"
WITH_PROGRAMS = ["README.md", COMMAND_LINE, "docs/evaluation.md", "docs/train.md"]
WITH_INSTALLATION = [*WITH_PROGRAMS, "CONTRIBUTING.md"]
NEAR = "input near the heart"
PROGRAMS = {
    "rncarefine": rncarefine.cli.commands.app,
    "rncarefine-train": rncarefine_training.cli.main.app,
    "experiments": experiments.cli.app,
}
PACKAGES = ["PYTHONPATH=Training", ".venv/bin/python", "-m"]
"""What stands before the name of a program that is called as a package."""
OPERATORS = {"&&", "||", ";", "|", ">", ">>", "&"}


def blocks(guide, language):
    return re.findall(rf"^ *```{language}\n(.*?)^ *```$", text(guide), re.MULTILINE | re.DOTALL)


def spans(guide):
    prose = re.sub(r"^ *```.*?^ *```$", "", text(guide), flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"`([^`]+)`", prose)


def tables(guide):
    return re.findall(r"(?:^\|.*\n)+", text(guide), re.MULTILINE)


def shell_commands(guide):
    """Yield the words of every command in the guide's shell blocks and of every inline call of our programs."""
    sources = [line for block in blocks(guide, "bash") for line in block.replace("\\\n", " ").splitlines()]
    calls = (*PROGRAMS, *(f".venv/bin/{program}" for program in PROGRAMS), PACKAGES[0])
    # A name alone is no command.
    sources += [span for span in spans(guide) if span.partition(" ")[0] in calls and " " in span]
    for source in sources:
        lexer = shlex.shlex(source, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, ";"]:
            if word not in OPERATORS:
                words.append(word)
            elif words:
                yield words[len(PACKAGES) :] if words[: len(PACKAGES)] == PACKAGES else words
                words = []


def subcommands(program):
    return dict(getattr(typer.main.get_command(PROGRAMS[program]), "commands"))  # noqa: B009


def options(command):
    return {"--help", *(name for parameter in command.params for name in parameter.opts + parameter.secondary_opts)}


@pytest.mark.parametrize("guide", WITH_PROGRAMS)
def test_documented_calls_have_existing_options(guide):
    calls = [words for words in shell_commands(guide) if words[0].rpartition("/")[2] in PROGRAMS]
    assert calls
    for words in calls:
        program = words[0].rpartition("/")[2]
        if len(words) == 1 or words[1] == "--help":
            continue
        assert words[1] in subcommands(program), " ".join(words)
        named = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert named <= options(subcommands(program)[words[1]]), " ".join(words)


def test_every_subcommand_is_in_the_table_of_commands():
    (table,) = [table for table in tables(COMMAND_LINE) if table.startswith("| command of `.venv/bin/rncarefine` |")]
    assert set(re.findall(r"^\| `(\w+)", table, re.MULTILINE)) == set(subcommands("rncarefine"))


@pytest.mark.parametrize("guide", GUIDES)
def test_commands_use_the_documented_installation(guide):
    # What is installed into .venv is not on the path.
    installed = {"rncarefine", "rncarefine-train", "python", "pip", "pytest", "ruff", "mypy"}
    assert [words for words in shell_commands(guide) if words[0] in installed] == []


@pytest.mark.parametrize("command", ["repair", "batch", "check", "evaluate", "demo"])
def test_every_option_is_explained_of(command):
    (table,) = [table for table in tables(COMMAND_LINE) if table.startswith(f"| option of `{command}` |")]
    named = {word for span in re.findall(r"`([^`]+)`", table) for word in span.split() if word.startswith("--")}
    wanted = {name for name in options(subcommands("rncarefine")[command]) if name.startswith("--")} - {"--help"}
    # Of a pair like --geometry / --no-geometry, one is enough.
    missing = {name for name in wanted if not named & {name, f"--no-{name[2:]}", f"--{name.removeprefix('--no-')}"}}
    assert missing == set()


def test_every_exit_status_is_explained():
    (table,) = [table for table in tables(COMMAND_LINE) if table.startswith("| status |")]
    explained = {int(status) for status in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}
    statuses = {main.FINE, main.FLAGGED, main.BAD_INPUT, main.FAILED, main.STOPPED, main.CLOSED, main.TERMINATED}
    assert statuses == explained


def test_every_column_and_key_is_explained():
    records = (Report, StackRecord, RunRecord, ModelRecord, StackMetrics, SliceMetrics)
    wanted = {*column_types(), *(entry.name for record in records for entry in fields(record))}
    assert wanted - set(spans(COMMAND_LINE)) == set()


def test_every_reason_code_is_explained_with_its_numbers():
    rows = re.findall(r"^\| `(\w+)` \|([^|]*)\|", text(METHOD), re.MULTILINE)
    explained = {code: tuple(re.findall(r"`(\w+)`", numbers)) for code, numbers in rows}
    assert explained == {code.value: code.numbers for code in ReasonCode}


def test_readme_has_the_results_of_the_evaluation():
    with (ROOT / "docs/figures/evaluation-test.csv").open(encoding="utf-8") as file:
        rows = {(row["network"], row["model"], row["method"]): row for row in csv.DictReader(file)}
    networks, model = ("weak", "middle", "basic", "unseen"), DEFAULT_MODEL
    ours = [rows[network, model, "RNCARefine"] for network in networks]
    expected = {
        "broken slices": [row["broken"] for row in ours],
        "input": [shortened(row["dice before"]) for row in ours],
        "**RNCARefine**": [f"**{shortened(row['dice'])}**" for row in ours],
        "refused / flagged": [f"{row['refused']} / {row['flagged']}" for row in ours],
        "closed slices changed": [f"{row['correct changed']} of {row['correct']}" for row in ours],
    }
    others = [rows[network, "sax-any-2d", "RNCARefine"]["dice"] for network in networks]
    expected["RNCARefine, `sax-any-2d`"] = [shortened(dice) for dice in others]
    for method, by in (("image alone", model), ("one pass", model), ("polar interpolation", "-"), (NEAR, "-")):
        expected[method] = [shortened(rows[network, by, method]["dice"]) for network in networks]
    (table,) = re.findall(r"<!-- results -->\n((?:\|.*\n)+)", text("README.md"))
    lines = [[cell.strip() for cell in line.strip("|\n ").split("|")] for line in table.splitlines()[2:]]
    assert {line[0]: line[1:] for line in lines} == expected


def shortened(number):
    return f"{float(number):.3f}".lstrip("0")


@pytest.mark.parametrize(
    ("guide", "start", "end"),
    [
        ("docs/evaluation.md", "## Summary", "## Broken slices"),
        ("docs/vessels.md", "Over all pictures RNCARefine", "What was not reached"),
    ],
)
def test_a_summary_has_the_numbers_of_its_tables(guide, start, end):
    whole = text(guide)
    summary = whole[whole.index(start) : whole.index(end)]
    shown = {float(number) for table in tables(guide) for number in re.findall(r"\d*\.?\d+", table)}
    known = {round(value, digits) for value in shown for digits in range(4)} | {round(100 * v, 1) for v in shown}
    numbers = [float(number) for number in re.findall(r"(?<![\w`])\d*\.\d+", summary)]
    assert len(numbers) >= 8
    assert [number for number in numbers if number not in known] == []


@pytest.mark.parametrize("guide", WITH_INSTALLATION)
def test_installations_are_constrained_with_existing_extras(guide):
    installations = [words for words in shell_commands(guide) if words[0].endswith("pip") and words[1] == "install"]
    assert installations
    for words in installations:
        assert words[words.index("-c") + 1] == "constraints.txt", " ".join(words)
        extras = {name for word in words for found in re.findall(r"\.\[(.*)\]", word) for name in found.split(",")}
        assert extras <= pyproject()["project"]["optional-dependencies"].keys()


@pytest.mark.parametrize("guide", GUIDES)
def test_every_script_and_path_that_a_guide_names_is_in_the_tree(guide):
    scripts = [words[1] for words in shell_commands(guide) if words[0] == "bash"]
    assert scripts == ([".ci/run"] if guide in ("README.md", "CONTRIBUTING.md") else [])
    tops = tuple({f"{path.relative_to(ROOT).parts[0]}/" for path in files()})
    named = [
        span for span in spans(guide) if span.startswith(tops) or re.fullmatch(r"[A-Z]\w+\.(md|txt|cff|json)", span)
    ]
    links = re.findall(r"\]\((?!https?:)([^)#]+)", text(guide))
    # A link starts from the guide's own folder.
    links = [(ROOT / guide).parent.joinpath(link).resolve().relative_to(ROOT).as_posix() for link in links]
    others = {"NAME.json"}
    assert [name for name in scripts + named + links if name not in others and not (ROOT / name).exists()] == []


@pytest.mark.parametrize("guide", GUIDES)
def test_every_anchor_is_a_heading(guide):
    for target, anchor in re.findall(r"\]\(((?:[\w./-]+\.md)?)#([\w-]+)\)", text(guide)):
        path = (ROOT / guide).parent / target if target else ROOT / guide
        headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        slugs = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert anchor in slugs, f"{target}#{anchor}"


def test_every_control_of_the_panel_is_explained():
    missing = {name for name in panel_controls() if f"**{name}**" not in text(SLICER)}
    assert missing == set()


def panel_controls():
    """Return the names of the controls of the panel: their own text, that of their label, or that of the option."""
    options = {camel_case(name): info.label for name, info in stack_options().items()}
    widgets = list(ElementTree.fromstring(text("RNCARefine/Resources/UI/RNCARefine.ui")).iter("widget"))
    texts = {str(widget.get("name")): widget.findtext("property[@name='text']/string", "") for widget in widgets}
    controls = [widget for widget in widgets if widget.get("class") not in ("qMRMLWidget", "QLabel", "QWidget")]
    names = []
    for name in (str(control.get("name")) for control in controls):
        stem = re.sub("(Selector|SpinBox|CheckBox)$", "", name)
        tables = {"sliceTable": "Slice table", "placeTable": "Place table"}
        names.append(tables.get(name) or options.get(stem) or texts[name] or texts[f"{stem}Label"].rstrip(":"))
    sections = {"Inputs", "Advanced", "Review", "Places"}
    assert sections < set(names)
    assert len(names) > 30
    return [name for name in names if name not in sections]


def test_every_option_of_the_batch_script_is_explained():
    script = runpy.run_path(str(ROOT / "RNCARefine/Resources/Scripts/RNCARefineBatch.py"))
    options = {action.option_strings[0] for action in script["make_parser"]()._actions} - {"-h"}
    named = {word for span in spans(SLICER) for word in span.split() if word.startswith("--")}
    assert len(options) > 15
    assert options - named == set()


def test_the_slicer_examples_call_the_logic_as_it_is_defined():
    tree = ast.parse(text("RNCARefine/RNCARefine.py"))
    (logic,) = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "RNCARefineLogic"]
    methods = {node.name: node.args for node in logic.body if isinstance(node, ast.FunctionDef)}
    calls = [
        node
        for block in blocks(SLICER, "python")
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
