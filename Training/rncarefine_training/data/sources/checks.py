"""Plausibility checks of label maps: missing myocardium, no closed ring, swapped ventricles."""

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
    """Accumulate the truth of all cases, and check whether the label mapping is plausible."""

    def __init__(self, labels: Labels) -> None:
        self.labels = labels
        self.voxels: Counter[int] = Counter()
        self.enclosed: Counter[int] = Counter()
        self.outside: Counter[int] = Counter()
        self.cases = self.slices = self.rings = 0

    def add(self, values: NDArray[Any]) -> None:
        """Add one truth, with the labels of its file, shape ``(k, j, i)``."""
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
        """Return warnings for the user.

        Raises:
            ValueError: The mapping is implausible; the message suggests a correction.
        """
        labels, there = self.labels, ", ".join(map(str, sorted(self.voxels))) or "none"
        if not any(self.voxels[value] for value in labels.myocardium):
            raise ValueError(
                f"None of {self.cases} cases has voxels of the myocardium ({labels}); labels found: {there}. Define "
                "the myocardium: --label myocardium=N."
            )
        if not self.rings:
            raise ValueError(
                f"In none of {self.slices} slices is the myocardium ({labels}) a closed ring; labels found: {there}. "
                "Is it another label (--label myocardium=N), does a part of it, such as scar, have a separate label "
                "(--label myocardium=2+4), or is the third axis of the files not the slice axis?"
            )
        if not self._encloses(labels):
            raise ValueError(self._swapped(there))
        unknown = sorted(set(self.voxels) - set(labels.values))
        notes = []
        if unknown:
            notes.append(f"Unknown labels become background: {', '.join(map(str, unknown))}.")
        if self.rings < 0.8 * self.slices:
            notes.append(
                f"Only {self.rings} of {self.slices} slices with myocardium are closed rings in the truth. Check "
                "the label maps: does a part of the wall, such as scar, have a separate label?"
            )
        return notes

    def _encloses(self, labels: Labels) -> bool:
        """Return whether the closed rings enclose the pool and not the right ventricle; missing labels are ignored."""
        inside = [self._inside(values) for values in (labels.pool, labels.rv)]
        return inside[0] is not False and inside[1] is not True

    def _inside(self, values: Iterable[int]) -> bool | None:
        """Return whether labels lie mostly inside the closed rings; ``None`` if there are no voxels."""
        inside, outside = (sum(count[value] for value in values) for count in (self.enclosed, self.outside))
        return None if inside + outside == 0 else inside > outside

    def _swapped(self, there: str) -> str:
        """Return an error message with the labels that lie inside the rings."""
        labels = self.labels
        enclosed = [value for value in sorted(self.voxels) if self._inside((value,)) and value not in labels.myocardium]
        remedy = f"--label myocardium={_joined(labels.myocardium)}"
        if not enclosed:
            return (
                f"The pool ({labels}) is not enclosed by the myocardium: in the {self.rings} slices with a closed ring "
                f"it lies outside, and no other label lies inside. Omit it: {remedy}"
            )
        remedy += f" --label pool={_joined(enclosed)}"
        others = [value for value in (*labels.rv, *labels.pool) if value not in enclosed and self.voxels[value]]
        if others:
            remedy += f" --label rv={_joined(others)}"
        return (
            f"The pool ({labels}) is not enclosed by the myocardium: in the {self.rings} slices with a closed ring, "
            f"label {_joined(enclosed)} lies inside. Are right and left ventricle swapped? Labels found: {there}. "
            f"Try {remedy}"
        )


class PredictionCheck:
    """Accumulate the segmentations of one network with the truth, and check whether its labels are plausible."""

    def __init__(self, network: str, labels: Labels) -> None:
        self.network, self.labels = network, labels
        self.on_truth: dict[int, Counter[int]] = defaultdict(Counter)
        self.voxels: Counter[int] = Counter()
        self.dices: list[float] = []

    def add(self, values: NDArray[Any], truth: NDArray[np.uint8]) -> None:
        """Add one segmentation, with the labels of its file, and the labels of the case. Shapes ``(k, j, i)``."""
        self.voxels.update(_counted(values))
        for value in _counted(values):
            self.on_truth[value].update(_counted(truth[values == value]))
        self.dices.append(dice(np.isin(values, self.labels.myocardium), truth == MYOCARDIUM))

    @property
    def dice(self) -> float:
        """Mean Dice of the myocardium over the cases."""
        return float(np.mean(self.dices))

    def validate(self) -> None:
        """Compare the label mapping with the overlap with the truth.

        Raises:
            ValueError: The mapping is implausible; the message suggests a correction.
        """
        there = ", ".join(map(str, sorted(self.voxels))) or "none"
        if not any(self.voxels[value] for value in self.labels.myocardium):
            raise ValueError(
                f"None of {len(self.dices)} segmentations of {self.network} has voxels of the myocardium "
                f"({self.labels}); labels found: {there}. Define it: --prediction-label {self.network}:myocardium=N."
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
                    f"{self.network}'s {structure} ({self.labels}) lies on the {other} of the truth. Its labels "
                    f"seem to differ from those of the truth: {meant}"
                )
        if not truth:
            raise ValueError(
                f"{self.network}'s segmentations do not overlap the truth in any of {len(self.dices)} cases. Do they "
                "belong to these images? Is one of the two mirrored or rotated?"
            )

    def _lying_on(self) -> dict[str, list[int]]:
        """Return, by structure of the truth, the labels that overlap it most."""
        found: dict[str, list[int]] = {}
        for value, counts in sorted(self.on_truth.items()):
            if counts:
                number = counts.most_common(1)[0][0]
                name = next(name for name, label in CASE_LABELS.items() if label == number)
                found.setdefault(name, []).append(value)
        return dict(sorted(found.items()))


def _counted(values: NDArray[Any]) -> dict[int, int]:
    """Return the number of voxels of every label above 0."""
    found, counts = np.unique(values, return_counts=True)
    return {int(value): int(count) for value, count in zip(found, counts, strict=True) if value != 0}


def _joined(values: Iterable[int]) -> str:
    return "+".join(map(str, values))
