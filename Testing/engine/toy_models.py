"""Small automata whose results one can tell beforehand, and a naive rollout to check the fast ones against."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from engine.model_samples import CARD
from rncarefine.nca.architecture import ENDOCARDIUM, EPICARDIUM, PLANES, RING, Architecture
from rncarefine.nca.channels import RADIUS_MM
from rncarefine.nca.model import Model

Parameters = dict[str, NDArray[np.float32]]

SMALL = Architecture(channels=6, hidden=10, encoder=(5, 7))


def zero_parameters(architecture: Architecture = SMALL) -> Parameters:
    """Return weights that leave every state as it is."""
    return {name: np.zeros(shape, np.float32) for name, shape in architecture.shapes().items()}


def random_parameters(architecture: Architecture = SMALL, seed: int = 0, update: float = 0.1) -> Parameters:
    """Return weights of the size that training starts from; ``update`` is how strongly the cells then change."""
    rng = np.random.default_rng(seed)
    parameters = {}
    for name, shape in architecture.shapes().items():
        scale = 0.1 if name.endswith("bias") else np.sqrt(2 / np.prod(shape[1:]))
        parameters[name] = (rng.normal(size=shape) * scale).astype(np.float32)
    parameters["update.weight"] *= update
    return parameters


def random_inputs(
    count: int = 3, size: tuple[int, int] = (12, 16), architecture: Architecture = SMALL, seed: int = 1
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return planes and states of a batch."""
    rng = np.random.default_rng(seed)
    planes = rng.uniform(-1, 1, (count, *size, architecture.planes)).astype(np.float32)
    state = np.zeros((count, *size, architecture.channels), np.float32)
    state[..., :3] = rng.random((count, *size, 3)) > 0.5
    return planes, state


def circle_architecture() -> Architecture:
    """Return the sizes of :func:`circle_parameters`."""
    return Architecture(channels=4, hidden=6, encoder=(4,))


def circle_parameters(half_mm: float = 4.0) -> Parameters:
    """Return weights by which every cell becomes, as it first fires, what it should be for a wall about the circle.

    The encoder turns the plane of the radius into the two discs (each as the difference of two ramps, ``clip(x, 0, 1)``
    being ``relu(x) - relu(x - 1)``); the rule moves each supervised channel to its goal.

    Args:
        half_mm: Half the thickness of the wall.
    """
    parameters = zero_parameters(circle_architecture())
    radius = PLANES.index("radius")
    steepness = RADIUS_MM  # one millimetre from 0 to 1
    for disc, edge in enumerate((half_mm, -half_mm)):
        for ramp in range(2):
            unit = 2 * disc + ramp
            parameters["down0a.weight"][unit, radius, 1, 1] = -steepness
            parameters["down0a.bias"][unit] = edge + 0.5 - ramp
            parameters["down0b.weight"][unit, unit, 1, 1] = 1
    outer, inner = np.array([1, -1, 0, 0]), np.array([0, 0, 1, -1])
    goals = {RING: outer - inner, EPICARDIUM: outer, ENDOCARDIUM: inner}
    for channel, goal in goals.items():
        for sign, unit in ((1, 2 * channel), (-1, 2 * channel + 1)):
            # relu(goal - state) raises the state, relu(state - goal) lowers it.
            parameters["condition.weight"][unit] = sign * goal
            parameters["perceive.weight"][unit, channel, 1, 1] = -sign
            parameters["update.weight"][channel, unit] = sign
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
    """Return an automaton that changes nothing."""
    return toy_model(zero_parameters(), SMALL, **card)


def circle_model(half_mm: float = 4.0, **card: object) -> Model:
    """Return an automaton that closes every wall about its circle."""
    return toy_model(circle_parameters(half_mm), circle_architecture(), **card)


def volumetric_circle_model(across: float = 0.0, **card: object) -> Model:
    """Return a volumetric automaton that does what :func:`circle_model` does.

    Args:
        across: What every unit of the hidden layer takes of every channel of the slices beside.
    """
    plain = circle_architecture()
    architecture = replace(plain, planes=plain.planes + 1, volumetric=True)
    parameters = {name: np.zeros(shape, np.float32) for name, shape in architecture.shapes().items()}
    for name, values in circle_parameters().items():
        parameters[name][tuple(slice(size) for size in values.shape)] = values
    parameters["across.weight"][:] = across
    return toy_model(parameters, architecture, mode="volumetric", **card)


def naive_condition(
    parameters: Parameters, architecture: Architecture, planes: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Compute the constant half of the hidden layer of one slice, ``(j, i, hidden)``, in the plainest way."""
    values, skips = planes.astype(np.float64), []
    levels = len(architecture.encoder)
    for level in range(levels):
        for half in "ab":
            values = _convolved(values, parameters, f"down{level}{half}")
        if level < levels - 1:
            skips.append(values)
            j, i, _ = values.shape
            values = np.array(
                [[values[y : y + 2, x : x + 2].mean((0, 1)) for x in range(0, i, 2)] for y in range(0, j, 2)]
            )
    for level in reversed(range(levels - 1)):
        doubled = np.array(
            [[values[y // 2, x // 2] for x in range(2 * values.shape[1])] for y in range(2 * len(values))]
        )
        values = _convolved(np.concatenate([doubled, skips[level]], -1), parameters, f"up{level}")
    return values @ parameters["condition.weight"].T.astype(np.float64) + parameters["condition.bias"]


def naive_step(
    parameters: Parameters,
    state: NDArray[np.float64],
    constant: NDArray[np.float64],
    fire: NDArray[np.bool_],
    around: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Do one step of one slice in the plainest way; ``around`` is what the slices beside have to say."""
    perceived = _correlated(state, parameters["perceive.weight"]) + constant
    if around is not None:
        perceived = perceived + around @ parameters["across.weight"].T.astype(np.float64)
    hidden = np.maximum(perceived, 0)
    return np.asarray(state + fire[..., None] * (hidden @ parameters["update.weight"].T.astype(np.float64)))


def _convolved(values: NDArray[np.float64], parameters: Parameters, name: str) -> NDArray[np.float64]:
    return np.maximum(_correlated(values, parameters[f"{name}.weight"]) + parameters[f"{name}.bias"], 0)


def _correlated(values: NDArray[np.float64], weight: NDArray[np.float32]) -> NDArray[np.float64]:
    planes = [
        sum(signal.correlate2d(values[..., c], kernel[c].astype(np.float64), mode="same") for c in range(len(kernel)))
        for kernel in weight
    ]
    return np.stack(planes, axis=-1)
