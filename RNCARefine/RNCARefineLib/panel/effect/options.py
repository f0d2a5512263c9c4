"""The options of the Segment Editor effect: its widgets, and its parameters in the editor node, kept in step.

Slicer creates them whenever an editor is opened, for whatever purpose. The engine, which describes the options, is
therefore imported only when the effect is activated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from slicer.i18n import tr as _

from ..controls import ChoiceBox, Option, describe, enable, set_text

if TYPE_CHECKING:
    from rncarefine.refine.options import RepairOptions

    from ..model_choice import EffectModel

THIS_SLICE, WHOLE_SEGMENT = "slice", "segment"
LEAVE, AS_MASKING = "leave", "masking"
DEFAULTS: dict[str, Any] = {
    "CloseBase": False,
    "AddOnly": False,
    "Geometry": False,
    "RemoveIslands": False,
    "TrimPool": False,
    "Apex": "auto",
    "Seed": 0,
    "Samples": 1,
    "Steps": 0,
    "MaxChangeMm2": 0.0,
    "Device": "auto",
}
"""The options of the repair as parameters, with the defaults of :class:`rncarefine.refine.options.RepairOptions`; 0 for
``None``. They are repeated here because the engine is not imported when an editor is opened."""
_UNLIMITED = 2**31 - 1
"""Maximum of a spin box whose option has none."""
_WIDGETS = {bool: "QCheckBox", int: "QSpinBox", float: "QDoubleSpinBox", str: "QComboBox"}
_SIGNALS = {bool: "toggled(bool)", int: "valueChanged(int)", float: "valueChanged(double)"}
"""Widget, and its signal, by the type of the default."""


def set_defaults(effect: Any) -> None:
    """Define the parameters that are not defined yet."""
    # BloodPool, Mode and Model have none: Segment Editor cannot distinguish an empty parameter from none.
    effect.setParameterDefault("Scope", WHOLE_SEGMENT)
    for name, default in DEFAULTS.items():
        effect.setParameterDefault(name, int(default) if isinstance(default, bool) else default)
    effect.setParameterDefault("Neighbours", LEAVE)
    effect.setParameterDefault("PreviewOpacity", 0.7)


class EffectOptions:
    """The widgets in the options frame of the effect, and their values.

    Attributes:
        widgets: The widgets of :data:`DEFAULTS`, by the names of the parameters.

    Args:
        effect: The ``qSlicerSegmentEditorScriptedEffect``; it keeps the parameters and the frame.
        changed: Called when the user has changed an option; calls :meth:`save`.
        on_click: What the buttons do: "check", "preview", "apply", "cancel".
    """

    def __init__(self, effect: Any, changed: Callable[[], None], on_click: dict[str, Callable[[], None]]) -> None:
        self._effect = effect
        self._connections: list[tuple[Any, str]] = []
        self._model: EffectModel | None = None
        self.widgets: dict[str, Any] = {}
        self._labels: dict[str, Any] = {}
        self._words: dict[str, ChoiceBox] = {}
        self._add_choices()
        self._add_advanced()
        self._add_buttons()
        self._connect(self.this_slice, "toggled(bool)", changed)
        for name, widget in self._bound():
            self._connect(widget, _SIGNALS[type(DEFAULTS[name])], changed)
        self._connect(self.opacity, "valueChanged(double)", changed)
        for name, slot in on_click.items():
            self._connect(getattr(self, name), "clicked()", slot)

    @property
    def pool_id(self) -> str | None:
        """ID of the blood pool; ``None`` if none is selected or the selected segment cannot be the pool."""
        if not self._effect.parameterDefined("BloodPool"):
            return None
        chosen = self._effect.parameter("BloodPool")
        # It may be of another segmentation, or the segment that is selected now.
        return chosen if chosen in dict(self._pools()) else None

    @property
    def model(self) -> EffectModel:
        """Mode and model, described and created on first use because they import the engine."""
        from rncarefine.refine.options import option_infos

        from ..model_choice import EffectModel

        if self._model is None:
            for name, combo in (("mode", self.modes), ("model", self.models)):
                describe(combo, option_infos()[name], self._labels[_parameter(name)])
            self._model = EffectModel(self._effect, self.modes, self.models, self.licence)
            self._connections += [(combo, "currentIndexChanged(int)") for combo in (self.modes, self.models)]
        return self._model

    @property
    def is_this_slice(self) -> bool:
        """Whether only the shown slice may change."""
        return bool(self._effect.parameter("Scope") == THIS_SLICE)

    @property
    def keep_neighbours(self) -> bool:
        """Whether other segments do not change, whatever is set under Masking."""
        return bool(self._effect.parameter("Neighbours") == LEAVE)

    @property
    def preview_opacity(self) -> float:
        """Opacity of the preview, 0 to 1."""
        return float(self._effect.doubleParameter("PreviewOpacity"))

    @property
    def repair_options(self) -> RepairOptions:
        """The selected options of the repair."""
        from rncarefine.refine.options import RepairOptions, default_of, stack_options

        chosen: dict[str, Any] = {"model": self.model.name or None, "mode": self.model.mode}
        for name in stack_options().keys() - chosen.keys():
            value = self._value(_parameter(name))
            chosen[name] = None if default_of(name) is None and not value else value
        # Without a pool the box is disabled, but it may be checked.
        chosen["trim_pool"] = chosen["trim_pool"] and self.pool_id is not None
        return RepairOptions(**chosen)

    def load(self, has_preview: bool) -> None:
        """Show the parameters in the widgets."""
        from rncarefine.refine.options import option_infos

        if not self._words:
            self._describe()
        pools = [Option(*pool) for pool in self._pools()]
        self._pool.fill([Option("", _("None")), *pools], self.pool_id or "")
        self._neighbours.fill(
            [
                Option(LEAVE, _("Leave as they are"), _("The wall may overlap them, except the blood pool.")),
                Option(AS_MASKING, _("As set under Masking"), _("Segments that may be overwritten give way.")),
            ],
            self._effect.parameter("Neighbours"),
        )
        for name, words in self._words.items():
            words.select(self._value(name))
        self.model.show()
        # All values are read first and all signals are blocked together: checking one radio button unchecks the other,
        # whose signal would save the old values of the other widgets.
        values = {widget: self._value(name) for name, widget in self._bound()}
        values[self.opacity] = self.preview_opacity
        scope = self.this_slice if self.is_this_slice else self.whole_segment
        widgets = [self.this_slice, self.whole_segment, *values]
        blocked = [widget.blockSignals(True) for widget in widgets]
        scope.checked = True
        for widget, value in values.items():
            setattr(widget, "checked" if isinstance(value, bool) else "value", value)
        for widget, was_blocked in zip(widgets, blocked, strict=True):
            widget.blockSignals(was_blocked)
        no_pool = _("Choose the blood-pool segment first.") if self.pool_id is None else ""
        enable(self.widgets["TrimPool"], _(option_infos()["trim_pool"].help), no_pool)
        no_preview = "" if has_preview else _("There is no preview.")
        enable(self.cancel, _("Remove the preview."), no_preview)
        enable(self.opacity, _("Opacity of the preview."), no_preview)

    def save(self) -> None:
        """Save the values of the widgets in the parameters."""
        self._effect.setParameter("Scope", THIS_SLICE if self.this_slice.checked else WHOLE_SEGMENT)
        for name, widget in self._bound():
            kind = type(DEFAULTS[name])
            self._effect.setParameter(name, int(widget.checked) if kind is bool else kind(widget.value))
        self._effect.setParameter("PreviewOpacity", float(self.opacity.value))

    def show_slice(self, shown: tuple[int, str] | None) -> None:
        """Show slice and view of the scope; ``None`` if no view shows a single slice."""
        no_slice = _(
            "No slice view is parallel to the slices of the source volume. Rotate one with the button next to the "
            "segmentation, at the top of Segment Editor."
        )
        text = _("This slice") if shown is None else _("Slice {k} ({view})").format(k=shown[0], view=shown[1])
        self.this_slice.text = text
        enable(self.this_slice, _("Check and repair only the slice that this view shows."), "" if shown else no_slice)
        unless = no_slice if self.is_this_slice and shown is None else ""
        enable(self.check, _("List slices that need repair. Nothing is changed."), unless)
        unless = unless or self.model.missing
        enable(self.preview, _("Show the repaired wall over the image. The segment is not changed."), unless)
        enable(
            self.apply,
            _("Write the wall into the segment; computed first if there is no preview."),
            unless,
        )

    def show_message(self, text: str) -> None:
        """Show a text below the buttons, or nothing."""
        set_text(self.findings, text)

    def disconnect(self) -> None:
        """Disconnect the widgets."""
        for widget, signal in self._connections:
            widget.disconnect(signal)
        self._connections = []

    def _add_choices(self) -> None:
        import qt

        self.pool = _named(
            qt.QComboBox(),
            "BloodPool",
            _(
                "Segment of the cavity of the left ventricle (optional). It distinguishes a gap from an open outflow "
                "tract and loses the voxels that the repaired wall covers."
            ),
        )
        self._add_row(_("Blood pool:"), self.pool)
        self._pool = self._choice(self.pool, "BloodPool")
        self.modes, self.models = _named(qt.QComboBox(), "Mode"), _named(qt.QComboBox(), "Model")
        self.licence = _named(qt.QLabel(), "Licence")
        self.licence.wordWrap = True
        self._labels["Mode"] = self._add_row("", self.modes)
        self._labels["Model"] = self._add_row("", self.models, self.licence, layout=qt.QVBoxLayout())
        self.this_slice = _named(qt.QRadioButton(), "ThisSlice")
        self.whole_segment = _named(
            qt.QRadioButton(_("Whole segment")), "WholeSegment", _("Check and repair every slice of the segment.")
        )
        self._add_row(_("Scope:"), self.this_slice, self.whole_segment)
        switches = [name for name, default in DEFAULTS.items() if isinstance(default, bool)]
        self.widgets.update({name: _named(qt.QCheckBox(), name) for name in switches})
        self._add_row(_("Repair:"), *self.widgets.values(), layout=qt.QVBoxLayout())
        self.neighbours = _named(
            qt.QComboBox(), "Neighbours", _("How other segments are treated where the new wall covers them.")
        )
        self._add_row(_("Neighbours:"), self.neighbours)
        self._neighbours = self._choice(self.neighbours, "Neighbours")

    def _add_advanced(self) -> None:
        import ctk
        import qt

        self.advanced = _named(ctk.ctkCollapsibleButton(), "Advanced", _("Rarely changed options."))
        self.advanced.text = _("Advanced")
        self.advanced.collapsed = True
        form = qt.QFormLayout(self.advanced)
        for name in [name for name in DEFAULTS if name not in self.widgets]:
            self.widgets[name] = _named(getattr(qt, _WIDGETS[type(DEFAULTS[name])])(), name)
            self._labels[name] = qt.QLabel()
            form.addRow(self._labels[name], self.widgets[name])
        self.widgets["MaxChangeMm2"].suffix = " mm\u00b2"
        self._effect.addOptionsWidget(self.advanced)

    def _describe(self) -> None:
        """Set labels, tooltips, ranges and choices of the options."""
        from rncarefine.refine.options import default_of, stack_options

        for name, info in stack_options().items():
            parameter = _parameter(name)
            widget = self.widgets.get(parameter)
            if widget is None:
                continue  # mode and model
            describe(widget, info, self._labels.get(parameter))
            if info.minimum is not None:
                blocked = widget.blockSignals(True)  # another minimum may change the value, which would be saved
                widget.minimum = 0 if default_of(name) is None else info.minimum
                widget.maximum = _UNLIMITED if info.maximum is None else info.maximum
                widget.blockSignals(blocked)
            if info.choices:
                self._words[parameter] = self._choice(widget, parameter)
                self._words[parameter].fill([Option(word, word) for word in info.choices], "")

    def _add_buttons(self) -> None:
        import ctk
        import qt

        texts = (("Check", _("Check")), ("Preview", _("Preview")), ("Cancel", _("Cancel")), ("Apply", _("Apply")))
        self.check, self.preview, self.cancel, self.apply = (_named(qt.QPushButton(text), name) for name, text in texts)
        self._add_row(None, self.check, self.preview, self.cancel, self.apply)
        self.opacity = _named(ctk.ctkSliderWidget(), "PreviewOpacity")
        self.opacity.minimum, self.opacity.maximum = 0.0, 1.0
        self.opacity.singleStep, self.opacity.pageStep = 0.05, 0.25
        self.opacity.spinBoxVisible = False
        self._add_row(_("Preview opacity:"), self.opacity)
        self.findings = _named(qt.QLabel(), "Findings")
        self.findings.wordWrap = True
        self.findings.setAlignment(qt.Qt.AlignLeft | qt.Qt.AlignTop)
        self.findings.textFormat = qt.Qt.PlainText
        self.findings.setTextInteractionFlags(qt.Qt.TextSelectableByMouse)
        self._effect.addOptionsWidget(self.findings)
        self.show_message("")

    def _choice(self, combo: Any, parameter: str) -> ChoiceBox:
        self._connections.append((combo, "currentIndexChanged(int)"))
        return ChoiceBox(combo, lambda key: self._effect.setParameter(parameter, key))

    def _add_row(self, label: str | None, *widgets: Any, layout: Any = None) -> Any:
        """Add widgets in a row or in ``layout``, and return the label; ``None`` adds a row without a label.

        Slicer would stretch widgets without a layout vertically.
        """
        import qt

        row = layout or qt.QHBoxLayout()
        for widget in widgets:
            row.addWidget(widget)
        if label is not None:
            return self._effect.addLabeledOptionsWidget(label, row)
        return self._effect.addOptionsWidget(row)

    def _connect(self, widget: Any, signal: str, slot: Callable[[], None]) -> None:
        widget.connect(signal, slot)
        self._connections.append((widget, signal))

    def _pools(self) -> list[tuple[str, str]]:
        from ...mrml.editing import possible_pools

        return possible_pools(self._effect.parameterSetNode())

    def _bound(self) -> list[tuple[str, Any]]:
        """Return check boxes and spin boxes with their parameters; combo boxes store their choice themselves."""
        return [(name, widget) for name, widget in self.widgets.items() if type(DEFAULTS[name]) in _SIGNALS]

    def _value(self, parameter: str) -> Any:
        """Return the value of a parameter, as the type of its default."""
        kind = type(DEFAULTS[parameter])
        if kind is str:
            return self._effect.parameter(parameter)
        if kind is float:
            return self._effect.doubleParameter(parameter)
        return kind(self._effect.integerParameter(parameter))


def _parameter(name: str) -> str:
    """Return the parameter of an option: ``max_change_mm2`` becomes ``MaxChangeMm2``."""
    return "".join(part.capitalize() for part in name.split("_"))


def _named(widget: Any, name: str, tip: str = "") -> Any:
    widget.objectName = f"RNCARepair{name}"
    widget.toolTip = tip
    return widget
