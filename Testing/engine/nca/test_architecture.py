"""The sizes of an automaton: the parameters follow from them, and they follow from the parameters."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rncarefine.nca.architecture import (
    CHANNELS,
    ENDOCARDIUM,
    EPICARDIUM,
    MASK,
    PICTURE_CHANNELS,
    RING,
    Architecture,
    neighbour_weight,
)

architectures = st.builds(
    Architecture,
    channels=st.integers(5, 20),
    hidden=st.integers(1, 60),
    encoder=st.lists(st.integers(1, 30), min_size=1, max_size=5).map(tuple),
    inputs=st.integers(1, 9),
    fields=st.integers(1, 3),
    volumetric=st.booleans(),
)


def test_the_parameters_of_a_small_automaton():
    assert Architecture(channels=5, hidden=6, encoder=(2, 3)).shapes() == {
        "down0a.weight": (2, 7, 3, 3),
        "down0a.scale": (2,),
        "down0a.shift": (2,),
        "down0b.weight": (2, 2, 3, 3),
        "down0b.scale": (2,),
        "down0b.shift": (2,),
        "down1a.weight": (3, 2, 3, 3),
        "down1a.scale": (3,),
        "down1a.shift": (3,),
        "down1b.weight": (3, 3, 3, 3),
        "down1b.scale": (3,),
        "down1b.shift": (3,),
        "up0a.weight": (2, 5, 3, 3),
        "up0a.scale": (2,),
        "up0a.shift": (2,),
        "up0b.weight": (2, 2, 3, 3),
        "up0b.scale": (2,),
        "up0b.shift": (2,),
        "evidence.weight": (3, 2),
        "evidence.bias": (3,),
        "condition.weight": (6, 5),
        "condition.bias": (6,),
        "perceive.weight": (6, 5, 3, 3),
        "update.weight": (5, 6),
    }


def test_shapes_of_volumetric_and_single_field():
    shapes = Architecture(channels=5, hidden=6, encoder=(2,), fields=1, volumetric=True).shapes()
    assert shapes["across.weight"] == (6, 5)
    assert (shapes["evidence.weight"], shapes["condition.weight"]) == ((1, 2), (6, 3))


def test_the_shipped_size():
    architecture = Architecture()
    assert (architecture.channels, architecture.fields, architecture.inputs) == (16, 3, len(CHANNELS))
    assert architecture.stride == 16
    count = sum(int(np.prod(shape)) for shape in architecture.shapes().values())
    assert count == 1_549_683


def test_the_channels_keep_their_order():
    # Weights know channels and fields by their place alone.
    assert (RING, EPICARDIUM, ENDOCARDIUM) == (0, 1, 2)
    assert CHANNELS == ("image", "image below", "image above", "mask", "mask below", "mask above", "pool")
    assert MASK == Architecture().mask == 3
    assert PICTURE_CHANNELS == ("image", "mask", "field of view")
    assert Architecture(inputs=3, fields=1).mask == 1


@pytest.mark.parametrize(("spacing_mm", "expected"), [(2, 1), (5, 1), (10, 0.5), (20, 0.25)])
def test_neighbours_weigh_less_the_further_away_they_are(spacing_mm, expected):
    assert neighbour_weight(spacing_mm) == expected


@given(architectures)
def test_the_architecture_follows_from_the_shapes(architecture):
    assert Architecture.of(architecture.shapes()) == architecture


@given(architectures, st.data())
def test_a_missing_parameter_is_an_error(architecture, data):
    shapes = architecture.shapes()
    del shapes[data.draw(st.sampled_from(sorted(shapes)))]
    if "across.weight" in architecture.shapes() and "across.weight" not in shapes:
        assert not Architecture.of(shapes).volumetric
        return
    with pytest.raises(ValueError):
        Architecture.of(shapes)


@given(architectures, st.data())
def test_a_parameter_of_another_shape_is_an_error(architecture, data):
    shapes = architecture.shapes()
    name = data.draw(st.sampled_from(sorted(shapes)))
    shapes[name] = (*shapes[name], 2)
    with pytest.raises(ValueError):
        Architecture.of(shapes)


def test_the_error_names_the_parameter():
    shapes = Architecture().shapes()
    with pytest.raises(ValueError, match=r"gate\.weight"):
        Architecture.of({**shapes, "gate.weight": (3, 3)})
    with pytest.raises(ValueError, match=r"up1b\.shift"):
        Architecture.of({**shapes, "up1b.shift": (7,)})
    with pytest.raises(ValueError, match=r"update\.weight"):
        Architecture.of({})
