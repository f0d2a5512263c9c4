"""The options of the Segment Editor effect: its widgets, and its parameters in the editor node, kept in step.

Slicer makes them whenever an editor is opened, for whatever purpose: the engine is imported only inside functions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from slicer.i18n import tr as _

from ..controls import ChoiceBox, Option, enable, set_text

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
    "Seed": 0,
    "Samples": 1,
    "Device": "auto",
    "Apex": "auto",
}
"""The options of the repair as parameters, with the defaults of :class:`rncarefine.refine.options.RepairOptions`; that
is not imported when an editor is opened."""
SWITCHES = tuple(name for name, default in DEFAULTS.items() if isinstance(default, bool))
NUMBERS, WORDS = ("Seed", "Samples"), ("Device", "Apex")


def set_defaults(effect: Any) -> None:
    """Define the parameters that are not defined yet."""
    # BloodPool, Mode and Model have none: Segment Editor cannot distinguish an empty parameter from none.
    effect.setParameterDefault("Scope", WHOLE_SEGMENT)
    for name, default in DEFAULTS.items():
        effect.setParameterDefault(name, int(default) if name in SWITCHES else default)
    effect.setParameterDefault("Neighbours", LEAVE)
    effect.setParameterDefault("PreviewOpacity", 0.7)


class EffectOptions:
    """The widgets in the options frame of the effect, and what is chosen in them.

    Args:
        effect: The ``qSlicerSegmentEditorScriptedEffect``; it keeps the parameters and the frame.
        changed: Called when the user has changed an option; calls :meth:`save`.
        on_click: What the buttons do: "check", "preview", "apply", "cancel".
    """

    def __init__(self, effect: Any, changed: Callable[[], None], on_click: dict[str, Callable[[], None]]) -> None:
        self._effect = effect
        self._connections: list[tuple[Any, str]] = []
        self._model: EffectModel | None = None
        self._add_choices()
        self._add_advanced()
        self._add_buttons()
        for button in (self.this_slice, *self._switches.values()):
            self._connect(button, "toggled(bool)", changed)
        for box in self._numbers.values():
            self._connect(box, "valueChanged(int)", changed)
        self._connect(self.opacity, "valueChanged(double)", changed)
        for name, slot in on_click.items():
            self._connect(getattr(self, name), "clicked()", slot)

    @property
    def pool_id(self) -> str | None:
        """ID of the blood pool; ``None`` if none is chosen, or if it is not a segment that it can be."""
        if not self._effect.parameterDefined("BloodPool"):
            return None
        chosen = self._effect.parameter("BloodPool")
        # It may be of another segmentation, or the segment that is selected now.
        return chosen if chosen in dict(self._pools()) else None

    @property
    def model(self) -> EffectModel:
        """Mode and model; made when they are first needed, since the engine comes with them."""
        from ..model_choice import EffectModel

        if self._model is None:
            self._model = EffectModel(self._effect, self.modes, self.models, self.licence)
            self._connections += [(combo, "currentIndexChanged(int)") for combo in (self.modes, self.models)]
        return self._model

    @property
    def is_this_slice(self) -> bool:
        """Whether only the slice that is shown may change."""
        return bool(self._effect.parameter("Scope") == THIS_SLICE)

    @property
    def keep_neighbours(self) -> bool:
        """Whether other segments stay as they are, whatever is set under Masking."""
        return bool(self._effect.parameter("Neighbours") == LEAVE)

    @property
    def preview_opacity(self) -> float:
        """Opacity of the preview, 0 to 1."""
        return float(self._effect.doubleParameter("PreviewOpacity"))

    @property
    def repair_options(self) -> RepairOptions:
        """How to repair."""
        from rncarefine.refine.options import from_camel_case

        chosen: dict[str, Any] = {name: self._is_on(name) for name in SWITCHES}
        chosen |= {name: self._effect.integerParameter(name) for name in NUMBERS}
        chosen |= {name: self._effect.parameter(name) for name in WORDS}
        chosen |= {"Model": self.model.name or None, "Mode": self.model.mode}
        return from_camel_case({name[0].lower() + name[1:]: value for name, value in chosen.items()})

    def load(self, has_preview: bool) -> None:
        """Show the parameters in the widgets."""
        from rncarefine.refine.options import option_infos

        pools = [Option(*pool) for pool in self._pools()]
        self._pool.fill([Option("", _("None")), *pools], self.pool_id or "")
        self._neighbours.fill(
            [
                Option(
                    LEAVE,
                    _("Leave as they are"),
                    _("The wall may overlap them, except the blood pool."),
                ),
                Option(
                    AS_MASKING,
                    _("As set under Masking"),
                    _("Segments that may be overwritten give way."),
                ),
            ],
            self._effect.parameter("Neighbours"),
        )
        for name, box in (("Device", self._device), ("Apex", self._apex)):
            words = map(str, option_infos()[name.lower()].choices)
            box.fill([Option(word, word) for word in words], self._effect.parameter(name))
        self.model.show()
        # Read before anything is shown, and all are kept quiet together: checking one radio button unchecks the other,
        # whose signal would save what the other widgets still show.
        checked = {box: self._is_on(name) for name, box in self._switches.items()}
        checked[self.this_slice if self.is_this_slice else self.whole_segment] = True
        numbers = {box: self._effect.integerParameter(name) for name, box in self._numbers.items()}
        numbers[self.opacity] = self.preview_opacity
        widgets = [self.this_slice, self.whole_segment, *self._switches.values(), *numbers]
        blocked = [widget.blockSignals(True) for widget in widgets]
        for button, is_checked in checked.items():
            button.checked = is_checked
        for box, value in numbers.items():
            box.value = value
        for widget, was_blocked in zip(widgets, blocked, strict=True):
            widget.blockSignals(was_blocked)
        no_preview = "" if has_preview else _("There is no preview.")
        enable(self.cancel, _("Remove the preview."), no_preview)
        enable(self.opacity, _("Opacity of the preview."), no_preview)

    def save(self) -> None:
        """Save the values of the widgets in the parameters."""
        self._effect.setParameter("Scope", THIS_SLICE if self.this_slice.checked else WHOLE_SEGMENT)
        for name, box in self._switches.items():
            self._effect.setParameter(name, int(box.checked))
        for name, box in self._numbers.items():
            self._effect.setParameter(name, int(box.value))
        self._effect.setParameter("PreviewOpacity", float(self.opacity.value))

    def show_slice(self, shown: tuple[int, str] | None) -> None:
        """Show which slice would be repaired, and in which view it is; ``None`` if no view shows one."""
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
        self.modes = _named(
            qt.QComboBox(),
            "Mode",
            _(
                "Slice-wise repairs each slice by itself; volumetric lets neighbouring slices exchange information. "
                "Each mode has its models."
            ),
        )
        self._add_row(_("Mode:"), self.modes)
        self.models = _named(qt.QComboBox(), "Model", _("Weights of the automaton."))
        self.licence = _named(qt.QLabel(), "Licence")
        self.licence.wordWrap = True
        self._add_row(_("Model:"), self.models, self.licence, layout=qt.QVBoxLayout())
        self.this_slice = _named(qt.QRadioButton(), "ThisSlice")
        self.whole_segment = _named(
            qt.QRadioButton(_("Whole segment")), "WholeSegment", _("Check and repair every slice of the segment.")
        )
        self._add_row(_("Scope:"), self.this_slice, self.whole_segment)
        self.close_base = _named(
            qt.QCheckBox(_("Expect a closed base")),
            "CloseBase",
            _("Expect closed rings at the base, too, and make them, where an outflow tract would leave the wall open."),
        )
        self.add_only = _named(
            qt.QCheckBox(_("Only add, never remove")),
            "AddOnly",
            _("Never remove a voxel from the segment. Slices with loose components are then refused."),
        )
        self.geometry = _named(
            qt.QCheckBox(_("Fall back to polar interpolation")),
            "Geometry",
            _("Interpolate the wall around its fitted centre where the automaton finds none that passes the checks."),
        )
        self.remove_islands = _named(
            qt.QCheckBox(_("Remove papillary muscles")),
            "RemoveIslands",
            _("Remove components inside the cavity, such as papillary muscles; they are kept by default."),
        )
        boxes = (self.close_base, self.add_only, self.geometry, self.remove_islands)
        self._switches = dict(zip(SWITCHES, boxes, strict=True))
        self._add_row(_("Repair:"), *boxes, layout=qt.QVBoxLayout())
        self.neighbours = _named(
            qt.QComboBox(), "Neighbours", _("How other segments are treated where the new wall covers them.")
        )
        self._add_row(_("Neighbours:"), self.neighbours)
        self._neighbours = self._choice(self.neighbours, "Neighbours")

    def _add_advanced(self) -> None:
        import ctk
        import qt

        from rncarefine.refine.options import option_infos

        self.advanced = _named(ctk.ctkCollapsibleButton(), "Advanced", _("Rarely changed options."))
        self.advanced.text = _("Advanced")
        self.advanced.collapsed = True
        form = qt.QFormLayout(self.advanced)
        self.apex = _named(
            qt.QComboBox(),
            "Apex",
            _("Where the apex is: at the first or the last slice; auto finds it from the taper."),
        )
        self._apex = self._choice(self.apex, "Apex")
        self.seed = _named(
            qt.QSpinBox(),
            "Seed",
            _("Decides which cells of the automaton fire. The same seed gives the same result on every computer."),
        )
        self.seed.maximum = 2**31 - 1
        self.samples = _named(
            qt.QSpinBox(), "Samples", _("Runs with different seeds that are averaged. Several take longer.")
        )
        samples = option_infos()["samples"]
        self.samples.minimum, self.samples.maximum = samples.minimum, samples.maximum
        self._numbers = {"Seed": self.seed, "Samples": self.samples}
        self.device = _named(
            qt.QComboBox(),
            "Device",
            _(
                "What computes: the best there is (auto), NumPy, or PyTorch on the processor (cpu), an NVIDIA GPU "
                "(cuda) or an Apple GPU (mps)."
            ),
        )
        self._device = self._choice(self.device, "Device")
        form.addRow(_("Apex:"), self.apex)
        form.addRow(_("Seed:"), self.seed)
        form.addRow(_("Runs averaged:"), self.samples)
        form.addRow(_("Device:"), self.device)
        self._effect.addOptionsWidget(self.advanced)

    def _add_buttons(self) -> None:
        import ctk
        import qt

        texts = (("Check", _("Check")), ("Preview", _("Preview")), ("Cancel", _("Cancel")), ("Apply", _("Apply")))
        self.check, self.preview, self.cancel, self.apply = (_named(qt.QPushButton(text), name) for name, text in texts)
        self._add_row("", self.check, self.preview, self.cancel, self.apply)
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

    def _add_row(self, label: str, *widgets: Any, layout: Any = None) -> None:
        """Add widgets side by side, or in ``layout``; in a layout, because Slicer stretches bare widgets upwards."""
        import qt

        row = layout or qt.QHBoxLayout()
        for widget in widgets:
            row.addWidget(widget)
        if label:
            self._effect.addLabeledOptionsWidget(label, row)
        else:
            self._effect.addOptionsWidget(row)

    def _connect(self, widget: Any, signal: str, slot: Callable[[], None]) -> None:
        widget.connect(signal, slot)
        self._connections.append((widget, signal))

    def _pools(self) -> list[tuple[str, str]]:
        from ...mrml.editing import possible_pools

        return possible_pools(self._effect.parameterSetNode())

    def _is_on(self, parameter: str) -> bool:
        return bool(self._effect.integerParameter(parameter))


def _named(widget: Any, name: str, tip: str = "") -> Any:
    widget.objectName = f"RNCARepair{name}"
    widget.toolTip = tip
    return widget
