"""Links between the slices of a batch: the slices below and above, and their weights."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .architecture import neighbour_weight as weight_at


class Links(NamedTuple):
    """Adjacent slices in a batch of n slices; each array has shape ``(n,)``.

    Attributes:
        below: Index of the slice below, n without one.
        above: Index of the slice above, n without one.
        neighbour_weight: float32, see :func:`rncarefine.nca.architecture.neighbour_weight`.
    """

    below: NDArray[np.int64]
    above: NDArray[np.int64]
    neighbour_weight: NDArray[np.float32]


def link(stack: NDArray[np.int64], k: NDArray[np.int64], distance_mm: NDArray[np.float64]) -> Links:
    """Link adjacent slices of a batch.

    Args:
        stack: Stack index of each slice, shape ``(n,)``.
        k: Slice number of each slice, shape ``(n,)``.
        distance_mm: Slice spacing of its stack, shape ``(n,)``.
    """
    places = {(int(owner), int(number)): index for index, (owner, number) in enumerate(zip(stack, k, strict=True))}
    missing = len(places)
    near = np.array([weight_at(float(mm)) for mm in distance_mm], np.float32)

    def shifted(step: int) -> NDArray[np.int64]:
        found = (places.get((int(owner), int(number) + step), missing) for owner, number in zip(stack, k, strict=True))
        return np.fromiter(found, np.int64, len(k))

    return Links(shifted(-1), shifted(1), near)
