"""Checks of label maps: no myocardium, no ring, right and left ventricle swapped."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rncarefine.anatomy.topology import betti_2d, holes
from rncarefine.refine.metrics import dice

from ..cases import MYOCARDIUM
from .labels import CASE_LABELS, Labels


class TruthCheck:
    """Collects the truth of all cases and checks at the end whether the labels can be what they are called."""

    def __init__(self, labels: Labels) -> None:
        self.labels = labels
        self.voxels: Counter[int] = Counter()
        self.enclosed: Counter[int] = Counter()
        self.outside: Counter[int] = Counter()
        self.cases = self.slices = self.rings = 0

    def add(self, values: NDArray[Any]) -> None:
        """Count one truth, labels as in its file, shape ``(k, j, i)``."""
        self.cases += 1
        wall = np.isin(values, self.labels.myocardium)
        self.voxels.update(_counted(values))
        for piece, drawn in zip(values, wall, strict=True):
            self.slices += bool(drawn.any())
            if betti_2d(drawn) == (1, 1):
                self.rings += 1
                cavity = holes(drawn)[0] > 0
                self.enclosed.update(_counted(piece[cavity]))
                self.outside.update(_counted(piece[~cavity & ~drawn]))

    def validate(self) -> list[str]:
        """Return notes for the user.

        Raises:
            ValueError: The labels cannot be right; the message says how they would be.
        """
        labels, there = self.labels, ", ".join(map(str, sorted(self.voxels))) or "none"
        if not any(self.voxels[value] for value in labels.myocardium):
            raise ValueError(
                f"In none of {self.cases} cases is there a voxel of the myocardium ({labels}); the labels there are: "
                f"{there}. Say which is the myocardium: --label myocardium=N."
            )
        if not self.rings:
            raise ValueError(
                f"In none of {self.slices} slices is the myocardium ({labels}) a closed ring; the labels there are: "
                f"{there}. Is it another label (--label myocardium=N), is a part of it, such as scar, a label of its "
                "own (--label myocardium=2+4), or is the third axis of the files not that of the slices?"
            )
        if not self._encloses(labels):
            raise ValueError(self._swapped(there))
        strange = sorted(set(self.voxels) - set(labels.values))
        notes = []
        if strange:
            notes.append(f"Labels that stand for nothing and become background: {', '.join(map(str, strange))}.")
        if self.rings < 0.8 * self.slices:
            notes.append(
                f"Only {self.rings} of {self.slices} slices with myocardium are closed rings in the truth. Look at the "
                "label maps: is a part of the wall, such as scar, another label?"
            )
        return notes

    def _encloses(self, labels: Labels) -> bool:
        """Whether the closed rings enclose the pool, if there is one, and not the right ventricle, if there is one."""
        inside = [self._inside(values) for values in (labels.pool, labels.rv)]
        return inside[0] is not False and inside[1] is not True

    def _inside(self, values: Iterable[int]) -> bool | None:
        """Whether labels lie rather inside than outside of the closed rings; ``None`` where they are nowhere."""
        inside, outside = (sum(count[value] for value in values) for count in (self.enclosed, self.outside))
        return None if inside + outside == 0 else inside > outside

    def _swapped(self, there: str) -> str:
        """Say what lies where the pool should be."""
        labels = self.labels
        within = [value for value in sorted(self.voxels) if self._inside((value,)) and value not in labels.myocardium]
        remedy = f"--label myocardium={_joined(labels.myocardium)}"
        if not within:
            return (
                f"The pool ({labels}) is not enclosed by the myocardium: in the {self.rings} slices with a closed ring "
                f"it lies outside, and no other label inside. Leave it out: {remedy}"
            )
        remedy += f" --label pool={_joined(within)}"
        without = [value for value in (*labels.rv, *labels.pool) if value not in within and self.voxels[value]]
        if without:
            remedy += f" --label rv={_joined(without)}"
        return (
            f"The pool ({labels}) is not enclosed by the myocardium: in the {self.rings} slices with a closed ring, "
            f"label {_joined(within)} lies inside. Are right and left ventricle swapped? The labels there are: "
            f"{there}. Try {remedy}"
        )


class PredictionCheck:
    """Collects one network's segmentations with the truth and checks at the end whether its labels can be right."""

    def __init__(self, network: str, labels: Labels) -> None:
        self.network, self.labels = network, labels
        self.on_truth: dict[int, Counter[int]] = defaultdict(Counter)
        self.voxels: Counter[int] = Counter()
        self.dices: list[float] = []

    def add(self, values: NDArray[Any], truth: NDArray[np.uint8]) -> None:
        """Count one segmentation, labels as in its file, beside the labels of the case. Shapes ``(k, j, i)``."""
        self.voxels.update(_counted(values))
        for value in _counted(values):
            self.on_truth[value].update(_counted(truth[values == value]))
        self.dices.append(dice(np.isin(values, self.labels.myocardium), truth == MYOCARDIUM))

    @property
    def dice(self) -> float:
        """The mean Dice of the myocardium over the cases."""
        return float(np.mean(self.dices))

    def validate(self) -> None:
        """Compare what the labels are called with what they lie on.

        Raises:
            ValueError: They cannot be right; the message says how they would be.
        """
        there = ", ".join(map(str, sorted(self.voxels))) or "none"
        if not any(self.voxels[value] for value in self.labels.myocardium):
            raise ValueError(
                f"In none of {len(self.dices)} segmentations of {self.network} is there a voxel of the myocardium "
                f"({self.labels}); the labels there are: {there}. "
                f"Say which it is: --prediction-label {self.network}:myocardium=N."
            )
        truth = {number for counts in self.on_truth.values() for number in counts}
        for structure, number in CASE_LABELS.items():
            lies_on: Counter[int] = Counter()
            for value in self.labels.of(structure):
                lies_on.update(self.on_truth[value])
            if number in truth and lies_on and lies_on.most_common(1)[0][0] != number:
                meant = " ".join(
                    f"--prediction-label {self.network}:{name}={_joined(values)}"
                    for name, values in self._lying_on().items()
                )
                other = next(name for name, found in CASE_LABELS.items() if found == lies_on.most_common(1)[0][0])
                raise ValueError(
                    f"{self.network}'s {structure} ({self.labels}) lies on the {other} of the truth. Its labels seem "
                    f"to be other ones than those of the truth: {meant}"
                )
        if not truth:
            raise ValueError(
                f"{self.network}'s segmentations lie nowhere on the truth, in {len(self.dices)} cases. Are they of "
                "these images? Is one of the two mirrored or turned?"
            )

    def _lying_on(self) -> dict[str, list[int]]:
        """Return the labels that lie mostly on each structure of the truth."""
        found: dict[str, list[int]] = {}
        for value, counts in sorted(self.on_truth.items()):
            if counts:
                number = counts.most_common(1)[0][0]
                name = next(name for name, label in CASE_LABELS.items() if label == number)
                found.setdefault(name, []).append(value)
        return dict(sorted(found.items()))


def _counted(values: NDArray[Any]) -> dict[int, int]:
    """Count the labels above 0."""
    found, counts = np.unique(values, return_counts=True)
    return {int(value): int(count) for value, count in zip(found, counts, strict=True) if value != 0}


def _joined(values: Iterable[int]) -> str:
    return "+".join(map(str, values))
