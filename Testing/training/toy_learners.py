"""Learners without a trainer, and batches of made-up samples for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from rncarefine.nca.architecture import CHANNELS, MASK
from rncarefine_training.automaton.learner import AutomatonLearner
from rncarefine_training.automaton.samples import Sample
from training.toy_data import toy_config


def learner(seed: int = 0, **changes: Any) -> AutomatonLearner:
    """Return a learner whose update is not zero, so that its rollouts do something."""
    made = quiet(AutomatonLearner(toy_config().automaton.model_copy(update=changes), seed))
    with torch.no_grad():
        made.weights["update_weight"].normal_(0, 0.1, generator=torch.Generator().manual_seed(seed))
    return made


def quiet(made: AutomatonLearner) -> AutomatonLearner:
    """Discard what a learner logs: it has no trainer."""
    made.log = made.log_dict = lambda *arguments, **keywords: None  # type: ignore[method-assign]
    return made


def same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    """Whether two sets of weights are equal."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def batch(n: int = 3, side: int = 16, seed: int = 0, depth: int = 1) -> Sample:
    """Return a batch of n made-up samples."""
    draws = torch.Generator().manual_seed(seed)
    channels = torch.rand(n, depth, len(CHANNELS), side, side, generator=draws)
    channels[:, :, MASK:] = (channels[:, :, MASK:] > 0.5).float()
    return Sample(
        channels,
        (torch.rand(n, depth, 3, side, side, generator=draws) > 0.7).float(),
        torch.ones(n, depth, 3),
        torch.rand(n, generator=draws),
    )


def parameters_of(made: AutomatonLearner) -> dict[str, Tensor]:
    """Return a learner's plain weights."""
    return {name: value.detach() for name, value in made.parameters_for_use().items()}
