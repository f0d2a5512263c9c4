"""The diagnosis on the truth of ACDC: rings, discs and open walls as people drew them.

Runs where the environment variable RNCAREFINE_ACDC names the folder of the ACDC training set (patient001 to
patient100, each with its two ``*_gt.nii.gz``). The data may not be shipped (CC BY-NC-SA 4.0).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from engine.shapes import damage
from rncarefine.anatomy.topology import betti_2d
from rncarefine.reasons import ReasonCode
from rncarefine.refine.locate import CENTRAL_MM, MIN_OUTLINE_MM2
from rncarefine.tasks.ring.diagnosis import diagnose_mask
from rncarefine.words import Apex, Expectation, Finding

FOLDER = os.environ.get("RNCAREFINE_ACDC", "")
MYOCARDIUM, POOL = 2, 3
RING, DISC, OPEN, EMPTY = "ring", "disc", "open", "empty"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not FOLDER, reason="RNCAREFINE_ACDC does not name the folder of the ACDC training set"),
]


@dataclass(frozen=True)
class Truth:
    """One labelled volume, and what its slices are by their labels alone."""

    name: str
    labels: np.ndarray
    spacing: tuple[float, float, float]
    kinds: list[str]

    def diagnosed(self, with_pool, flipped=False, **options):
        """Diagnose the volume, or its mirror image from apex to base with the slices numbered as in the file."""
        labels = self.labels[::-1] if flipped else self.labels
        return diagnose_mask(labels == MYOCARDIUM, labels == POOL if with_pool else None, self.spacing, **options)


def kind(labels):
    wall = labels == MYOCARDIUM
    if not wall.any():
        return EMPTY
    if betti_2d(wall) == (1, 1):
        return RING
    return OPEN if (labels == POOL).any() else DISC


@pytest.fixture(scope="module")
def volumes():
    shown = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)  # "unexpected scales in sform"; the spacing read is right
    found = []
    for path in sorted(Path(FOLDER).glob("patient*/patient*_gt.nii.gz")):
        image = sitk.ReadImage(str(path))
        labels, spacing = sitk.GetArrayFromImage(image), image.GetSpacing()[::-1]
        found.append(Truth(path.name[:18], labels, spacing, [kind(labels[k]) for k in range(len(labels))]))
    sitk.ProcessObject.SetGlobalWarningDisplay(shown)
    assert len(found) == 200, f"{FOLDER} has {len(found)} labelled volumes, the ACDC training set has 200."
    kinds = [each for truth in found for each in truth.kinds]
    assert [kinds.count(each) for each in (RING, DISC, OPEN, EMPTY)] == [1801, 20, 7, 74]
    return found


@pytest.mark.parametrize("flipped", [False, True], ids=["base first", "apex first"])
@pytest.mark.parametrize("with_pool", [False, True], ids=["without pool", "with pool"])
def test_nothing_that_people_drew_is_sent_to_repair(volumes, with_pool, flipped):
    rings = open_walls = 0
    for truth in volumes:
        kinds = truth.kinds[::-1] if flipped else truth.kinds
        for entry in truth.diagnosed(with_pool, flipped).slices:
            place = f"{truth.name}, slice {entry.k}: {entry}"
            if kinds[entry.k] == RING:
                rings += entry.finding is Finding.RING and entry.right
            elif kinds[entry.k] == DISC:
                assert (entry.finding, entry.expectation) == (Finding.DISC, Expectation.DISC), place
            elif kinds[entry.k] == OPEN:
                assert entry.expectation is Expectation.OPEN, place
                assert entry.finding in (Finding.OPEN, Finding.FRAGMENTED), place
                open_walls += entry.finding is Finding.OPEN and entry.right
            else:
                assert (entry.finding, entry.expectation) == (Finding.EMPTY, Expectation.EMPTY), place
    assert rings == 1801
    assert open_walls == 5  # the other two are in pieces: flagged, not closed


@pytest.mark.parametrize("with_pool", [False, True], ids=["without pool", "with pool"])
def test_close_base_expects_basal_rings(volumes, with_pool):
    for truth in volumes:
        for entry in truth.diagnosed(with_pool, close_base=True).slices:
            expected = {
                RING: Expectation.RING,
                OPEN: Expectation.RING,
                DISC: Expectation.DISC,
                EMPTY: Expectation.EMPTY,
            }
            assert entry.expectation is expected[truth.kinds[entry.k]], f"{truth.name}, slice {entry.k}: {entry}"
            assert entry.right is (truth.kinds[entry.k] != OPEN)


def test_apex_is_found_in_all_volumes_but_one(volumes):
    wrong = [truth.name for truth in volumes if truth.diagnosed(False).apex is not Apex.LAST]
    assert wrong == ["patient047_frame09"]
    flipped = [truth.name for truth in volumes if truth.diagnosed(False, flipped=True).apex is not Apex.FIRST]
    assert flipped == wrong


def test_the_apex_is_found_in_nearly_all_volumes_after_heavy_damage(volumes):
    rng = np.random.default_rng(0)
    right = 0
    for truth in volumes:
        broken = damage((truth.labels == MYOCARDIUM).astype(np.uint8), rng)
        right += diagnose_mask(broken, None, truth.spacing).apex is Apex.LAST
    assert right >= 190


@pytest.mark.parametrize("with_pool", [False, True], ids=["without pool", "with pool"])
def test_a_crack_in_a_ring_that_people_drew_is_found(volumes, with_pool):
    rng = np.random.default_rng(0)
    cracks = found = 0
    for truth in volumes[::4]:
        for k in np.flatnonzero([each == RING for each in truth.kinds])[2:]:
            labels = truth.labels.copy()
            row, column = (round(float(np.mean(axis))) for axis in np.nonzero(labels[k] == POOL))
            cut = (slice(None, row + 1), column) if rng.random() < 0.5 else (row, slice(column, None))
            labels[k][cut] = np.where(labels[k][cut] == MYOCARDIUM, 0, labels[k][cut])
            assert betti_2d(labels[k] == MYOCARDIUM)[1] == 0
            cracks += 1
            masks = labels == MYOCARDIUM, labels == POOL if with_pool else None
            entry = diagnose_mask(*masks, truth.spacing).slices[k]
            found += entry.expectation is Expectation.RING and not entry.right
    assert found == cracks == 369


def test_few_apical_caps_are_long(volumes):
    """Check :data:`rncarefine.tasks.ring.expectation.MAX_CAP_MM` on ACDC."""
    flagged = {
        truth.name
        for truth in volumes
        for entry in truth.diagnosed(True).slices
        if ReasonCode.LONG_CAP in [reason.code for reason in entry.reasons]
    }
    assert flagged == {"patient028_frame09", "patient032_frame12"}


def test_no_slice_of_the_images_is_nearly_blank(volumes):
    """Check :data:`rncarefine.refine.examine.BLANK` on ACDC."""
    least = []
    for truth in volumes:
        path = Path(FOLDER) / truth.name.partition("_")[0] / f"{truth.name}.nii.gz"
        spread = sitk.GetArrayFromImage(sitk.ReadImage(str(path))).std(axis=(1, 2))
        least.append((spread / np.median(spread)).min())
    assert min(least) == pytest.approx(0.63, abs=0.01)


def test_where_hearts_lie_and_how_large_they_are(volumes):
    """Check the constants of :mod:`rncarefine.refine.locate` on ACDC."""
    away, areas = [], []
    for truth in volumes:
        filled = np.isin(truth.labels, (MYOCARDIUM, POOL))
        middle = [int(share * (len(filled) - 1)) for share in (0.25, 0.4, 0.55, 0.7)]
        in_plane = np.array(truth.spacing[1:])
        centres = [np.argwhere(filled[k]).mean(axis=0) for k in middle if filled[k].any()]
        centre = (np.array(filled.shape[1:]) - 1) / 2
        away.append(np.hypot(*((np.median(centres, axis=0) - centre) * in_plane)))
        areas.append(np.median([filled[k].sum() for k in middle]) * in_plane.prod())
    assert np.mean(np.array(away) <= CENTRAL_MM) == pytest.approx(0.9, abs=0.03)
    assert np.mean(np.array(areas) >= MIN_OUTLINE_MM2) == pytest.approx(0.95, abs=0.01)
