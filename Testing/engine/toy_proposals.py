"""Proposals for the drawn heart, with a record of what the encoder and the automaton were given."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from engine.shapes import SPACING, heart
from engine.toy_models import SMALL, random_parameters, seeing_model, toy_model
from engine.toy_stacks import broken_stack
from rncarefine.anatomy.heart import Heart, locate_heart
from rncarefine.nca.architecture import Architecture
from rncarefine.nca.crop import crop_around
from rncarefine.nca.rollout import Runner
from rncarefine.refine.locate import locate_heart_in_images
from rncarefine.refine.proposals import propose

TRUTH, POOLS = heart()
SLICES, RINGS = range(9), range(8)
"""Slice 8 of the drawn heart is a solid disc."""


def random_model(**card):
    return toy_model(random_parameters(SMALL, update=0.3), SMALL, **card)


def heart_of(stack):
    return locate_heart(stack.mask, stack.pool, stack.in_plane)


def proposed(stack=None, wanted=(2, 5), model=None, at=None, device="numpy", **options):
    """Locate the heart in the images and propose walls, by default for both broken slices.

    Returns the results of :func:`locate_heart_in_images` (its walls are ``image_walls``) and :func:`propose` together.
    """
    stack = broken_stack() if stack is None else stack
    model = seeing_model() if model is None else model
    runner = Recorded(model.parameters, Architecture.of(model.card.shapes), device)
    hearts = at if isinstance(at, list) else [at or heart_of(stack)]
    evidence = locate_heart_in_images(stack, hearts, runner, model)
    found = propose(evidence, stack, wanted, runner, model, **options)
    return SimpleNamespace(
        **{**vars(evidence), "image_walls": evidence.walls, "doubt": evidence.doubt, **vars(found), "runner": runner}
    )


class Recorded(Runner):
    """Records what it was asked for."""

    made: list[Recorded] = []  # noqa: RUF012

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.encoded, self.rolled = [], []
        self.made.append(self)

    def encode(self, channels):
        self.encoded.append(channels.copy())
        return super().encode(channels)

    def roll(self, encoding, k, **options):
        self.rolled.append({"channels": encoding.channels, "k": k, **options})
        return super().roll(encoding, k, **options)


def crop_about(middle, shape=TRUTH.shape[1:]):
    return crop_around(middle, (80, 80), 1.6, SPACING, shape)


def beside(mm):
    """Return a candidate at this distance from the heart."""
    there = heart_of(broken_stack())
    return Heart(there.centres + np.array([mm / SPACING[0], 0]), there.radius_mm)
