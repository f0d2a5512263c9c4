"""Base networks of a configuration: who is trained on whom, and what is recorded of it."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rncarefine_training
from rncarefine_training.automaton.fit import train_automaton
from rncarefine_training.config import Config
from rncarefine_training.networks.base import BaseLearner, train_member
from rncarefine_training.networks.failures import collect
from rncarefine_training.networks.members import RECORD, check_predictions, members, training_record
from training.toy_data import toy_case, toy_config, write_cases

CONFIGS = Path(rncarefine_training.__file__).parent / "configs"

# Who is trained on whom


@given(seed=st.integers(0, 1000), count=st.integers(4, 40), wanted=st.integers(1, 4), number=st.integers(1, 4))
@settings(max_examples=25)
def test_members_are_drawn_from_the_developing_subjects_alone(seed, count, wanted, number):
    config = toy_config(
        seed=seed,
        subjects__develop=[f"s{each:02d}" for each in range(count)],
        subjects__test=["t1", "t2"],
        base__networks__small__subjects=wanted,
        base__networks__small__members=number,
    )
    drawn = members(config)
    assert [member.name for member in drawn] == [f"small-{each}" for each in range(number)]
    for member in drawn:
        assert len(set(member.subjects)) == len(member.subjects) == wanted
        assert set(member.subjects) <= set(config.subjects.develop)
        assert not set(member.subjects) & set(config.subjects.test)
    assert drawn == members(config)


def test_the_subjects_of_a_member_are_spread_over_the_data_set():
    config = toy_config(subjects__develop=[f"s{each:02d}" for each in range(40)], base__networks__small__subjects=8)
    places = [int(subject[1:]) for subject in members(config)[0].subjects]
    assert [place // 5 for place in places] == list(range(8))


def test_a_network_draws_from_the_subjects_that_its_patterns_name():
    names = [f"SC-{each}" for each in range(4)] + [f"heart{each:02d}" for each in range(20)]
    changes = {"subjects__develop": names, "base__networks__small__members": 3, "base__networks__small__subjects": 3}
    for member in members(toy_config(**changes, base__networks__small__among=["SC-*"])):
        assert set(member.subjects) <= set(names[:4])
    both = members(toy_config(**changes, base__networks__small__among=["sc-*", "SC-1", "heart0?"]))
    assert {subject for member in both for subject in member.subjects} <= {"SC-1", *names[4:14]}
    with pytest.raises(ValueError, match=r"base\.networks\.small\.subjects is 3.*\b0\b"):
        members(toy_config(**changes, base__networks__small__among=["patient*"]))


def test_published_base_networks_keep_their_subjects():
    config = Config.load(CONFIGS / "sax-cine-2d.yaml")
    weak = next(member for member in members(config) if member.name == "weak-0")
    assert [int(subject[7:]) for subject in weak.subjects] == [8, 15, 29, 31, 41, 58, 63, 77]


def test_too_many_subjects_raise():
    with pytest.raises(ValueError, match=r"base\.networks\.small\.subjects is 5.*\b4\b"):
        members(toy_config(base__networks__small__subjects=5))


# What is recorded


def train_all(config, run):
    """Train the base networks and let them segment, as the commands do."""
    for member in members(config):
        cases = [toy_case(subject) for subject in member.subjects]
        train_member(config, member, cases, run / "base", progress=False)
    return list(collect(config, run / "cases", run / "base", run / "predictions"))


def files(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def trained(tmp_path):
    """Return a run with a base network and its predictions."""
    write_cases(tmp_path / "cases", "abcdet")
    assert train_all(toy_config(), tmp_path)
    return tmp_path


CHANGES = [
    ({"seed": 4}, r"seed .*3.*4"),
    ({"subjects__develop": ["a", "b", "c", "d", "e"]}, "list of its subjects"),
    ({"base__networks__small__updates": 4}, r"base\.networks\.small\.updates .*3.*4"),
    ({"base__networks__small__channels": [4, 8]}, r"base\.networks\.small\.channels"),
    ({"base__spacing_mm": 2.0}, r"base\.spacing_mm"),
]


@pytest.mark.parametrize(("changes", "said"), CHANGES)
def test_networks_of_another_configuration_are_not_taken(trained, changes, said):
    config, before = toy_config(**changes), files(trained)
    (member,) = members(config)
    with pytest.raises(ValueError, match=said) as raised:
        train_member(config, member, [], trained / "base", progress=False)
    assert str(trained / "base" / "small-0") in str(raised.value)
    with pytest.raises(ValueError, match=said):
        list(collect(config, trained / "cases", trained / "base", trained / "predictions"))
    assert files(trained) == before


@pytest.mark.parametrize(("changes", "said"), CHANGES)
def test_predictions_of_another_configuration_are_not_learnt_from(trained, changes, said):
    config, folder = toy_config(**changes), trained / "automaton"
    with pytest.raises(ValueError, match=said) as raised:
        train_automaton(config, trained / "cases", trained / "predictions", folder, progress=False)
    assert str(trained / "predictions" / "small-0@1") in str(raised.value)
    assert not folder.exists()
    # Nor after the network alone was trained again.
    (trained / "base" / "small-0").rename(trained / "elsewhere")
    with pytest.raises(ValueError, match=said):
        train_all(config, trained)


def test_deleting_what_the_error_names_is_enough(trained):
    config = toy_config(seed=4)
    for folder in ("base/small-0", "predictions/small-0@1"):
        (trained / folder).rename(trained / folder.replace("/", "-"))
    assert train_all(config, trained)
    check_predictions(config, trained / "predictions", trained / "base")


def test_what_does_not_change_a_network_can_change(trained):
    config = toy_config(
        name="other", automaton__updates=9, base__redrawn=True, base__networks__small__unseen=True, subjects__test=["e"]
    )
    before = files(trained / "base")
    train_all(config, trained)
    assert files(trained / "base") == before


def test_a_run_without_records_is_used_as_it_is(trained):
    for record in trained.rglob(RECORD):
        record.unlink()
    found = train_all(toy_config(), trained)
    found[0].unlink()
    assert train_all(toy_config(seed=4, base__networks__small__snapshots=[1.0]), trained)
    assert not list(trained.rglob(RECORD))


def test_snapshots_without_a_record_do_not_survive_a_training_from_the_beginning(trained, monkeypatch):
    def cut_off(self, batch, index):
        raise RuntimeError("power cut")

    monkeypatch.setattr(BaseLearner, "training_step", cut_off)
    (trained / "base" / "small-0" / RECORD).unlink()
    config = toy_config(base__networks__small__snapshots=[0.4, 1.0])
    (member,) = members(config)
    with pytest.raises(RuntimeError, match="power cut"):
        train_member(config, member, [toy_case("a")], trained / "base", progress=False)
    assert not list((trained / "base" / "small-0").glob("*.pt"))


def test_predictions_older_than_the_record_of_their_network_are_not_taken(trained):
    (trained / "predictions" / "small-0@1" / RECORD).unlink()
    with pytest.raises(ValueError, match="small-0@1"):
        train_all(toy_config(), trained)


@pytest.mark.parametrize(
    "names",
    [
        ("sax-cine-2d-first", "sax-cine-2d", "sax-any-2d-first", "sax-any-2d", "sax-cine-3d"),
        ("sax-open-2d-first", "sax-open-2d"),
    ],
)
def test_supplied_configurations_of_one_run_share_their_base_networks(names):
    configs = [Config.load(CONFIGS / f"{name}.yaml") for name in names]
    records = [{member.name: training_record(config, member) for member in members(config)} for config in configs]
    assert all(record == records[0] for record in records)
    # As plain values, which a file gives back.
    assert json.loads(json.dumps(records[0])) == records[0]
