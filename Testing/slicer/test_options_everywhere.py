"""Every option of a repair is in every interface that it applies to, with the same default, choices and words."""

from __future__ import annotations

import inspect
import runpy
from typing import Any, get_args, get_type_hints

from slicer.parameterNodeWrapper import Choice, WithinRange

from harness.effects import EffectBench
from harness.panel_steps import MODULE_FILE, open_module
from rncarefine.refine.options import OptionInfo, camel_case, default_of, option_infos, stack_options
from RNCARefineLib.panel.effect import options as effect_options

SCRIPT = MODULE_FILE.parent / "Resources" / "Scripts" / "RNCARefineBatch.py"
CHOSEN_ELSEWHERE = {"model", "mode"}
"""Panel and effect always show which mode and model are used: they have no default of nothing."""


def spelled() -> dict[str, tuple[str, OptionInfo]]:
    """Return name and description of each option of stacks, by its name in Slicer."""
    return {camel_case(name): (name, info) for name, info in stack_options().items()}


def plain(value: Any) -> Any:
    """Return a default as the Slicer side writes it: words as text, and 0 for none."""
    return 0 if value is None else str(value) if isinstance(value, str) else value


def test_only_an_option_of_pictures_is_missing_for_stacks() -> None:
    assert option_infos().keys() - stack_options().keys() == {"bridges_only"}


def test_every_option_is_an_argument_of_the_logic(logic: Any) -> None:
    of_pictures = [name for name, info in option_infos().items() if info.of_pictures]
    for method, names in ((logic.process, stack_options()), (logic.processPicture, of_pictures)):
        found = inspect.signature(method).parameters
        assert {name for name in option_infos() if camel_case(name) in found} == set(names)
        for name in names:
            assert found[camel_case(name)].default == default_of(name), name
    of_check = {spelling for spelling, (_, info) in spelled().items() if info.of_check}
    assert of_check == set(inspect.signature(logic.check).parameters) & spelled().keys()
    for method in (logic.processSequence, logic.processBatch):
        assert inspect.signature(method).parameters["options"].kind is inspect.Parameter.VAR_KEYWORD


def test_every_option_is_in_the_parameter_node_and_has_a_control(logic: Any) -> None:
    parameters, panel = logic.getParameterNode(), open_module()
    hints = get_type_hints(type(parameters), include_extras=True)
    for spelling, (name, info) in spelled().items():
        if name not in CHOSEN_ELSEWHERE:
            assert getattr(parameters, spelling) == plain(default_of(name)), spelling
        offered = [part for part in get_args(hints[spelling]) if isinstance(part, Choice)]
        assert not info.choices or list(info.choices) == list(offered[0].choices), spelling
        ranges = [part for part in get_args(hints[spelling]) if isinstance(part, WithinRange)]
        if info.minimum is not None:
            assert ranges[0].minimum == (0 if default_of(name) is None else info.minimum), spelling
            assert info.maximum is None or ranges[0].maximum == info.maximum, spelling
        kinds = ("CheckBox", "SpinBox", "Selector")
        control = next(getattr(panel.ui, spelling + kind) for kind in kinds if hasattr(panel.ui, spelling + kind))
        label = f"{info.label}:" if hasattr(panel.ui, f"{spelling}Label") else info.label
        assert getattr(panel.ui, f"{spelling}Label", control).text == label, spelling
        # The tooltip of a model continues with a description; that of a disabled control is the reason.
        assert control.toolTip.startswith(info.help) or not control.enabled, spelling


def test_every_option_is_in_the_effect(bench: EffectBench) -> None:
    bench.choose(bench.options.pool, "The pool")
    widgets = {"Mode": bench.options.modes, "Model": bench.options.models, **bench.options.widgets}
    for spelling, (name, info) in spelled().items():
        parameter = spelling[0].upper() + spelling[1:]
        widget = widgets[parameter]
        assert widget.toolTip.startswith(info.help), spelling
        if name not in CHOSEN_ELSEWHERE:
            assert effect_options.DEFAULTS[parameter] == plain(default_of(name)), spelling
            assert bench.scripted.parameterDefined(parameter), spelling
            if info.minimum is not None:
                assert widget.minimum == (0 if default_of(name) is None else info.minimum), spelling
                assert info.maximum is None or widget.maximum == info.maximum, spelling
        assert hasattr(bench.effect.options.repair_options, name)
    offered = {parameter[0].lower() + parameter[1:] for parameter in effect_options.DEFAULTS}
    assert offered == spelled().keys() - CHOSEN_ELSEWHERE


def test_every_option_is_an_argument_of_the_batch_script() -> None:
    parser = runpy.run_path(str(SCRIPT))["make_parser"]()
    found = {action.dest: action for action in parser._actions}
    for name, info in stack_options().items():
        assert info.flag.partition("/")[0] in found[name].option_strings, name
        default = found[name].default
        assert default is None or default == plain(default_of(name)), name
        choices = found[name].choices
        assert choices is None or list(choices) == list(info.choices), name


def test_every_public_method_of_the_logic_has_type_hints(logic: Any) -> None:
    for name, method in inspect.getmembers(type(logic), inspect.isfunction):
        if method.__module__ != type(logic).__module__ or name.startswith("_"):
            continue
        signature = inspect.signature(method)
        assert signature.return_annotation is not inspect.Signature.empty, name
        for parameter in list(signature.parameters.values())[1:]:
            assert parameter.annotation is not inspect.Parameter.empty, f"{name}: {parameter.name}"
