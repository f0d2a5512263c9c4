"""Compare our automata with the published recipe, on the same pictures, with the seconds that each took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import torch
from numpy.typing import NDArray

from rncarefine_training.evaluate.statistics import Interval, mean

from .published import PUBLISHED, PublishedAutomaton, roll_out_literally, seed_state
from .published_fit import STEPS_OF_A_STATE_KEPT
from .synthetic import SCORES, Triplets, score

Field = NDArray[np.float32]
Repair = Callable[[Field, Field], tuple[Field, NDArray[np.bool_]]]
TIMED = 24
"""Pictures that a repair is timed on, one at a time; the median counts."""
INPUT = "input"


@dataclass(frozen=True, eq=False)
class Method:
    """One way to repair, trained.

    Attributes:
        name: What it is called in tables and pictures.
        repair: From images and damaged masks, both ``(n, j, i)``, to soft outputs and masks.
        parameters: How many it has.
        updates: Updates that it was trained for.
        seconds: Seconds of one processor that this took.
    """

    name: str
    repair: Repair
    parameters: int = 0
    updates: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class Comparison:
    """Results of all methods on the same pictures.

    Attributes:
        rows: One row a method and picture, with :data:`experiments.synthetic.SCORES`.
        table: One row a method, means with 95 % intervals: bootstrap over pictures, Wilson for ``ring``.
        masks: Masks by method, shape ``(n, j, i)``.
    """

    rows: pd.DataFrame
    table: pd.DataFrame
    masks: dict[str, NDArray[np.bool_]]


def unrepaired(images: Field, states: Field) -> tuple[Field, NDArray[np.bool_]]:
    """Return damaged masks as they are."""
    return states, states > 0.5


def compare(methods: list[Method], triplets: Triplets) -> Comparison:
    """Repair all pictures with all methods, on one thread.

    Args:
        methods: What to compare.
        triplets: Pictures that nothing was trained on.
    """
    parts, lines, masks = [], [], {}
    with one_thread():
        for method in methods:
            soft, masks[method.name] = method.repair(triplets.images, triplets.states)
            part = score(soft, masks[method.name], triplets.labels)
            lines.append({"method": method.name, **_summary(part), **_costs(method, triplets)})
            parts.append(part.assign(method=method.name, picture=np.arange(len(part))))
    return Comparison(pd.concat(parts, ignore_index=True), pd.DataFrame(lines), masks)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let PyTorch compute on one thread, for seconds that can be compared."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@dataclass(frozen=True)
class Literally:
    """Seconds of one processor that the released code's own arithmetic takes, all cells, channels and steps.

    Attributes:
        update: Of one update of the training.
        picture: Of the repair of one picture.
    """

    update: float
    picture: float

    @property
    def training(self) -> float:
        """Of the whole recipe: update times updates."""
        return self.update * PUBLISHED.updates


def time_literally(triplets: Triplets) -> Literally:
    """Measure one update and one repair of the recipe as it is written; takes about half a minute.

    An update's batch is done in parts of two, whose gradients add up to the same: it would fill several GB.
    """
    model, batch = PublishedAutomaton(0), triplets[slice(0, PUBLISHED.batch)]
    state = seed_state(torch.from_numpy(batch.states))
    image, target = torch.from_numpy(batch.images), torch.from_numpy(batch.labels)
    with one_thread():
        start = time.process_time()
        for part in (slice(first, first + 2) for first in range(0, len(batch), 2)):
            count = len(image[part])
            # All steps are computed, whichever of them the loss is taken at.
            kept = torch.rand(PUBLISHED.steps, count, *image.shape[1:]) >= PUBLISHED.dropout
            ended = roll_out_literally(model, state[part], image[part], torch.full((count,), PUBLISHED.steps), kept)
            (ended[:, 1] - target[part]).square().mean().backward()
        middle = time.process_time()
        with torch.no_grad():
            roll_out_literally(model, state[:1], image[:1], torch.tensor([STEPS_OF_A_STATE_KEPT]))
        return Literally(middle - start, time.process_time() - middle)


def _summary(part: pd.DataFrame) -> dict[str, float]:
    values: dict[str, float] = {"n": len(part)}
    for name in SCORES:
        if name == "ring":
            rings = Interval(int(part[name].sum()), len(part))
            values |= dict(zip((name, f"{name} low", f"{name} high"), (rings.share, *rings.bounds), strict=True))
        else:
            values |= mean(part[name], np.arange(len(part)).astype(str)).columns(name)
    return values


def _costs(method: Method, triplets: Triplets) -> dict[str, float]:
    seconds = []
    for n in range(min(TIMED, len(triplets))):
        one = triplets[slice(n, n + 1)]
        start = time.process_time()
        method.repair(one.images, one.states)
        seconds.append(time.process_time() - start)
    return {
        "parameters": method.parameters,
        "updates": method.updates,
        "training s": method.seconds,
        "ms per picture": 1000 * float(np.median(seconds)),
    }
