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
from .fit import training_identity
from .learner import AutomatonLearner, build_architecture

JOIN_LIKELIHOOD = 0.75
"""Minimum mean likelihood of a fragment to be bridged to."""
FRAGMENT_LIKELIHOOD = 0.55
"""Minimum mean likelihood of a fragment to be kept, unless a bridge passes through it."""
IMAGE_WEIGHT = 0.3
"""Weight of the evidence without the mask in the likelihood; chosen on the validation set of `retina-vessels-2d`."""
RING = "Repair of the left-ventricular myocardium in short-axis cardiac MR: one closed ring per slice"


def export(config: Config, checkpoint: Path, folder: Path) -> Path:
    """Write the weights of a checkpoint and their model card.

    Args:
        config: Configuration of the checkpoint's training.
        checkpoint: A Lightning checkpoint of :class:`AutomatonLearner`.
        folder: Output folder for ``<name>.npz`` and ``<name>.json``; :func:`recard` adds metrics later.

    Returns:
        The path of the weights.

    Raises:
        ValueError: The checkpoint does not exist or does not match the configuration.
    """
    settings = config.automaton
    if not checkpoint.is_file():
        raise ValueError(f"{checkpoint}: there is no such checkpoint. Run `rncarefine-train automaton` first.")
    learner = AutomatonLearner(settings, config.seed)
    kept = load_checkpoint(checkpoint)
    check_same(kept, training_identity(config))
    try:
        learner.load_state_dict(kept["state_dict"])
    except RuntimeError as error:
        raise ValueError(f"{checkpoint} was not made by this configuration: {error}") from None
    with torch.no_grad():
        # Rounding to half precision does not affect repairs and makes the compressed files 40 % smaller.
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
        mask_weight=settings.mask_weight,
        tubular=tubular_settings(settings.spacing_mm) if settings.task == TUBULAR else {},
        created_by={"command": f"rncarefine-train {_command(config)}", "config": config.public()},
    )
    save_model(Model(card, parameters), folder)
    return folder / f"{config.name}.npz"


def tubular_settings(spacing: float) -> dict[str, Any]:
    """Return the uncalibrated inference settings of a vessel model, scaled to its spacing.

    Args:
        spacing: Pixel spacing of the automaton in thousandths of the diameter of the field of view.
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
            image_weight=IMAGE_WEIGHT,
        )
    )
    return values | values.pop("limits")


def _command(config: Config) -> str:
    """Return the command that trains the weights; ``all`` covers neither external networks nor a previous stage."""
    return "automaton" if config.predictions.train or config.automaton.start else "all"


def recard(path: Path, **changes: Any) -> None:
    """Update fields of a model card; the weights are unchanged.

    Args:
        path: Weights (``.npz``), with the card next to them.
        changes: New values of fields of :class:`rncarefine.nca.card.ModelCard`.
    """
    model = load_model(path)
    save_model(Model(replace(model.card, **changes), model.parameters), path.parent)
