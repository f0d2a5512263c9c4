"""The panel's controller: keeps its parts in step with scene and parameter node."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from slicer.i18n import tr as _

from rncarefine.progress import Cancelled
from rncarefine.refine.options import camel_case, option_infos, stack_options

from ..mrml.vessels import is_picture_volume
from .actions import run_check, run_picture_check, run_picture_repair, run_repair
from .computing import ComputingLine
from .controls import describe, enable, set_text
from .dialogs import ProgressDialog, accepted_terms
from .frames import FramesChoice
from .inputs import Inputs
from .messages import shown_errors
from .model_choice import ModelChoice
from .review.findings import Checked
from .review.places import PlaceSection
from .review.section import ReviewSection
from .review.tools import ReviewTools
from .watch import SceneWatch


class _SceneClosed(Exception):
    """The scene was closed while a repair was running."""


class Panel:
    """Controller of the panel; the module's widget forwards its events.

    Args:
        root: The widget that was loaded from ``RNCARefine.ui``.
        ui: The widgets in it, by their names.
        logic: ``RNCARefineLogic``.
    """

    def __init__(self, root: Any, ui: Any, logic: Any) -> None:
        self._ui = ui
        self._logic = logic
        self._parameters: Any = None
        self._updating = False
        self._running = False
        _describe_options(ui)
        self._watch = SceneWatch(self.refresh)
        self._inputs = Inputs(ui)
        self._frames = FramesChoice(ui)
        self._models = ModelChoice(ui.modelSelector, ui.licenceLabel)
        self._computing = ComputingLine(ui, self.notice)
        self._review = ReviewSection(ui, logic, self._on_content, self._on_slice)
        self._places = PlaceSection(ui)
        self._tools = ReviewTools(ui, root, logic, self._review, self.notice)
        ui.checkButton.connect("clicked()", self._check)
        ui.repairButton.connect("clicked()", self._repair)
        self.clear()

    # Lifetime

    def set_parameters(self, parameters: Any) -> None:
        """Use a parameter node; with ``None``, keep the state and stop reacting to the scene."""
        self._parameters = parameters
        if parameters is None:
            self._watch.stop()
        else:
            self._watch.start()
            self.refresh()

    def prefill(self) -> None:
        """Select inputs that are not selected yet and have exactly one candidate."""
        if self._parameters is not None:
            with self._quietly():
                self._inputs.prefill(self._parameters)
                self._review.prefill(self._parameters)
            self.update()

    def update(self) -> None:
        """Follow the parameter node."""
        self._update(again=False)

    def refresh(self) -> None:
        """Follow a change of the scene."""
        self._update(again=True)

    def clear(self) -> None:
        """Forget the scene: it is closed, or the panel is about to be destroyed."""
        self._parameters = None
        self._watch.stop()
        self._inputs.update(None)
        self._frames.update(None)
        self._models.update(None)
        self._tools.clear()
        self._review.clear()
        self._places.clear()
        self.notice("")
        self._update_actions()

    def notice(self, text: str) -> None:
        """Show a message; an empty one clears it."""
        set_text(self._ui.noticeLabel, text)

    # Updates

    def _update(self, *, again: bool) -> None:
        """Update all parts from the parameter node, without reacting to its own changes."""
        if self._updating or self._parameters is None:
            return
        with self._quietly():
            self._inputs.prefill(self._parameters, arrived=True)
            self._review.prefill(self._parameters, arrived=True)
            self._inputs.update(self._parameters)
            self._frames.update(self._parameters)
            self._models.update(self._parameters)
            self._review.update(self._parameters, again=again)
            self._places.follow(self._parameters if self._is_picture() else None)
            self._update_actions()

    def _on_content(self) -> None:
        # The table is up to date; pending events need no further update.
        self._watch.forget()
        self._tools.update()

    def _on_slice(self) -> None:
        self._tools.update()

    def _update_actions(self) -> None:
        parameters, ui = self._parameters, self._ui
        busy = _("A repair is running.") if self._running else ""
        missing = busy or self._inputs.missing(parameters)
        enable(ui.checkButton, _("Diagnose every slice. Nothing is changed."), missing)
        enable(
            ui.repairButton,
            _("Repair broken slices; correct slices are left unchanged."),
            missing or self._models.missing(parameters),
        )
        has_pool = parameters is not None and parameters.poolSegmentID
        enable(
            ui.trimPoolCheckBox,
            _(option_infos()["trim_pool"].help),
            "" if has_pool else _("Choose the blood-pool segment first."),
        )

    # Actions

    def _check(self) -> None:
        if self._running or self._parameters is None or self._inputs.missing(self._parameters):
            return
        self.notice("")
        with shown_errors(_("The check failed."), wait=True):
            if self._is_picture():
                report = run_picture_check(self._logic, self._parameters)
                with self._quietly():
                    self._places.show_check(report)
                return
            self._show_check(run_check(self._logic, self._parameters))

    def _show_check(self, checked: Checked) -> None:
        with self._quietly():
            self._review.show_check(checked)
        self.notice("\n".join(checked.report.warnings))

    def _repair(self) -> None:
        parameters = self._parameters
        if self._running or parameters is None or self._inputs.missing(parameters):
            return
        card = self._models.card(parameters)
        if card is None:
            return
        self.notice("")
        if not accepted_terms(card):
            self.notice(self._models.decline(parameters, card, _("Repair")))
            return
        title = _("Repairing {name}").format(name=parameters.inputSegmentation.GetName())
        with self._busy(), shown_errors(_("The repair failed. Nothing was changed.")):
            try:
                with ProgressDialog(title) as dialog:

                    def progress(fraction: float, text: str) -> bool:
                        return self._check_scene(parameters, dialog(fraction, text))

                    if self._is_picture():
                        done = run_picture_repair(self._logic, parameters, card, progress)
                    else:
                        done = run_repair(self._logic, parameters, card, progress)
            except (Cancelled, _SceneClosed):
                self.notice(_("Cancelled. Nothing was changed."))
                return
            self._show_repair(self._logic.outputSegmentationNode())
            self._computing.show_run(done.run)
            self.notice(done.text)

    def _check_scene(self, parameters: Any, wanted: bool) -> bool:
        # After the scene was closed nothing can be kept, not even finished frames.
        if self._parameters is not parameters:
            raise _SceneClosed
        return wanted

    def _is_picture(self) -> bool:
        """Whether the chosen volume is a picture of vessels and no stack."""
        parameters = self._parameters
        return parameters is not None and is_picture_volume(parameters.inputVolume, self._models.card(parameters))

    def _show_repair(self, segmentation_node: Any) -> None:
        source = self._parameters.inputSegmentation
        if segmentation_node is not source:
            # The input on top of the result would hide the changes.
            source.SetDisplayVisibility(False)
        with self._quietly():
            self._parameters.reviewedSegmentID = self._parameters.myocardiumSegmentID
            self._parameters.reviewedSegmentation = segmentation_node
        self.refresh()

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        """Ignore events of the parameter node while the panel itself writes into it."""
        was_updating, self._updating = self._updating, True
        try:
            yield
        finally:
            self._updating = was_updating

    @contextmanager
    def _busy(self) -> Iterator[None]:
        """Disable the buttons and ignore events of the scene while a repair runs."""
        self._running = True
        self._watch.stop()
        self._update_actions()
        try:
            yield
        finally:
            self._running = False
            if self._parameters is not None:
                self._watch.start()
            self._update_actions()


def _describe_options(ui: Any) -> None:
    """Set the labels and tooltips of the options, whose widgets are named after the parameters."""
    for name, info in stack_options().items():
        stem = camel_case(name)
        box = getattr(ui, f"{stem}CheckBox", None)
        if box is not None:
            describe(box, info)
        else:
            kind = "SpinBox" if hasattr(ui, f"{stem}SpinBox") else "Selector"
            describe(getattr(ui, f"{stem}{kind}"), info, getattr(ui, f"{stem}Label"))
