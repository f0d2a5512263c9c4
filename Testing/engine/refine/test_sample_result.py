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
        (1133, 121, 349, "AUTOMATON"),
        (1151, 78, 364, "AUTOMATON"),
        (1166, 151, 1459, "AUTOMATON"),
        (1082, 100, 808, "AUTOMATON"),
        (936, 162, 438, "AUTOMATON"),
        (896, 128, 518, "AUTOMATON"),
        (736, 212, 498, "AUTOMATON"),
        (622, 188, 197, "AUTOMATON"),
        (457, 207, 904, "AUTOMATON"),
    ],
    "sax-cine-2d": [
        (1129, 123, 355, "AUTOMATON"),
        (1193, 124, 368, "AUTOMATON"),
        (1142, 158, 1490, "AUTOMATON"),
        (1064, 100, 826, "AUTOMATON"),
        (924, 157, 445, "AUTOMATON"),
        (896, 122, 512, "AUTOMATON"),
        (719, 210, 513, "AUTOMATON"),
        (608, 201, 224, "AUTOMATON"),
        (452, 220, 922, "AUTOMATON"),
    ],
    "sax-cine-3d": [
        (1140, 126, 347, "AUTOMATON"),
        (1181, 86, 342, "AUTOMATON"),
        (1134, 110, 1450, "AUTOMATON"),
        (1064, 80, 806, "AUTOMATON"),
        (937, 133, 408, "AUTOMATON"),
        (858, 0, 428, "CLEANED"),
        (741, 188, 469, "AUTOMATON"),
        (622, 160, 169, "AUTOMATON"),
        (430, 169, 893, "AUTOMATON"),
    ],
    "sax-open-2d": [
        (1063, 96, 394, "AUTOMATON"),
        (1121, 112, 428, "AUTOMATON"),
        (1071, 152, 1555, "AUTOMATON"),
        (1008, 93, 875, "AUTOMATON"),
        (881, 165, 496, "AUTOMATON"),
        (795, 101, 592, "AUTOMATON"),
        (634, 184, 572, "AUTOMATON"),
        (560, 181, 252, "AUTOMATON"),
        (411, 187, 930, "AUTOMATON"),
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
