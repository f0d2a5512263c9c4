"""The models of the chosen mode, and the terms of the chosen model."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from ..model import DEFAULT_MODEL, available_models
from ..model_card import ModelCard
from .choice import Choice, Option
from .controls import make_small


class ModelChoice:
    """The model selector and the licence below it; the mode selector is bound to the parameter node by itself.

    Args:
        ui: The widgets of the panel.
    """

    def __init__(self, ui: Any) -> None:
        self._parameters: Any = None
        self._licence = ui.licenceLabel
        self._choice = Choice(ui.modelSelector, self._on_chosen)
        self._combo = ui.modelSelector
        self._cards = available_models()
        make_small(self._licence, 0.85)

    def update(self, parameters: Any) -> None:
        """Offer the models of the chosen mode; the default one stands for none."""
        self._parameters = parameters
        cards = self._of_mode(parameters)
        card = self.card(parameters)
        self._choice.fill([Option(card.name, card.name, _about(card)) for card in cards], card.name if card else "")
        self._combo.enabled = bool(cards)
        text = _("Licence: {licence}").format(licence=card.licence) if card else self.missing(parameters)
        self._licence.text = text
        self._licence.toolTip = "\n".join((_("The terms under which the weights of this model may be used."), text))

    def card(self, parameters: Any) -> ModelCard | None:
        """Return the model card of the chosen model, else of the default model of the mode, else ``None``."""
        cards = {card.name: card for card in self._of_mode(parameters)}
        wanted = (parameters.model, DEFAULT_MODEL, *cards) if parameters is not None else ()
        return next((cards[name] for name in wanted if name in cards), None)

    def missing(self, parameters: Any) -> str:
        """Return why there is nothing to repair with, empty if there is a model."""
        if parameters is None or self._of_mode(parameters):
            return ""
        return _("No {mode} model is installed. Choose another mode.").format(mode=parameters.mode)

    def _of_mode(self, parameters: Any) -> list[ModelCard]:
        return [] if parameters is None else [card for card in self._cards if card.mode == parameters.mode]

    def _on_chosen(self, name: str) -> None:
        if self._parameters is not None:
            self._parameters.model = name


def _about(card: ModelCard) -> str:
    return "\n".join((card.title, _("Trained on: {data}").format(data=card.training_data)))
