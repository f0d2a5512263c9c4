"""What a person may choose about a repair."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..tasks.ring.verification import Bounds
from ..words import Apex


@dataclass(frozen=True)
class RepairOptions:
    """What a person may choose.

    Attributes:
        device: "auto", "numpy", "cpu", "cuda" or "mps".
        seed: Decides which cells fire; the same seed gives the same result everywhere.
        samples: Rollouts with different seeds that are averaged; several cost time.
        steps: Most steps of a rollout; ``None`` takes the model's.
        close_base: Expect closed rings at the base too.
        add_only: Never remove wall; only add to it.
        geometry: Try polar interpolation where neither automaton nor image gives a wall that passes.
        apex: Which end of the stack the apex lies at.
        bounds: How far a repair may go.
        trim_pool: Remove blood pool outside the closed rings.
    """

    device: str = "auto"
    seed: int = 0
    samples: int = 1
    steps: int | None = None
    close_base: bool = False
    add_only: bool = False
    geometry: bool = False
    apex: Apex = Apex.AUTO
    bounds: Bounds = field(default_factory=Bounds)
    trim_pool: bool = False

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise ValueError(f"The number of samples is {self.samples}; it must be 1 or more.")
        if self.steps is not None and self.steps < 1:
            raise ValueError(f"The number of steps is {self.steps}; it must be 1 or more.")
