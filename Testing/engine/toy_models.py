"""Small automata whose results are known beforehand, and a naive encoder and rollout to check the fast ones against."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from engine.model_samples import CARD
from rncarefine.nca.architecture import (
    CHANNELS,
    ENDOCARDIUM,
    EPICARDIUM,
    LEAK,
    MASK,
    NORM_EPSILON,
    RING,
    STATE_LIMIT,
    Architecture,
    neighbour_weight,
)
from rncarefine.nca.fire import cell_keys, fires
from rncarefine.nca.model import Model

Parameters = dict[str, NDArray[np.float32]]
Field = NDArray[np.float64]

SMALL = Architecture(channels=6, hidden=10, encoder=(5, 7))


def zero_parameters(architecture: Architecture = SMALL) -> Parameters:
    """Return weights that see nothing (evidence 0.5 everywhere) and leave every state as it is."""
    return {name: np.zeros(shape, np.float32) for name, shape in architecture.shapes().items()}


def random_parameters(architecture: Architecture = SMALL, seed: int = 0, update: float = 0.1) -> Parameters:
    """Return weights of the size that training starts from; ``update`` is how strongly the cells then change."""
    rng = np.random.default_rng(seed)
    parameters = {}
    for name, shape in architecture.shapes().items():
        small = name.endswith(("bias", "scale", "shift"))
        values = rng.normal(size=shape) * (0.1 if small else np.sqrt(2 / np.prod(shape[1:])))
        parameters[name] = (values + name.endswith("scale")).astype(np.float32)
    parameters["update.weight"] *= update
    return parameters


def random_channels(
    count: int = 3, size: tuple[int, int] = (12, 16), architecture: Architecture = SMALL, seed: int = 1
) -> NDArray[np.float32]:
    """Return what the encoder sees of a batch: noise for images, random pixels for masks."""
    channels = np.random.default_rng(seed).uniform(-0.5, 1.5, (count, *size, architecture.inputs))
    channels[..., MASK:] = channels[..., MASK:] > 0.5
    return channels.astype(np.float32)


def random_states(
    count: int = 3, size: tuple[int, int] = (12, 16), architecture: Architecture = SMALL, seed: int = 2
) -> NDArray[np.float32]:
    """Return states of a batch, all channels between 0 and 1."""
    return np.random.default_rng(seed).random((count, *size, architecture.channels)).astype(np.float32)


# An automaton that sees the wall

SEEING = Architecture(channels=4, hidden=1, encoder=(4,))
"""Sizes of :func:`seeing_parameters`."""
OUTER, INNER = 0.12, 0.58
"""Intensity above the crop's mean at the edge of background and wall, and of wall and blood.

They fit images whose background is about 0, the wall 0.5 and the blood 1, and of whose crop the heart fills a twentieth
to a third."""
STEEPNESS = 40.0
"""Logit of the evidence per unit of intensity."""
_FAINT = 1e-4
"""Kernels as weak as this leave a variance far below the epsilon of the instance normalisation, which then subtracts
the mean and scales by a constant, whatever the size of the heart in the crop."""
_UNDO = float(np.sqrt(NORM_EPSILON) / _FAINT)


def seeing_parameters(outer: float = OUTER, confused: float = 0.0, architecture: Architecture = SEEING) -> Parameters:
    """Return weights whose evidence is the wall that the image shows, and which leave every state as it is.

    The first convolution smooths the image. Every quantity is carried by two units, with either sign,
    so that the leaky ReLU loses nothing: ``x = (leaky(x) - leaky(-x)) / (1 + LEAK)``. Of the intensity x above the
    mean, the logits are STEEPNESS times ``x - outer`` for the epicardial disc, ``x - INNER`` for the endocardial disc,
    and the smaller one of ``x - outer`` and ``INNER - x`` for the ring.

    Args:
        outer: Intensity above the mean at the edge of background and wall: the lower, the thicker the wall.
        confused: How much a mask that lies on background confuses: by so much the logits rise there; 0 ignores masks.
        architecture: Sizes, at least those of :data:`SEEING`.
    """
    parameters = zero_parameters(architecture)
    first, second = parameters["down0a.weight"], parameters["down0b.weight"]
    for unit, sign in enumerate((1, -1)):
        first[unit, CHANNELS.index("image")] = sign * _FAINT * np.outer([1, 2, 1], [1, 2, 1]) / 16
        first[2 + unit, MASK, 1, 1] = sign * _FAINT
    for name in ("down0a.scale", "down0b.scale"):
        parameters[name][:4] = _UNDO
    image, mask = np.zeros((2, len(second)))
    image[:2] = mask[2:4] = np.array([1, -1]) / (1 + LEAK)
    middle = (outer + INNER) / 2
    # Units 0 and 1: x - middle and its negative. Unit 2: above 0 where the mask lies on background.
    for unit, (kernel, shift) in enumerate(((image, -middle), (-image, middle), (mask - 4 * image, -0.5))):
        second[unit, :, 1, 1] = _FAINT * kernel
        parameters["down0b.shift"][unit] = shift
    above = np.array([1, -1]) / (1 + LEAK)  # x - middle, of the leaky units
    only_above = np.array([1, LEAK]) / (1 - LEAK**2)  # the same where it is above 0, else 0
    half = (INNER - outer) / 2
    logits = {RING: (above - 2 * only_above, half), EPICARDIUM: (above, half), ENDOCARDIUM: (above, -half)}
    for channel, (weight, bias) in logits.items():
        parameters["evidence.weight"][channel, :2] = STEEPNESS * weight
        parameters["evidence.bias"][channel] = STEEPNESS * bias
    parameters["evidence.weight"][[RING, EPICARDIUM], 2] = confused
    return parameters


def spreading_parameters(architecture: Architecture = SEEING) -> Parameters:
    """Return weights whose ring channel grows from the mask along the wall that the image shows.

    The evidence is that of :func:`seeing_parameters` for the discs, and nothing for the ring. A cell between the discs
    with a neighbour that is ring or mask, itself among them, becomes ring as it fires: the ring advances by one pixel
    per step where all cells fire, and stays still once it is closed.
    """
    parameters = seeing_parameters(architecture=architecture)
    parameters["evidence.weight"][RING] = 0
    parameters["evidence.bias"][RING] = -20
    # The one hidden unit: how many neighbours are ring or mask, minus more than all of them where there is no wall.
    parameters["perceive.weight"][0, [RING, architecture.fields]] = 1
    evidence = architecture.encoder[0]
    parameters["condition.weight"][0, [evidence + EPICARDIUM, evidence + ENDOCARDIUM]] = 30, -30
    parameters["condition.bias"][0] = -30
    parameters["update.weight"][RING, 0] = 1
    return parameters


def toy_model(parameters: Parameters, architecture: Architecture, **card: object) -> Model:
    """Return a model of these weights."""
    described = replace(
        CARD,
        channels=architecture.channels,
        hidden=architecture.hidden,
        shapes=architecture.shapes(),
        parameters=sum(values.size for values in parameters.values()),
        sha256="0" * 64,
        **card,
    )
    return Model(described, parameters)


def identity_model(**card: object) -> Model:
    """Return an automaton that sees nothing and changes nothing: it proposes no wall."""
    return toy_model(zero_parameters(), SMALL, **card)


def seeing_model(outer: float = OUTER, confused: float = 0.0, **card: object) -> Model:
    """Return an automaton that proposes the wall that the image shows; see :func:`seeing_parameters`."""
    return toy_model(seeing_parameters(outer, confused), SEEING, **card)


def volumetric_seeing_model(outer: float = OUTER, across: float = 0.0, **card: object) -> Model:
    """Return a volumetric automaton that proposes what :func:`seeing_model` proposes.

    Args:
        outer: See :func:`seeing_parameters`.
        across: How much the ring rises in every step with the ring of the neighbouring slices.
    """
    architecture = replace(SEEING, volumetric=True)
    parameters = seeing_parameters(outer, architecture=architecture)
    parameters["across.weight"][0, RING] = 1
    parameters["update.weight"][RING, 0] = across
    return toy_model(parameters, architecture, mode="volumetric", **card)


# The oracle: the formulas of rncarefine.nca.architecture in the plainest way, in double precision


def naive_encode(
    parameters: Parameters, architecture: Architecture, channels: NDArray[np.float32]
) -> tuple[Field, Field]:
    """Return the constant half of the hidden layer and the evidence of one slice, shape ``(j, i, ...)``."""
    values, skips = channels.astype(np.float64), []
    levels = len(architecture.encoder)
    for level in range(levels):
        for half in "ab":
            values = _normalised(values, parameters, f"down{level}{half}")
        if level < levels - 1:
            skips.append(values)
            j, i, _ = values.shape
            values = np.array(
                [[values[y : y + 2, x : x + 2].max((0, 1)) for x in range(0, i, 2)] for y in range(0, j, 2)]
            )
    for level in reversed(range(levels - 1)):
        doubled = np.array(
            [[values[y // 2, x // 2] for x in range(2 * values.shape[1])] for y in range(2 * len(values))]
        )
        values = np.concatenate([doubled, skips[level]], -1)
        for half in "ab":
            values = _normalised(values, parameters, f"up{level}{half}")
    logits = values @ parameters["evidence.weight"].T.astype(np.float64) + parameters["evidence.bias"]
    evidence = 1 / (1 + np.exp(-logits))
    both = np.concatenate([values, evidence], -1)
    return both @ parameters["condition.weight"].T.astype(np.float64) + parameters["condition.bias"], evidence


def naive_seed(architecture: Architecture, evidence: Field, mask: NDArray[np.float32]) -> Field:
    """Return the state that the rollout of one slice starts from."""
    state = np.zeros((*mask.shape, architecture.channels))
    state[..., : architecture.fields] = evidence
    state[..., architecture.fields] = mask
    return state


def naive_step(
    parameters: Parameters, state: Field, constant: Field, fire: NDArray[np.bool_], around: Field | None = None
) -> Field:
    """Do one step of one slice; ``around`` is the weighted sum of the neighbouring slices' states."""
    perceived = _correlated(state, parameters["perceive.weight"]) + constant
    if around is not None:
        perceived = perceived + around @ parameters["across.weight"].T.astype(np.float64)
    hidden = np.maximum(perceived, 0)
    after = state + fire[..., None] * (hidden @ parameters["update.weight"].T.astype(np.float64))
    return np.clip(after, -STATE_LIMIT, STATE_LIMIT)


def naive_rollout(
    parameters: Parameters,
    architecture: Architecture,
    channels: NDArray[np.float32],
    k: NDArray[np.int64],
    *,
    steps: int,
    fire_rate: float,
    seed: int,
    spacing_mm: float | None = None,
) -> Field:
    """Return the states that the rollout of some slices of one stack ends with.

    Args:
        parameters: Weights.
        architecture: Sizes.
        channels: Shape ``(n, j, i, inputs)``.
        k: Slice index of each item.
        steps: How many.
        fire_rate: Probability that a cell fires.
        seed: Decides which cells fire.
        spacing_mm: Slice spacing, for a volumetric automaton.
    """
    encoded = [naive_encode(parameters, architecture, item) for item in channels]
    states = [
        naive_seed(architecture, evidence, item[..., MASK])
        for (_, evidence), item in zip(encoded, channels, strict=True)
    ]
    for number in range(steps):
        fire = fires(cell_keys(k, *channels.shape[1:3]), seed, number, fire_rate)
        arounds = [None] * len(states)
        if spacing_mm is not None:
            places = {int(place): state for place, state in zip(k, states, strict=True)}
            nothing = np.zeros_like(states[0])
            arounds = [
                (places.get(int(place) - 1, nothing) + places.get(int(place) + 1, nothing))
                / 2
                * neighbour_weight(spacing_mm)
                for place in k
            ]
        states = [
            naive_step(parameters, state, constant, *rest)
            for state, (constant, _), *rest in zip(states, encoded, fire, arounds, strict=True)
        ]
    return np.stack(states)


def _normalised(values: Field, parameters: Parameters, name: str) -> Field:
    """Convolve, normalise every channel over the slice, and apply the leaky ReLU."""
    convolved = _correlated(values, parameters[f"{name}.weight"])
    mean, variance = convolved.mean((0, 1)), convolved.var((0, 1))
    result = (convolved - mean) / np.sqrt(variance + NORM_EPSILON)
    result = result * parameters[f"{name}.scale"] + parameters[f"{name}.shift"]
    return np.where(result > 0, result, LEAK * result)


def _correlated(values: Field, weight: NDArray[np.float32]) -> Field:
    """Correlate with 3x3 kernels, zeros beyond the border."""
    return np.stack(
        [
            sum(
                signal.correlate2d(values[..., c], kernel[c].astype(np.float64), mode="same")
                for c in range(len(kernel))
            )
            for kernel in weight
        ],
        axis=-1,
    )
