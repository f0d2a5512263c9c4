"""The configuration: what is wrong in it is said before anything runs, with the name of the field."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rncarefine_training
from rncarefine_training.config import Config
from rncarefine_training.samples import FRAME_PIXELS
from training.toy_data import description, toy_config, write_config

SHIPPED = Path(rncarefine_training.__file__).parent / "configs"


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_committed_configuration_is_valid_and_keeps_the_test_subjects_apart(path):
    config = Config.load(path)
    assert config.name == path.stem
    assert config.subjects.test == [f"patient{number:03d}" for number in range(81, 101)]
    assert config.subjects.develop == [f"patient{number:03d}" for number in range(1, 81)]
    kinds = config.base.networks.values()
    assert sum(not kind.unseen for kind in kinds) >= 2
    assert any(kind.unseen for kind in kinds)
    assert config.automaton.channels >= 16


def test_a_configuration_comes_back_from_its_file(tmp_path):
    assert Config.load(write_config(tmp_path / "toy.yaml")) == toy_config()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"seed": "soon"}, "seed"),
        ({"sed": 1}, "sed"),
        ({"subjects": 5}, "subjects"),
        ({"subjects__test": 5}, "subjects.test"),
        ({"subjects__select_every": 1}, "subjects.select_every"),
        ({"subjects__develop": {"pattern": "p{}", "first": 1}}, "subjects"),
        ({"base__batch": 0}, "base.batch"),
        ({"base__crop": 72}, "base.crop"),
        ({"base__networks__small__architecture": "vnet"}, "base.networks.small.architecture"),
        ({"base__networks__small__snapshots": [0.5, 1.5]}, "base.networks.small.snapshots.1"),
        ({"base__networks__small__snapshots": [1.0, 0.5]}, "base.networks.small"),
        ({"base__networks__small__snapshots": [0.0, 1.0]}, "base.networks.small"),
        ({"base__networks__small__snapshots": []}, "base.networks.small"),
        ({"base__networks__small__chanels": [4]}, "base.networks.small.chanels"),
        ({"automaton__spacing_mm": 0}, "automaton.spacing_mm"),
        ({"automaton__fire_rate": 0}, "automaton.fire_rate"),
        ({"automaton__natural": 1.2}, "automaton.natural"),
        ({"automaton__channels": 2}, "automaton.channels"),
        ({"automaton__size": 44}, "automaton.size"),
        ({"automaton__size": 120}, "automaton.size"),
        ({"automaton__size": 56, "automaton__encoder": [4, 4, 4, 4, 4]}, "size 56 is not a multiple of 16"),
        ({"automaton__encoder": []}, "automaton"),
        ({"automaton__train_steps": [5, 3]}, "train_steps"),
        ({"automaton__validate_every": 7}, "validate_every 7 is more than all 6 updates"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_field(tmp_path, changes, field):
    with pytest.raises(ValueError, match=rf"^toy\.yaml: .*{field}"):
        Config.load(write_config(tmp_path / "toy.yaml", **changes))


@pytest.mark.parametrize("field", ["name", "seed", "subjects", "base", "licence"])
def test_a_missing_field_is_named(tmp_path, field):
    values = description()
    del values[field]
    path = tmp_path / "toy.yaml"
    path.write_text(str(values))  # plain Python values are YAML, too
    with pytest.raises(ValueError, match=rf"toy\.yaml: {field}: Field required"):
        Config.load(path)


@pytest.mark.parametrize("text", ["", "a: [1", "just words", "- 1\n- 2"])
def test_a_file_that_is_no_configuration_is_one_clear_error(tmp_path, text):
    path = tmp_path / "toy.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"toy\.yaml"):
        Config.load(path)


def test_a_subject_is_never_developed_with_and_tested_on():
    with pytest.raises(ValueError, match="subjects in both develop and test: b, d"):
        toy_config(subjects__develop=["a", "b", "c", "d"], subjects__test=["d", "e", "b"])


def test_a_range_of_subjects_is_written_out():
    config = toy_config(subjects__develop={"pattern": "patient{:03d}", "first": 9, "last": 11})
    assert config.subjects.develop == ["patient009", "patient010", "patient011"]


@given(st.integers(1, 60), st.integers(2, 9))
def test_selecting_and_training_subjects_share_nobody_and_miss_nobody(count, every):
    names = [f"s{number}" for number in range(count)]
    subjects = toy_config(subjects__develop=names, subjects__select_every=every).subjects
    assert sorted(subjects.train + subjects.select) == sorted(names)
    assert not set(subjects.train) & set(subjects.select)
    assert len(subjects.select) == count // every
    assert subjects.train


def test_a_sample_is_never_larger_than_what_is_kept_of_a_slice():
    assert toy_config(automaton__size=FRAME_PIXELS).automaton.size == FRAME_PIXELS


def test_a_configuration_cannot_be_changed_while_it_runs():
    with pytest.raises(ValueError, match="frozen"):
        toy_config().automaton.steps = 5
