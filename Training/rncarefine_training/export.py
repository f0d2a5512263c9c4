"""From a trained automaton to weights with a model card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from RNCARefineLib.model import Model, save_model
from RNCARefineLib.model_card import ModelCard

from .config import Config
from .learner import AutomatonLearner, build_architecture


def export(config: Config, checkpoint: Path, folder: Path, metrics: dict[str, Any] | None = None) -> Path:
    """Write the weights of a checkpoint and their model card.

    Args:
        config: The training that made the checkpoint.
        checkpoint: A Lightning checkpoint of :class:`AutomatonLearner`.
        folder: Gets ``<name>.npz`` and ``<name>.json``.
        metrics: Measured quality for the card.

    Returns:
        The path of the weights.

    Raises:
        ValueError: The checkpoint does not fit the configuration.
    """
    settings = config.automaton
    learner = AutomatonLearner(settings, config.seed)
    state = torch.load(checkpoint, map_location="cpu", weights_only=False)["state_dict"]
    try:
        learner.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(f"{checkpoint} was not made by this configuration: {error}") from None
    with torch.no_grad():
        # Rounded to half precision: a repair does not notice, and wheel and clone, which compress, carry 40 % less.
        parameters = {
            name: value.detach().numpy().astype(np.float16).astype(np.float32)
            for name, value in learner.parameters_for_use().items()
        }
    architecture = build_architecture(settings)
    card = ModelCard(
        name=config.name,
        title=config.title,
        task="Repair of the left-ventricular myocardium in short-axis cardiac MR: one closed ring a slice",
        mode="slice-wise",
        training_data=config.training_data,
        licence=config.licence,
        citation=config.citation,
        spacing_mm=settings.spacing_mm,
        channels=architecture.channels,
        hidden=architecture.hidden,
        steps=settings.steps,
        fire_rate=settings.fire_rate,
        metrics=metrics or {},
        created_by={"command": "rncarefine-train all", "config": config.model_dump(mode="json")},
    )
    save_model(Model(card, parameters), folder)
    return folder / f"{config.name}.npz"
