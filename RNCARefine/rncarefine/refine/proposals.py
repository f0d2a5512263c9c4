"""Proposals: walls by the automaton for broken slices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..anatomy.heart import Heart
from ..nca.architecture import Architecture
from ..nca.model import Model
from ..nca.neighbours import link
from ..nca.rollout import PATIENCE, Encoding, Runner
from ..progress import Progress, subrange
from ..stack import Mask, Stack
from ..tasks.ring.readout import read_wall
from .confidence import expected_dice
from .locate import ImageEvidence, locate_heart_in_images
from .views import Field, Inputs, channels_first, encode_closer, likelihood_of, own_dice, shows_heart

MIN_MASK_AGREEMENT = 0.65
"""All masks of a stack are disregarded if their median expected Dice under the evidence without masks is lower."""
TRUST_MARGIN = 0.02
"""The mask of a slice is disregarded if the expected Dice without it is higher by more than this."""


@dataclass(frozen=True, eq=False)
class Proposals:
    """Proposals of the automaton, on the stack's grid.

    Attributes:
        walls: Closed rings by slice, read from the mean of the automaton's state and the encoder's evidence, with masks
            (and blood pool) and without them as weighted on the card; slices without a ring are missing.
        likelihood: Wall probability by the automaton, averaged over the runs, shape ``(j, i)``, by slice.
        support: Wall probability by the mean of the automaton's state and the evidence without masks, to compare the
            given wall with others; like ``likelihood``.
        one_pass: Rings read from the encoder's evidence with masks, without a rollout.
        disregarded: Slices whose mask was disregarded because it contradicts the images.
        steps: Largest number of steps of a slice.
        snapshots: Supervised channels of the first run, by step and slice, shape ``(fields, j, i)``.
    """

    walls: dict[int, Mask]
    likelihood: dict[int, Field]
    support: dict[int, Field]
    one_pass: dict[int, Mask]
    disregarded: frozenset[int]
    steps: int = 0
    snapshots: dict[int, dict[int, Field]] = field(default_factory=dict)


def propose(
    evidence: ImageEvidence,
    stack: Stack,
    wanted: Sequence[int],
    runner: Runner,
    model: Model,
    *,
    seed: int = 0,
    samples: int = 1,
    steps: int | None = None,
    snapshots: Sequence[int] = (),
    progress: Progress | None = None,
) -> Proposals:
    """Roll out the automaton on the wanted slices; a volumetric one on all slices from base to apex.

    Args:
        evidence: Result of :func:`locate_heart_in_images`.
        stack: The stack, without components away from the heart.
        wanted: Slices to propose a wall for.
        runner: Runner of the automaton.
        model: Weights and card.
        seed: Random seed of the first run; run s uses ``seed + s``.
        samples: Number of runs with different seeds to average.
        steps: Maximum number of steps; ``None`` takes the model's.
        snapshots: Steps at which to keep the first run's supervised channels; disables early stopping.
        progress: Called after every step; may cancel.

    Raises:
        Cancelled: ``progress`` requested cancellation.
    """
    wanted = sorted(wanted)
    result = Proposals({}, {}, {}, {}, frozenset())
    if not wanted:
        return result
    architecture = runner.architecture
    inputs = Inputs.with_masks(evidence.view, stack)
    rolled = _from_base_to_apex(stack, wanted) if architecture.volumetric else list(wanted)
    given = runner.encode(inputs.channels(rolled))
    trusted = _masks_agree(inputs, evidence.encoding)
    disregarded = frozenset(
        k
        for row, k in enumerate(rolled)
        if not trusted or _better_without_mask(given.evidence[row], evidence.encoding.evidence[k])
    )
    chosen = runner.combine(
        [(evidence.encoding, k) if k in disregarded else (given, row) for row, k in enumerate(rolled)]
    )
    weight = model.card.mask_weight
    seen = {row: k for row, k in enumerate(rolled) if weight and k in wanted and k not in disregarded}
    with_masks = {}
    if seen:
        closer = Inputs.with_masks(evidence.closer, stack)
        fields = encode_closer(
            evidence.view, evidence.closer, closer, [*seen.values()], given.evidence[list(seen)], runner
        )
        with_masks = dict(zip(seen, fields, strict=True))
    links = None
    if architecture.volumetric:
        one = np.zeros(len(rolled), np.int64)
        links = link(one, np.array(rolled), np.full(len(rolled), stack.spacing[0]))
    mean = np.zeros((len(rolled), architecture.fields, *evidence.view.crop.size), np.float32)
    most = 0
    for number in range(samples):
        ended = runner.roll(
            chosen,
            np.array(rolled),
            steps=model.card.steps if steps is None else steps,
            fire_rate=model.card.fire_rate,
            seed=seed + number,
            links=links,
            patience=None if snapshots else PATIENCE,
            snapshots=snapshots if number == 0 else (),
            progress=subrange(progress, number / samples, (number + 1) / samples),
        )
        mean += ended.state[..., : architecture.fields].transpose(0, 3, 1, 2) / samples
        most = max(most, int(ended.steps.max()))
        for step, states in ended.snapshots.items():
            fields = states[..., : architecture.fields].transpose(0, 3, 1, 2)
            result.snapshots[step] = {k: evidence.view.crop.put_back(fields[rolled.index(k)]) for k in wanted}
    for k in wanted:
        row = rolled.index(k)
        once = evidence.view.crop.put_back(channels_first(given.evidence[row]))
        state = evidence.view.crop.put_back(mean[row])
        # The mean is more accurate than either part; evidence without masks is left out if it has no ring.
        alone = evidence.fields[k] if k in evidence.walls else state
        shown = with_masks.get(row, alone)
        together = np.asarray((state + weight * shown + (1 - weight) * alone) / 2, np.float32)
        result.likelihood[k] = likelihood_of(state)
        # Evidence with masks follows the given wall, so it does not decide whether that is kept.
        result.support[k] = likelihood_of(np.float32(0.5) * (state + alone))
        for walls, fields in ((result.walls, together), (result.one_pass, once)):
            wall = read_wall(fields)
            if wall is not None:
                walls[k] = wall
    return replace(result, disregarded=disregarded & set(wanted), steps=most)


def propose_around(
    stack: Stack,
    heart: Heart,
    wanted: Sequence[int],
    model: Model,
    *,
    device: str = "auto",
    seed: int = 0,
    steps: int | None = None,
    snapshots: Sequence[int] = (),
) -> Proposals:
    """Propose walls around a known heart, for experiments and figures; see :func:`propose`.

    Args:
        stack: The stack, without components away from the heart.
        heart: Long axis of the heart.
        wanted: Slices to propose a wall for.
        model: Weights and card.
        device: See :func:`rncarefine.nca.rollout.choose_device`.
        seed: Random seed.
        steps: Maximum number of steps; ``None`` takes the model's.
        snapshots: Steps at which to keep the supervised channels.
    """
    runner = Runner(model.parameters, Architecture.of(model.card.shapes), device)
    evidence = locate_heart_in_images(stack, [heart], runner, model)
    return propose(evidence, stack, wanted, runner, model, seed=seed, steps=steps, snapshots=snapshots)


def _masks_agree(inputs: Inputs, encoding: Encoding) -> bool:
    """Return whether the masks of a stack agree, in the median, with the evidence from the images alone."""
    agreement = [
        expected_dice(inputs.walls[k] > 0.5, likelihood_of(channels_first(fields)))
        for k, fields in enumerate(encoding.evidence)
        if shows_heart(fields) and inputs.walls[k].any()
    ]
    return not agreement or float(np.median(agreement)) >= MIN_MASK_AGREEMENT


def _better_without_mask(with_mask: Field, without_mask: Field) -> bool:
    return own_dice(without_mask) > own_dice(with_mask) + TRUST_MARGIN


def _from_base_to_apex(stack: Stack, wanted: Sequence[int]) -> list[int]:
    """Return the range of slices with wall or wanted, extended by one slice at either end."""
    known = [*wanted, *np.flatnonzero(stack.mask.any(axis=(1, 2)))]
    return list(range(max(0, min(known) - 1), min(len(stack.mask), max(known) + 2)))
