"""The shipped weights give the walls of the sample that they gave when they were shipped.

A change of the code that is meant to change nothing must not change these numbers. They are pixel counts, not a hash of
the mask: processors round differently, and a pixel on the edge of the wall may flip. Where weights or decisions are
meant to change, print the new numbers and put them here::

    python Testing/engine/refine/test_sample_result.py
"""

from __future__ import annotations

import numpy as np
import pytest

from rncarefine.io.choice import StructureChoice
from rncarefine.io.files import read_case
from rncarefine.io.sample import MYOCARDIUM, sample_files
from rncarefine.nca.model import available_models, load_model
from rncarefine.refine.options import RepairOptions
from rncarefine.refine.repair import repair
from rncarefine.tasks.task import RING, task_of_model

TOLERANCE = 5
"""Pixels by which a count may differ on another processor."""

EXPECTED: dict[str, list[tuple[int, int, int, str]]] = {
    "sax-any-2d": [
        (1153, 134, 342, "AUTOMATON"),
        (1173, 87, 351, "AUTOMATON"),
        (1162, 135, 1447, "AUTOMATON"),
        (1072, 91, 809, "AUTOMATON"),
        (921, 144, 435, "AUTOMATON"),
        (891, 108, 503, "AUTOMATON"),
        (723, 206, 505, "AUTOMATON"),
        (610, 191, 212, "AUTOMATON"),
        (466, 213, 901, "AUTOMATON"),
    ],
    "sax-cine-2d": [
        (1157, 148, 352, "AUTOMATON"),
        (1207, 131, 361, "AUTOMATON"),
        (1160, 161, 1475, "AUTOMATON"),
        (1069, 99, 820, "AUTOMATON"),
        (922, 138, 428, "AUTOMATON"),
        (886, 103, 503, "AUTOMATON"),
        (716, 207, 513, "AUTOMATON"),
        (594, 194, 231, "AUTOMATON"),
        (453, 218, 919, "AUTOMATON"),
    ],
    "sax-cine-3d": [
        (1161, 143, 343, "AUTOMATON"),
        (1175, 80, 342, "AUTOMATON"),
        (1131, 95, 1438, "AUTOMATON"),
        (1056, 74, 808, "AUTOMATON"),
        (883, 0, 329, "CLEANED"),
        (858, 0, 428, "CLEANED"),
        (730, 175, 467, "AUTOMATON"),
        (607, 144, 168, "AUTOMATON"),
        (441, 171, 884, "AUTOMATON"),
    ],
    "sax-open-2d": [
        (1075, 91, 377, "AUTOMATON"),
        (1133, 117, 421, "AUTOMATON"),
        (1068, 144, 1550, "AUTOMATON"),
        (1005, 89, 874, "AUTOMATON"),
        (861, 149, 500, "AUTOMATON"),
        (804, 89, 571, "AUTOMATON"),
        (662, 191, 551, "AUTOMATON"),
        (565, 170, 236, "AUTOMATON"),
        (438, 205, 921, "AUTOMATON"),
    ],
}
"""Pixels of the wall, pixels added and removed, and the verdict; for each slice, by the name of the weights."""


def repaired(name):
    files = sample_files()
    case = read_case(files.image, files.broken, StructureChoice(segment=MYOCARDIUM))
    return repair(case.stack, load_model(name), RepairOptions(device="numpy", seed=0))


def counts(result):
    sums = [np.asarray(mask, bool).sum(axis=(1, 2)) for mask in (result.wall, result.added, result.removed)]
    verdicts = [record.verdict.name for record in result.report.slices]
    return [(int(w), int(a), int(r), v) for w, a, r, v in zip(*sums, verdicts, strict=True)]


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_the_shipped_weights_repair_the_sample_as_before(name):
    found = counts(repaired(name))
    assert [line[3] for line in found] == [line[3] for line in EXPECTED[name]]
    np.testing.assert_allclose([line[:3] for line in found], [line[:3] for line in EXPECTED[name]], atol=TOLERANCE)


def test_every_shipped_model_has_its_numbers():
    assert sorted(EXPECTED) == sorted(card.name for card in available_models() if task_of_model(card) is RING)


if __name__ == "__main__":
    for card in available_models():
        if task_of_model(card) is RING:
            print(f'"{card.name}": {counts(repaired(card.name))},')
