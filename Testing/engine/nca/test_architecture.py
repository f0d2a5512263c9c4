"""The shape of an automaton: parameters follow from it, and tell it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rncarefine.nca.architecture import ENDOCARDIUM, EPICARDIUM, PLANES, RING, Architecture

architectures = st.builds(
    Architecture,
    channels=st.integers(3, 20),
    hidden=st.integers(1, 60),
    encoder=st.lists(st.integers(1, 30), min_size=1, max_size=5).map(tuple),
    planes=st.integers(1, 9),
)


def test_the_parameters_of_a_small_automaton_are_these():
    assert Architecture(channels=4, hidden=6, encoder=(2, 3)).shapes() == {
        "down0a.weight": (2, 8, 3, 3),
        "down0a.bias": (2,),
        "down0b.weight": (2, 2, 3, 3),
        "down0b.bias": (2,),
        "down1a.weight": (3, 2, 3, 3),
        "down1a.bias": (3,),
        "down1b.weight": (3, 3, 3, 3),
        "down1b.bias": (3,),
        "up0.weight": (2, 5, 3, 3),
        "up0.bias": (2,),
        "condition.weight": (6, 2),
        "condition.bias": (6,),
        "perceive.weight": (6, 4, 3, 3),
        "update.weight": (4, 6),
    }


def test_the_shipped_size_has_sixteen_channels_and_stays_small():
    architecture = Architecture()
    assert architecture.channels >= 16
    assert sum(int(np.prod(shape)) for shape in architecture.shapes().values()) < 300_000


def test_ring_and_discs_come_first():
    assert (RING, EPICARDIUM, ENDOCARDIUM) == (0, 1, 2)


def test_the_planes_keep_their_order():
    # Weights know planes by their place alone.
    assert PLANES == ("image", "mask", "distance", "radius", "annulus", "below", "above", "pool")


@pytest.mark.parametrize(("encoder", "stride"), [((4,), 1), ((4, 4), 2), ((24, 32, 48, 64), 8)])
def test_every_further_level_of_the_encoder_doubles_the_stride(encoder, stride):
    assert Architecture(encoder=encoder).stride == stride


@given(architectures)
def test_the_shapes_tell_the_architecture(architecture):
    assert Architecture.of(architecture.shapes()) == architecture


@given(architectures, st.data())
def test_a_missing_parameter_is_an_error_that_names_it(architecture, data):
    shapes = architecture.shapes()
    missing = data.draw(st.sampled_from(sorted(shapes)))
    del shapes[missing]
    with pytest.raises(ValueError, match="not the parameters of an automaton"):
        Architecture.of(shapes)


@given(architectures, st.data())
def test_a_parameter_of_another_shape_is_an_error(architecture, data):
    shapes = architecture.shapes()
    name = data.draw(st.sampled_from(sorted(shapes)))
    shapes[name] = (*shapes[name], 2)
    with pytest.raises(ValueError, match="not the parameters of an automaton"):
        Architecture.of(shapes)


def test_a_parameter_too_many_is_an_error_that_names_it():
    shapes = {**Architecture().shapes(), "gate.weight": (3, 3)}
    with pytest.raises(ValueError, match=r"gate\.weight"):
        Architecture.of(shapes)


def test_no_parameters_at_all_are_an_error():
    with pytest.raises(ValueError, match="not the parameters of an automaton"):
        Architecture.of({})
