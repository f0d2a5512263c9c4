"""Completion of stacks with an inner contour only, with an encoder that returns the image as the outer disc."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import ndimage

from rncarefine.anatomy.topology import betti_2d
from rncarefine.nca.architecture import CHANNELS, EPICARDIUM
from rncarefine_training.automaton import completion
from rncarefine_training.automaton.completion import complete_outer_contours, lacks_outer_contours
from rncarefine_training.data.cases import MYOCARDIUM, POOL, TrainingCase
from training.toy_data import toy_case

SEEN = []


class ImageAsDisc:
    """Returns the image as the outer disc; remembers the channels."""

    def __init__(self, *_):
        pass

    def encode(self, channels):
        SEEN.append(channels)
        evidence = np.zeros((*channels.shape[:3], 3), np.float32)
        evidence[..., EPICARDIUM] = channels[..., CHANNELS.index("image")]
        return SimpleNamespace(evidence=evidence)


@pytest.fixture
def complete(monkeypatch):
    SEEN.clear()
    monkeypatch.setattr(completion, "Runner", ImageAsDisc)
    monkeypatch.setattr(completion.Architecture, "of", lambda shapes: None)
    monkeypatch.setattr(completion, "scale_intensities", lambda images: images)
    model = SimpleNamespace(parameters={}, card=SimpleNamespace(shapes={}, spacing_mm=1.6))
    return lambda case: complete_outer_contours(case, model)


def seen_as(outer, pool) -> TrainingCase:
    """Return a case whose image is the probability of the outer disc."""
    case = toy_case("ENDO-a")
    return replace(case, image=outer.astype(np.float32), labels=(pool * POOL).astype(np.uint8))


def lopsided():
    """Return outer discs and cavities that no rotation and no reflection maps to themselves."""
    labels = toy_case("a").labels
    pool = labels == POOL
    outer = (labels == POOL) | (labels == MYOCARDIUM)
    outer[:, 44:52, 38:48] |= outer.any(axis=(1, 2))[:, None, None]
    return outer, pool


def test_the_wall_lies_between_the_given_cavity_and_the_outer_disc(complete):
    outer, pool = lopsided()
    found = complete(seen_as(outer, pool)).labels
    assert np.array_equal(found == POOL, pool)
    for k in range(3):
        true, wall = outer[k] & ~pool[k], found[k] == MYOCARDIUM
        assert betti_2d(wall.astype(np.uint8)) == (1, 1)
        assert 2 * (wall & true).sum() / (wall.sum() + true.sum()) > 0.95
    assert not found[3].any()


def test_a_completed_case_is_marked_and_completed_again_from_its_cavity(complete, tmp_path):
    outer, pool = lopsided()
    case = seen_as(outer, pool)
    assert lacks_outer_contours(case)
    done = complete(case)
    assert done.completed
    assert not case.completed
    assert lacks_outer_contours(done)
    assert not lacks_outer_contours(toy_case("a"))
    assert not lacks_outer_contours(replace(case, labels=np.zeros_like(case.labels)))
    read = TrainingCase.load(done.save(tmp_path))
    assert read.completed
    assert np.array_equal(complete(read).labels, done.labels)
    moved = replace(done, image=np.zeros_like(done.image))
    for k in range(3):
        # Without a disc in the image, a wall of one pixel is left.
        ring = ndimage.binary_dilation(pool[k], np.ones((3, 3))) & ~pool[k]
        assert np.array_equal(complete(moved).labels[k] == MYOCARDIUM, ring)


def test_spikes_of_the_outer_disc_are_cut_off(complete):
    outer, pool = lopsided()
    spiked = outer.copy()
    spiked[0, 34:37, :20] = True
    assert np.array_equal(complete(seen_as(spiked, pool)).labels[0, :, :15], np.zeros((72, 15)))
    assert np.array_equal(complete(seen_as(spiked, pool)).labels[1], complete(seen_as(outer, pool)).labels[1])


def test_every_orientation_is_seen_with_cavity_and_without_wall(complete):
    outer, pool = lopsided()
    complete(seen_as(outer, pool))
    images = [channels[0, ..., CHANNELS.index("image")] for channels in SEEN]
    assert len(images) == 8
    assert all(not np.array_equal(one, other) for n, one in enumerate(images) for other in images[:n])
    for channels in SEEN:
        assert not channels[..., [CHANNELS.index(name) for name in ("mask", "mask below", "mask above")]].any()
        # The cavity lies inside the disc in every orientation.
        inside = channels[..., CHANNELS.index("pool")] > 0.9
        assert inside.any()
        assert (channels[..., CHANNELS.index("image")][inside] > 0.5).all()


def test_slices_with_an_unsure_outer_contour_are_not_completed(complete):
    outer, pool = lopsided()
    blurred = outer.astype(np.float32)
    blurred[1] = ndimage.gaussian_filter(blurred[1], 6)
    found = complete(seen_as(blurred, pool)).labels
    assert np.array_equal(found[1] == POOL, pool[1])
    assert not (found[1] == MYOCARDIUM).any()
    assert (found[0] == MYOCARDIUM).any()


def test_a_cavity_beyond_the_disc_still_has_a_wall_around_it(complete):
    outer, pool = lopsided()
    pool[0] = ndimage.binary_dilation(pool[0], iterations=8) & ~ndimage.binary_dilation(pool[0], iterations=2) | pool[0]
    pool[0] = ndimage.binary_fill_holes(pool[0])
    found = complete(seen_as(outer, pool)).labels[0]
    assert np.array_equal(found == POOL, pool[0])
    assert betti_2d((found == MYOCARDIUM).astype(np.uint8)) == (1, 1)
