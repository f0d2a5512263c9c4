"""The options: checked once, spelled once, and the same on the command line."""

from dataclasses import fields

import pytest
import typer

from rncarefine.cli import commands
from rncarefine.refine.options import (
    OptionError,
    RepairOptions,
    camel_case,
    default_of,
    from_camel_case,
    option_infos,
)
from rncarefine.words import Apex, Mode


def command_options(name):
    """Return the options of a command by the name of its parameter."""
    command = typer.main.get_command(commands.app).commands[name]
    return {parameter.name: parameter for parameter in command.params}


def test_options_have_label_help_and_flag():
    assert list(option_infos()) == [entry.name for entry in fields(RepairOptions)]
    for name, info in option_infos().items():
        assert info.label[0].isupper(), name
        assert info.help.endswith("."), name
        assert info.of_stacks or info.of_pictures, name
        assert info.flag.startswith("--"), name


@pytest.mark.parametrize("command", ["repair", "batch"])
def test_every_option_is_on_the_command_line(command):
    found = command_options(command)
    for name, info in option_infos().items():
        assert info.flag.partition("/")[0] in found[name].opts
        default = found[name].default
        assert getattr(default, "value", default) == (str(default_of(name)) if info.choices else default_of(name)) or (
            default_of(name) is None and default is None
        )
        assert found[name].help.startswith(info.help)


def test_a_check_has_the_options_that_it_depends_on():
    wanted = {name for name, info in option_infos().items() if info.of_check}
    assert wanted == {"close_base", "apex", "remove_islands"}
    assert wanted == set(command_options("check")) & set(option_infos())


@pytest.mark.parametrize(
    "wrong",
    [
        {"samples": 0},
        {"samples": -1},
        {"samples": 101},
        {"samples": 1.5},
        {"steps": 0},
        {"seed": -1},
        {"seed": "x"},
        {"seed": None},
        {"max_change_mm2": "9"},
        {"max_change_mm2": float("nan")},
        {"apex": None},
        {"max_change_mm2": -1},
        {"apex": "top"},
        {"mode": "cubic"},
        {"device": "abacus"},
    ],
    ids=str,
)
def test_invalid_value_names_the_option(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        RepairOptions(**wrong)


def test_words_may_be_plain_text():
    options = RepairOptions(apex="last", mode="volumetric")
    assert options.apex is Apex.LAST
    assert options.mode is Mode.VOLUMETRIC
    assert options == RepairOptions(apex=Apex.LAST, mode=Mode.VOLUMETRIC)


def test_in_slicer_options_are_spelled_as_everything_there():
    assert camel_case("max_change_mm2") == "maxChangeMm2"
    assert from_camel_case({"maxChangeMm2": 9, "closeBase": True}) == RepairOptions(max_change_mm2=9, close_base=True)
    with pytest.raises(OptionError, match="maxChangeMm2") as caught:
        from_camel_case({"maxChangeMm2": -1})
    assert caught.value.name == "max_change_mm2"
    with pytest.raises(TypeError, match="speed"):
        from_camel_case({"speed": 3})


def test_the_largest_change_is_a_bound_of_verification():
    assert RepairOptions(max_change_mm2=9).bounds.max_change_mm2 == 9
    assert RepairOptions().bounds.max_change_mm2 is None
