"""Views of a stack: input channels of the encoder, its evidence in two views, and the likelihood."""

from __future__ import annotations

import numpy as np
import pytest

from engine.toy_proposals import SLICES, crop_about, heart_of, proposed, random_model
from engine.toy_stacks import broken_stack
from rncarefine.nca.architecture import CHANNELS
from rncarefine.nca.channels import scale_intensities
from rncarefine.refine.views import CLOSER, likelihood_of


def test_input_channels_of_the_encoder(recorded):
    stack = broken_stack()
    proposed(stack, wanted=[0, 5])
    crop = crop_about(tuple(np.median(heart_of(stack).centres, axis=0)))
    images = scale_intensities(crop.take(stack.image, outside="nearest"))
    walls, pools = crop.take(stack.mask), crop.take(stack.pool)
    alone, _, given = recorded[0].encoded
    nothing = np.zeros_like(walls[0])
    for encoded, slices, masked, pooled in (
        (alone, SLICES, False, False),
        (given, (0, 5), True, True),
    ):
        assert len(encoded) == len(slices)
        for channels, k in zip(encoded, slices, strict=True):
            below, above = (other if 0 <= other < 9 else None for other in (k - 1, k + 1))
            expected = {"image": images[k], "mask": walls[k], "pool": pools[k]}
            for name, values in (("image", images), ("mask", walls)):
                expected[f"{name} below"] = nothing if below is None else values[below]
                expected[f"{name} above"] = nothing if above is None else values[above]
            for number, name in enumerate(CHANNELS):
                hidden = (not masked and not name.startswith("image")) or (name == "pool" and not pooled)
                np.testing.assert_allclose(channels[..., number], nothing if hidden else expected[name], atol=1e-6)
    np.testing.assert_array_equal(recorded[0].rolled[0]["k"], [0, 5])


def test_evidence_is_the_mean_over_two_views(recorded):
    stack = broken_stack()
    found = proposed(stack, wanted=[], model=random_model())
    crop, closer = found.view.crop, found.closer.crop
    assert closer.middle == pytest.approx(crop.middle)
    assert (closer.size, closer.spacing_mm) == (crop.size, CLOSER * crop.spacing_mm)
    np.testing.assert_array_equal(found.closer.images, scale_intensities(closer.take(stack.image, "nearest")))
    turned = recorded[0].encoded[-1]
    np.testing.assert_array_equal(turned[..., 0], found.closer.images.transpose(0, 2, 1)[:, ::-1])
    assert not turned[..., 3:].any()
    near = found.runner.encode(turned).evidence[:, ::-1].transpose(0, 3, 2, 1)
    far = crop.put_back(np.moveaxis(found.encoding.evidence[2], -1, 0))
    inside = closer.put_back(np.ones((1, *closer.size), np.float32))[0] > 0
    assert 0 < inside.sum() < inside.size
    np.testing.assert_allclose(found.fields[2], np.where(inside, closer.put_back(near[2]), far), atol=1e-6)
    assert np.abs(found.fields[2] - far).max() > 0.01
    np.testing.assert_allclose(found.image_likelihood[2], likelihood_of((far + found.fields[2]) / 2), atol=1e-6)


def test_likelihood_of_ring_and_discs():
    fields = np.array([0.8, 0.9, 0.1], np.float32)[:, None, None] * np.ones((3, 2, 2), np.float32)
    np.testing.assert_allclose(likelihood_of(fields), 0.8)
    assert (likelihood_of(3 * fields) == 1).all()
    assert (likelihood_of(-fields) == 0).all()
