"""Mode and model in panel and effect, and the fallback if the user declines the terms of a model."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from rncarefine.nca.card import TUBULAR, ModelCard
from rncarefine.nca.model import available_models, best_model
from rncarefine.words import Mode

from ..mrml.vessels import is_flat, is_picture_volume
from .controls import ChoiceBox, Option, make_small


class ModelChoice:
    """The model selector and the licence below it; the mode has another selector.

    Parameters have the attributes ``mode`` and ``model`` of the module's parameter node.

    Args:
        selector: The ``QComboBox`` of the models.
        licence: The ``QLabel`` of the licence.
    """

    def __init__(self, selector: Any, licence: Any) -> None:
        self._parameters: Any = None
        self._licence = licence
        self._choice = ChoiceBox(selector, self._on_chosen)
        self._combo = selector
        self._cards = available_models()
        make_small(self._licence, 0.85)

    def update(self, parameters: Any) -> None:
        """Offer the models of the selected mode; if none is selected, the best one is used."""
        self._parameters = parameters
        cards = self._of_mode(parameters)
        card = self.card(parameters)
        self._choice.fill([Option(card.name, card.name, _about(card)) for card in cards], card.name if card else "")
        self._combo.enabled = bool(cards)
        text = _("Licence: {licence}").format(licence=card.licence) if card else self.missing(parameters)
        self._licence.text = text
        self._licence.toolTip = "\n".join((_("Licence of the weights of this model."), text))

    def card(self, parameters: Any) -> ModelCard | None:
        """Return the card of the selected model, or of the best model of the mode, or ``None``."""
        cards = self._of_mode(parameters)
        return next((card for card in cards if card.name == parameters.model), _best(cards))

    def missing(self, parameters: Any) -> str:
        """Return why no model can be used; empty if there is a model."""
        if parameters is None or self._of_mode(parameters):
            return ""
        text = _("No {mode} model is installed. Choose another mode.")
        if is_picture_volume(getattr(parameters, "inputVolume", None)):
            text = _("No {mode} model repairs vessels in a picture. Choose another mode.")
        return text.format(mode=parameters.mode)

    def best(self) -> ModelCard | None:
        """Return the best model of any mode; ``None`` if there is none."""
        return best_model(self._cards)

    def decline(self, parameters: Any, declined: ModelCard, buttons: str) -> str:
        """Replace a model whose terms were declined by the best one of the mode that is free for any use.

        Args:
            parameters: The parameters.
            declined: The model whose terms were declined.
            buttons: Names of the buttons that repair.

        Returns:
            A message: nothing was repaired, and which model can be used.
        """
        text = _("Nothing was repaired: the terms of {name} were not accepted.").format(name=declined.name)
        free = best_model(self._cards, declined.mode, permissive=True)
        if free is not None:
            parameters.model = free.name
            then = _("{free}, which is free for any use ({licence}), is selected now. Press {buttons} to use it.")
            return f"{text} {then.format(free=free.name, licence=free.licence, buttons=buttons)}"
        free = best_model(self._cards, permissive=True)
        if free is None:
            return f"{text} {_('No model that is free for any use is installed.')}"
        then = _(
            "No {mode} model is free for any use. To use the {other} model {free} ({licence}), choose this mode and "
            "model."
        )
        return f"{text} {then.format(mode=declined.mode, other=free.mode, free=free.name, licence=free.licence)}"

    def _of_mode(self, parameters: Any) -> list[ModelCard]:
        if parameters is None:
            return []
        volume = getattr(parameters, "inputVolume", None)
        flat, picture = is_flat(volume), is_picture_volume(volume)
        return [
            card
            for card in self._cards
            if card.mode == parameters.mode and (flat if card.task == TUBULAR else not picture)
        ]

    def _on_chosen(self, name: str) -> None:
        if self._parameters is not None:
            self._parameters.model = name


class EffectModel:
    """Mode and model among the effect's parameters, shown in three widgets.

    The default mode is that of the best model, the default model the best one of the mode.

    Args:
        effect: The ``qSlicerSegmentEditorScriptedEffect``; it keeps the parameters.
        modes: The ``QComboBox`` of the modes.
        models: The ``QComboBox`` of the models.
        licence: The ``QLabel`` of the licence.
    """

    def __init__(self, effect: Any, modes: Any, models: Any, licence: Any) -> None:
        self._effect = effect
        self._modes = ChoiceBox(modes, lambda mode: effect.setParameter("Mode", mode))
        self._models = ModelChoice(models, licence)

    @property
    def mode(self) -> str:
        """The mode: slice-wise or volumetric."""
        best = self._models.best()
        return self._chosen("Mode") or (str(Mode.SLICE_WISE) if best is None else best.mode)

    @property
    def model(self) -> str:
        """Name of the selected model; empty for the best one of the mode."""
        return self._chosen("Model")

    @model.setter
    def model(self, name: str) -> None:
        self._effect.setParameter("Model", name)

    @property
    def name(self) -> str:
        """Name of the model that is used; empty if the mode has none."""
        card = self._models.card(self)
        return "" if card is None else card.name

    @property
    def missing(self) -> str:
        """Why no model can be used; empty if there is a model."""
        return self._models.missing(self)

    def show(self) -> None:
        """Show the selection."""
        self._modes.fill([Option(str(mode), str(mode)) for mode in Mode], self.mode)
        self._models.update(self)

    def decline(self, declined: ModelCard) -> str:
        """Select another model after the terms of one were declined, and return the message."""
        return self._models.decline(self, declined, _("Preview or Apply"))

    def _chosen(self, name: str) -> str:
        # Segment Editor cannot distinguish an empty parameter from none: there are no defaults.
        return str(self._effect.parameter(name)) if self._effect.parameterDefined(name) else ""


def _best(cards: list[ModelCard]) -> ModelCard | None:
    """Return the best of some models; a model of vessels only if there is no other."""
    return best_model(cards) or best_model(cards, task=TUBULAR)


def _about(card: ModelCard) -> str:
    return "\n".join((card.title, _("Trained on: {data}").format(data=card.training_data)))
