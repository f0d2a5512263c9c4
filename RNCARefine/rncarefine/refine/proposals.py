"""Proposals: the walls that the automaton and geometry suggest for slices that are not what they should be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..anatomy.topology import fill_holes, largest_component
from ..nca.architecture import ENDOCARDIUM, EPICARDIUM, RING, Architecture
from ..nca.channels import intensity_range, planes, seed_state
from ..nca.crop import Frame, fit_frame
from ..nca.model import Model
from ..nca.neighbours import link
from ..nca.rollout import PATIENCE, rollout
from ..progress import Progress, subrange
from ..stack import Mask, Stack
from ..tasks.ring.diagnosis import cavity
from ..tasks.ring.interpolation import polar_interpolation
from ..tasks.ring.readout import is_ring, read_wall
from ..words import Expectation


@dataclass(frozen=True, eq=False)
class AutomatonProposals:
    """What the automaton suggests.

    Attributes:
        walls: A wall on the original grid by slice; slices in which it found none are missing.
        likelihood: The automaton's own estimate of where the wall is, 0 to 1, mean of all samples, by slice.
        backend: "numpy" or "torch".
        device: The device that was used.
        steps: Most steps that a slice took.
        notes: What a person should know about the run.
        looks: Supervised channels of the first sample on the original grid, by step and slice, shape ``(3, j, i)``.
    """

    walls: dict[int, Mask]
    likelihood: dict[int, NDArray[np.float32]]
    backend: str
    device: str
    steps: int
    notes: list[str] = field(default_factory=list)
    looks: dict[int, dict[int, NDArray[np.float32]]] = field(default_factory=dict)


def ask_automaton(
    stack: Stack,
    wanted: list[int],
    model: Model,
    *,
    device: str = "auto",
    seed: int = 0,
    samples: int = 1,
    steps: int | None = None,
    looks: Sequence[int] = (),
    progress: Progress | None = None,
) -> AutomatonProposals:
    """Roll the automaton out on some slices of a stack; a volumetric one on all slices from base to apex.

    Args:
        stack: The stack.
        wanted: Slices to propose a wall for; the others only inform as neighbours.
        model: Weights and card.
        device: See :func:`rncarefine.nca.rollout.choose_device`.
        seed: Seed of the first sample; sample s uses ``seed + s``.
        samples: Rollouts with different seeds; their mean is read.
        steps: Most steps of a rollout; ``None`` takes the model's.
        looks: Steps after which to keep what the first sample's supervised channels are; nothing stops early then.
        progress: Told after every step; may cancel.

    Raises:
        ValueError: The device is not there, or the weights are not an automaton's.
        Cancelled: ``progress`` asked to stop.
    """
    architecture = Architecture.of(model.card.shapes)
    heart = stack.mask if stack.pool is None else stack.mask | stack.pool
    frame = fit_frame(heart, stack.in_plane, model.card.spacing_mm, architecture.stride)
    rolled = _from_base_to_apex(stack, wanted) if architecture.volumetric else wanted
    seen, start = _conditions(stack, rolled, frame, model, architecture)
    links = None
    if architecture.volumetric:
        one = np.zeros(len(rolled), np.int64)
        links = link(one, np.array(rolled), np.full(len(rolled), stack.spacing[0]))
    mean = np.zeros((len(rolled), 3, *frame.size), np.float32)
    most_steps = 0
    notes: list[str] = []
    for sample in range(samples):
        ended = rollout(
            model.parameters,
            architecture,
            seen,
            start,
            np.array(rolled),
            steps=steps or model.card.steps,
            fire_rate=model.card.fire_rate,
            seed=seed + sample,
            device=device,
            links=links,
            patience=None if looks else PATIENCE,
            looks=looks if sample == 0 else (),
            progress=subrange(progress, sample / samples, (sample + 1) / samples),
        )
        mean += ended.state[..., [RING, EPICARDIUM, ENDOCARDIUM]].transpose(0, 3, 1, 2) / samples
        most_steps = max(most_steps, int(ended.steps.max()))
        notes += [note for note in ended.notes if note not in notes]
        if looks and sample == 0:
            seen_on_the_way = ended.looks
    result = AutomatonProposals({}, {}, ended.backend, ended.device, most_steps, notes)
    for step in looks:
        fields = seen_on_the_way[step].transpose(0, 3, 1, 2)
        result.looks[step] = {k: frame.put_back(fields[rolled.index(k)]) for k in wanted}
    for k in wanted:
        native = frame.put_back(mean[rolled.index(k)])
        wall = read_wall(native)
        result.likelihood[k] = np.clip((native[RING] + native[EPICARDIUM] - native[ENDOCARDIUM]) / 2, 0, 1)
        if wall is not None:
            result.walls[k] = wall
    return result


def _from_base_to_apex(stack: Stack, wanted: list[int]) -> list[int]:
    """Return the slices that show wall or are wanted, those between them, and one beyond either end."""
    known = [*wanted, *np.flatnonzero(stack.mask.any(axis=(1, 2)))]
    return list(range(max(0, min(known) - 1), min(len(stack.mask), max(known) + 2)))


def _conditions(
    stack: Stack, rolled: list[int], frame: Frame, model: Model, architecture: Architecture
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return planes and seed states of some slices, shapes ``(n, j, i, planes)`` and ``(n, j, i, channels)``."""
    near = sorted({n for k in rolled for n in (k - 1, k, k + 1) if 0 <= n < len(stack.mask)})
    walls = dict(zip(near, frame.take(stack.mask[near]), strict=True))
    # Of all slices, as in training: what is repaired beside a slice must not change how it looks.
    framed = frame.take(stack.image, outside="nearest")
    low, high = intensity_range(framed)
    images = framed[rolled]
    nothing = np.zeros(frame.size, np.float32)
    pools = np.zeros_like(images) if stack.pool is None else frame.take(stack.pool[rolled])
    seen = [
        planes(
            (image - low) / (high - low),
            walls[k],
            walls.get(k - 1, nothing),
            walls.get(k + 1, nothing),
            pool,
            model.card.spacing_mm,
            stack.spacing[0] if architecture.volumetric else None,
        )
        for k, image, pool in zip(rolled, images, pools, strict=True)
    ]
    return np.stack(seen), np.stack([seed_state(walls[k], architecture.channels) for k in rolled])


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
