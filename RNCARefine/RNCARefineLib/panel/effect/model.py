"""Mode and model in the options of the Segment Editor effect; imported with the engine, when they are first shown."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from rncarefine.nca.card import ModelCard
from rncarefine.words import Mode

from ..controls import ChoiceBox, Option
from ..model_choice import ModelChoice


class EffectModel:
    """Mode and model among the effect's parameters, shown in three widgets.

    Unless the user has chosen, the mode is that of the best model, and the model the best one of the mode.

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
        """Name of a model, empty for the best one of the mode."""
        return self._chosen("Model")

    @model.setter
    def model(self, name: str) -> None:
        self._effect.setParameter("Model", name)

    @property
    def name(self) -> str:
        """The model that is used, empty if there is none of the mode."""
        card = self._models.card(self)
        return "" if card is None else card.name

    @property
    def missing(self) -> str:
        """Why there is nothing to repair with, empty if there is a model."""
        return self._models.missing(self)

    def show(self) -> None:
        """Show what is chosen."""
        self._modes.fill([Option(str(mode), str(mode)) for mode in Mode], self.mode)
        self._models.update(self)

    def decline(self, declined: ModelCard) -> str:
        """Choose another model for the user who has declined the terms of one, and return the message."""
        return self._models.decline(self, declined, _("Preview or Apply"))

    def _chosen(self, name: str) -> str:
        # Segment Editor cannot distinguish an empty parameter from none: there are no defaults.
        return str(self._effect.parameter(name)) if self._effect.parameterDefined(name) else ""
