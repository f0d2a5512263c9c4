"""Export a trained automaton as weights with a model card."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rncarefine.nca.card import TUBULAR, ModelCard
from rncarefine.nca.model import Model, load_model, save_model
from rncarefine.tasks.tubular.settings import Settings
from rncarefine.words import Mode

from ..config import Config
from ..data.sources.pictures import FIELD_OF_VIEW
from ..resume import check_same, load_checkpoint
from .fit import made_from
from .learner import AutomatonLearner, build_architecture

JOIN_LIKELIHOOD = 0.75
"""Loose fragments with a lower mean likelihood are not bridged to."""
FRAGMENT_LIKELIHOOD = 0.6
"""Loose fragments with a lower mean likelihood go, unless a path led through them."""
RING = "Repair of the left-ventricular myocardium in short-axis cardiac MR: one closed ring per slice"


def export(config: Config, checkpoint: Path, folder: Path) -> Path:
    """Write the weights of a checkpoint and their model card.

    Args:
        config: The training that made the checkpoint.
        checkpoint: A Lightning checkpoint of :class:`AutomatonLearner`.
        folder: Gets ``<name>.npz`` and ``<name>.json``; :func:`recard` adds what is measured later.

    Returns:
        The path of the weights.

    Raises:
        ValueError: There is no checkpoint, or it does not fit the configuration.
    """
    settings = config.automaton
    if not checkpoint.is_file():
        raise ValueError(f"{checkpoint}: there is no such checkpoint. Run `rncarefine-train automaton` first.")
    learner = AutomatonLearner(settings, config.seed)
    kept = load_checkpoint(checkpoint)
    check_same(kept, made_from(config))
    try:
        learner.load_state_dict(kept["state_dict"])
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
        task=TUBULAR if settings.task == TUBULAR else RING,
        mode=str(Mode.VOLUMETRIC if settings.volumetric else Mode.SLICE_WISE),
        training_data=config.training_data,
        licence=config.licence,
        citation=config.citation,
        spacing_mm=1.0 if settings.task == TUBULAR else settings.spacing_mm,
        crop=settings.size,
        channels=architecture.channels,
        hidden=architecture.hidden,
        steps=settings.steps,
        fire_rate=settings.fire_rate,
        tubular=tubular_settings(settings.spacing_mm) if settings.task == TUBULAR else {},
        created_by={"command": f"rncarefine-train {_command(config)}", "config": config.public()},
    )
    save_model(Model(card, parameters), folder)
    return folder / f"{config.name}.npz"


def tubular_settings(spacing: float) -> dict[str, Any]:
    """Return how a model of vessels is used: the engine's defaults at the scale of the training, not yet calibrated.

    Args:
        spacing: Of the automaton's pixels, in thousandths of the diameter of the field of view.
    """
    defaults = Settings()
    diameter = FIELD_OF_VIEW / spacing
    values = asdict(
        replace(
            defaults,
            fov_diameter_px=diameter,
            limits=defaults.limits_at(diameter),
            fragment_likelihood=FRAGMENT_LIKELIHOOD,
            join_likelihood=JOIN_LIKELIHOOD,
        )
    )
    return values | values.pop("limits")


def _command(config: Config) -> str:
    """Name the command that made the weights; with networks from outside, what came before it was made elsewhere."""
    return "automaton" if config.predictions.train else "all"


def recard(path: Path, **changes: Any) -> None:
    """Rewrite some fields of a model card; the weights stay as they are.

    Args:
        path: The ``.npz``; its card lies next to it.
        changes: Fields of :class:`rncarefine.nca.card.ModelCard`.
    """
    model = load_model(path)
    save_model(Model(replace(model.card, **changes), model.parameters), path.parent)
