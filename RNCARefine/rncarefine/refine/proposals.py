"""Proposals: what the encoder sees in every slice, and the walls that the automaton suggests for broken ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ..anatomy.heart import Heart
from ..anatomy.topology import fill_holes, largest_component
from ..nca.architecture import ENDOCARDIUM, EPICARDIUM, RING, Architecture
from ..nca.channels import scaled, stacked
from ..nca.crop import Crop, crop_around
from ..nca.model import Model
from ..nca.neighbours import link
from ..nca.rollout import PATIENCE, Encoding, Runner
from ..progress import Progress, subrange
from ..stack import Mask, Stack
from ..tasks.ring.diagnosis import cavity
from ..tasks.ring.interpolation import polar_interpolation
from ..tasks.ring.readout import is_ring, read_wall
from ..words import Expectation

Field = NDArray[np.float32]

RECENTRE_MM = 12.0
"""The crop is laid again where the heart that the encoder sees lies further than this from its middle."""
SEEN = 0.3
"""Least expected Dice of a slice's evidence with itself for the slice to say where the heart is."""
TRUST_MARGIN = 0.02
"""The mask is disregarded where the encoder is surer than this without it, in expected Dice."""


@dataclass(frozen=True, eq=False)
class Proposals:
    """What encoder and automaton make of a stack. Fields lie on the stack's grid.

    Attributes:
        seen: What the encoder sees from the images alone, for every slice: probability of wall, shape ``(j, i)``.
        seen_walls: The closed rings read from it; slices in which it sees none are missing.
        walls: The automaton's closed rings, by slice; slices in which it found none are missing.
        likelihood: The automaton's probability of wall, mean over the runs, shape ``(j, i)``, by slice.
        one_pass: The rings read from the encoder's evidence with the masks given, without a rollout.
        disregarded: Slices whose mask was disregarded: the encoder is surer without it.
        backend: "numpy" or "torch".
        device: The device that was used.
        steps: Most steps that a slice took.
        out_of_memory: Whether the GPU ran out of memory, so that the CPU took over.
        snapshots: Supervised channels of the first run, by step and slice, shape ``(3, j, i)``.
    """

    seen: dict[int, Field]
    seen_walls: dict[int, Mask]
    walls: dict[int, Mask]
    likelihood: dict[int, Field]
    one_pass: dict[int, Mask]
    disregarded: frozenset[int]
    backend: str
    device: str
    steps: int
    out_of_memory: bool
    snapshots: dict[int, dict[int, Field]] = field(default_factory=dict)


def propose(
    stack: Stack,
    heart: Heart,
    wanted: Sequence[int],
    model: Model,
    *,
    device: str = "auto",
    seed: int = 0,
    samples: int = 1,
    steps: int | None = None,
    snapshots: Sequence[int] = (),
    progress: Progress | None = None,
) -> Proposals:
    """Encode every slice of a stack, and roll the automaton out on some; a volumetric one from base to apex.

    Args:
        stack: The stack, without what lies away from the heart.
        heart: Where its axis is.
        wanted: Slices to propose a wall for.
        model: Weights and card.
        device: See :func:`rncarefine.nca.rollout.choose_device`.
        seed: Seed of the first run; run s uses ``seed + s``.
        samples: Rollouts with different seeds; their mean is read.
        steps: Most steps of a rollout; ``None`` takes the model's.
        snapshots: Steps after which to keep the first run's supervised channels; nothing stops early then.
        progress: Called after every step; may cancel.

    Raises:
        ValueError: The device is not there, or the weights are not an automaton's.
        Cancelled: ``progress`` asked to stop.
    """
    architecture = Architecture.of(model.card.shapes)
    runner = Runner(model.parameters, architecture, device)
    inputs, alone = _encode_images(stack, heart, runner, model)
    wanted = sorted(wanted)
    rolled = _from_base_to_apex(stack, wanted) if architecture.volumetric and wanted else list(wanted)
    given = runner.encode(inputs.channels(rolled)) if rolled else None
    disregarded = frozenset(
        k for row, k in enumerate(rolled) if given is not None and _better_alone(given.evidence[row], alone.evidence[k])
    )
    result = Proposals(
        {}, {}, {}, {}, {}, disregarded & set(wanted), runner.backend, runner.device, 0, runner.out_of_memory
    )
    for k, evidence in enumerate(alone.evidence):
        native = inputs.crop.put_back(_first(evidence))
        result.seen[k] = likelihood_of(native)
        wall = read_wall(native)
        if wall is not None:
            result.seen_walls[k] = wall
    if given is None:
        return result
    links = None
    if architecture.volumetric:
        one = np.zeros(len(rolled), np.int64)
        links = link(one, np.array(rolled), np.full(len(rolled), stack.spacing[0]))
    chosen = runner.encode(inputs.channels(rolled, without=disregarded)) if disregarded else given
    mean = np.zeros((len(rolled), architecture.fields, *inputs.crop.size), np.float32)
    most = 0
    for number in range(samples):
        ended = runner.roll(
            chosen,
            np.array(rolled),
            steps=steps or model.card.steps,
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
            result.snapshots[step] = {k: inputs.crop.put_back(fields[rolled.index(k)]) for k in wanted}
    for k in wanted:
        row = rolled.index(k)
        native = inputs.crop.put_back(mean[row])
        result.likelihood[k] = likelihood_of(native)
        for walls, fields in (
            (result.walls, native),
            (result.one_pass, inputs.crop.put_back(_first(given.evidence[row]))),
        ):
            wall = read_wall(fields)
            if wall is not None:
                walls[k] = wall
    return replace(result, steps=most, backend=runner.backend, device=runner.device, out_of_memory=runner.out_of_memory)


def likelihood_of(fields: Field) -> Field:
    """Return the probability of wall from the three supervised channels, shape ``(3, j, i)``."""
    return np.asarray(np.clip((fields[RING] + fields[EPICARDIUM] - fields[ENDOCARDIUM]) / 2, 0, 1), np.float32)


def expected_dice(wall: NDArray[np.bool_], likelihood: Field) -> float:
    """Return the Dice that a wall is expected to have with the truth, if the likelihood is right."""
    total = float(likelihood.sum()) + float(wall.sum())
    return 2 * float(likelihood[wall].sum()) / total if total else 0.0


@dataclass(frozen=True, eq=False)
class _Inputs:
    """Images and masks of a stack in its crop, shape ``(k, j, i)``."""

    crop: Crop
    images: Field
    walls: Field
    pools: Field | None

    def channels(self, slices: Sequence[int], without: frozenset[int] | None = None) -> Field:
        """Return the channels of some slices; those in ``without`` get no masks."""
        hidden = without or frozenset()
        return np.stack([stacked(self.images, self.walls, self.pools, k, k not in hidden) for k in slices])


def _encode_images(stack: Stack, heart: Heart, runner: Runner, model: Model) -> tuple[_Inputs, Encoding]:
    """Lay the crop around the heart and encode the images of all slices; lay it again where the heart is off-centre."""
    shown = np.flatnonzero(stack.mask.any(axis=(1, 2)))
    middle = np.median(heart.centres[shown] if len(shown) else heart.centres, axis=0)
    everywhere = range(len(stack.mask))
    for attempt in range(2):
        inputs = _lay(stack, (float(middle[0]), float(middle[1])), model)
        alone = runner.encode(inputs.channels(everywhere, without=frozenset(everywhere)))
        moved = _centre_seen(alone.evidence, model.card.spacing_mm)
        if attempt or moved is None or float(np.hypot(*moved)) <= RECENTRE_MM:
            break
        middle = middle + moved / np.asarray(stack.in_plane)
    return inputs, alone


def _lay(stack: Stack, middle: tuple[float, float], model: Model) -> _Inputs:
    size = model.card.crop
    crop = crop_around(middle, (size, size), model.card.spacing_mm, stack.in_plane, stack.shape[1:])
    pools = None if stack.pool is None else crop.take(stack.pool)
    return _Inputs(crop, scaled(crop.take(stack.image, outside="nearest")), crop.take(stack.mask), pools)


def _centre_seen(evidence: Field, spacing_mm: float) -> NDArray[np.float64] | None:
    """Return how far the heart that is seen lies from the middle of the crop, in mm ``(j, i)``; ``None`` if none is."""
    centres, weights = [], []
    for fields in evidence:
        disc = fields[..., EPICARDIUM]
        if _own_dice(fields) >= SEEN and disc.sum() > 30:
            rows, columns = np.indices(disc.shape, sparse=True)
            centres.append([float((rows * disc).sum()), float((columns * disc).sum())] / disc.sum())
            weights.append(disc.sum())
    if not centres:
        return None
    middle = (np.asarray(evidence.shape[1:3]) - 1) / 2
    return np.asarray((np.median(centres, axis=0) - middle) * spacing_mm)


def _own_dice(fields: Field) -> float:
    """Return the Dice that the wall read from some evidence, shape ``(j, i, 3)``, is expected to have by itself."""
    likelihood = likelihood_of(_first(fields))
    return expected_dice(likelihood > 0.5, likelihood)


def _better_alone(given: Field, alone: Field) -> bool:
    return _own_dice(alone) > _own_dice(given) + TRUST_MARGIN


def _first(fields: Field) -> Field:
    """Move the channel axis to the front."""
    return np.moveaxis(fields, -1, 0)


def _from_base_to_apex(stack: Stack, wanted: Sequence[int]) -> list[int]:
    """Return the slices that show wall or are wanted, those between them, and one beyond either end."""
    known = [*wanted, *np.flatnonzero(stack.mask.any(axis=(1, 2)))]
    return list(range(max(0, min(known) - 1), min(len(stack.mask), max(known) + 2)))


def prune(near: Mask, pool: Mask | None, in_plane: tuple[float, float]) -> Mask | None:
    """Drop loose pieces and fill pores, where that alone makes a closed ring.

    Args:
        near: The wall that was there about the heart, shape ``(j, i)``.
        pool: The blood pool, or ``None``.
        in_plane: Pixel spacing in mm, ``(j, i)``.

    Returns:
        The wall, or ``None`` where it is not closed.
    """
    main = largest_component(near)
    hole = cavity(main, pool, in_plane)
    if hole is None:
        return None
    wall = np.asarray(fill_holes(main) & ~hole, np.uint8)
    return wall if is_ring(wall) else None


def ask_geometry(before: Mask, pool: Mask | None, expectation: Expectation, in_plane: tuple[float, float]) -> Mask:
    """Propose a wall for one slice by geometry alone.

    A ring is interpolated in polar coordinates, about the pool's centre where a pool was given and that closes the
    wall, else about the fitted centre; a disc is the largest piece with its holes filled.

    Args:
        before: The wall that was there, shape ``(j, i)``.
        pool: The blood pool, or ``None``.
        expectation: What the slice should be.
        in_plane: Pixel spacing in mm, ``(j, i)``.
    """
    if expectation is Expectation.DISC:
        return fill_holes(largest_component(before))
    if pool is not None and pool.any():
        rows, columns = np.nonzero(largest_component(pool))
        wall = polar_interpolation(before, in_plane, (float(rows.mean()), float(columns.mean())))
        if is_ring(wall):
            return wall
    return polar_interpolation(before, in_plane)
