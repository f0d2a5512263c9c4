"""The configuration: what is wrong in it is an error before anything runs, with the name of the field."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rncarefine_training
from rncarefine_training.config import Config
from training.toy_data import description, toy_config, write_config

SHIPPED = Path(rncarefine_training.__file__).parent / "configs"


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("sax-*.yaml")), ids=lambda path: path.stem)
def test_committed_configurations_are_valid(path):
    config = Config.load(path)
    assert config.name == path.stem
    if "open" in path.stem:
        names = [*config.subjects.develop, *config.subjects.test]
        assert not [name for name in names if not name.startswith(("SC-", "ENDO-", "heart"))]
        assert "ACDC" not in config.training_data
    else:
        assert config.subjects.test == [f"patient{number:03d}" for number in range(81, 101)]
        patients = [name for name in config.subjects.develop if name.startswith("patient")]
        assert patients == [f"patient{number:03d}" for number in range(1, 81)]
        assert set(config.subjects.select) <= set(patients)
    kinds = config.base.networks.values()
    assert sum(not kind.unseen for kind in kinds) >= 2
    assert any(kind.unseen for kind in kinds)
    assert config.automaton.channels >= 16


def test_a_configuration_extends_another(tmp_path):
    write_config(tmp_path / "toy.yaml")
    (tmp_path / "more.yaml").write_text("extends: toy.yaml\nname: more\nautomaton: {hidden: 7}\n")
    plain, more = toy_config(), Config.load(tmp_path / "more.yaml")
    assert (more.name, more.automaton.hidden) == ("more", 7)
    assert more.model_copy(update={"name": plain.name, "automaton": plain.automaton}) == plain
    assert more.automaton.model_copy(update={"hidden": plain.automaton.hidden}) == plain.automaton


@pytest.mark.parametrize("other", ["none.yaml", "more.yaml"])
def test_a_configuration_that_extends_nothing_is_an_error(tmp_path, other):
    (tmp_path / "more.yaml").write_text(f"extends: {other}\n")
    with pytest.raises(ValueError, match=f"more.yaml: extends: {other}"):
        Config.load(tmp_path / "more.yaml")


def test_a_configuration_comes_back_from_its_file(tmp_path):
    assert Config.load(write_config(tmp_path / "toy.yaml")) == toy_config()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"seed": "soon"}, "seed"),
        ({"name": "ours/2d"}, "name"),
        ({"licence": " "}, "licence"),
        ({"base__networks": {"a/b": {"architecture": "unet", "channels": [4], "subjects": 1, "updates": 1}}}, "a/b"),
        ({"automaton__favour": 0.5, "automaton__favoured": ["SC_*"]}, r"automaton\.favoured: SC_\* matches no"),
        ({"automaton__favour": 0.5, "automaton__favoured": ["t"]}, r"automaton\.favoured: t matches no"),
        ({"automaton__favour": 0.5}, r"automaton\.favour needs automaton.favoured"),
        ({"subjects": 5}, "subjects"),
        ({"subjects__test": 5}, "subjects.test"),
        ({"subjects__select_every": 1}, "subjects.select_every"),
        ({"subjects__develop": {"pattern": "p{}", "first": 1}}, "subjects"),
        ({"subjects__develop": {"pattern": "p{}", "first": "1", "last": 3}}, "subjects: .*integers"),
        ({"subjects__develop": {"pattern": "p{n}", "first": 1, "last": 3}}, "subjects: .*one placeholder"),
        ({"subjects__develop": {"pattern": 5, "first": 1, "last": 3}}, "subjects: .*a pattern"),
        ({"subjects__develop": ["a", "b", "a"]}, "subjects: .*twice in develop: a"),
        ({"subjects__test": ["t", "t"]}, "subjects: .*twice in test: t"),
        ({"subjects__select": ["b", "b"]}, "subjects: .*twice in select: b"),
        ({"base__networks__small__among": "SC-*"}, "base.networks.small.among"),
        ({"base__crop": 72}, "base.crop"),
        ({"base__networks__small__architecture": "vnet"}, "base.networks.small.architecture"),
        ({"base__networks__small__snapshots": [0.5, 1.5]}, "base.networks.small.snapshots.1"),
        ({"base__networks__small__snapshots": [1.0, 0.5]}, "base.networks.small"),
        ({"base__networks__small__snapshots": []}, "base.networks.small"),
        ({"automaton__fire_rate": 0}, "automaton.fire_rate"),
        ({"automaton__size": 44}, "automaton.size"),
        ({"automaton__size": 56, "automaton__encoder": [4, 4, 4, 4, 4]}, "size 56 .*16"),
        ({"automaton__encoder": []}, "automaton"),
        ({"automaton__train_steps": [5, 3]}, "train_steps"),
        ({"automaton__validate_every": 7}, "validate_every 7"),
        ({"automaton__withheld": 0.9}, "automaton.withheld"),
        ({"automaton__start": "models/other"}, "automaton.start"),
        ({"automaton__without": ["fields"]}, "automaton.without"),
        ({"automaton__depth": 2}, "depth 2"),
        ({"automaton__volumetric": True}, "depth 1"),
        ({"automaton__task": "tubular", "automaton__without": ["discs"]}, "without discs"),
        ({"automaton__task": "tubular", "automaton__mask_weight": 1.0}, "mask_weight 1.0"),
    ],
)
def test_what_is_wrong_is_an_error_with_file_and_field(tmp_path, changes, field):
    with pytest.raises(ValueError, match=rf"^toy\.yaml: .*{field}"):
        Config.load(write_config(tmp_path / "toy.yaml", **changes))


@pytest.mark.parametrize("field", ["name", "seed", "subjects", "licence"])
def test_a_missing_field_is_named(tmp_path, field):
    values = description()
    del values[field]
    path = tmp_path / "toy.yaml"
    path.write_text(str(values))  # plain Python values are YAML, too
    with pytest.raises(ValueError, match=rf"toy\.yaml: {field}"):
        Config.load(path)


@pytest.mark.parametrize("content", [b"", b"a: [1", b"just words", b"- 1\n- 2", "title: Hôpital".encode("latin-1")])
def test_invalid_files_are_named(tmp_path, content):
    path = tmp_path / "toy.yaml"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"toy\.yaml"):
        Config.load(path)


def test_a_subject_is_never_developed_with_and_tested_on():
    with pytest.raises(ValueError, match="b, d"):
        toy_config(subjects__develop=["a", "b", "c", "d"], subjects__test=["d", "e", "b"])


def test_confidence_is_calibrated_on_subjects_of_the_validation_set():
    assert toy_config(subjects__calibrate=["b", "d*"]).subjects.calibrated_on == ["b", "d"]
    with pytest.raises(ValueError, match=r"subjects\.calibrate: zzz\*"):
        toy_config(subjects__calibrate=["zzz*"])


def test_names_and_ranges_stand_together_in_the_order_given():
    config = toy_config(subjects__develop=["z", {"pattern": "h{:02d}", "first": 8, "last": 10}, "a"])
    assert config.subjects.develop == ["z", "h08", "h09", "h10", "a"]


@pytest.mark.parametrize(("name", "held"), [("sax-open-2d-first", 0), ("sax-open-2d", 8)])
def test_open_training_has_scans_and_procedural_hearts(name, held):
    subjects = Config.load(SHIPPED / f"{name}.yaml").subjects
    assert sum(name.startswith("ENDO-") for name in subjects.select) == held
    assert sum(name.startswith("ENDO-") for name in subjects.train) == 37 - held
    for part, scans in ((subjects.select, 2), (subjects.train, 6)):
        assert sum(name.startswith("SC-") for name in part) == scans
        assert sum(name.startswith("heart") for name in part) >= 40


@given(st.integers(1, 60), st.integers(2, 9))
def test_every_subject_is_either_validated_or_trained_on(count, every):
    names = [f"s{number}" for number in range(count)]
    subjects = toy_config(subjects__develop=names, subjects__select_every=every).subjects
    assert sorted(subjects.train + subjects.select) == sorted(names)
    assert not set(subjects.train) & set(subjects.select)
    assert len(subjects.select) == count // every
    assert subjects.train


# Data and predictions from outside

TEN_LINES = """
name: ours-2d
title: Ours
seed: 1
training_data: our hospital
licence: none
citation: none
subjects: {split: run/subjects.csv}
predictions: {train: [nnunet]}
"""


@pytest.fixture
def ours(tmp_path):
    """Return a configuration of a lab's own data, the table of its subjects beside it."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "subjects.csv").write_text("subject,split\na,train\nb,test\nc,select\nd,train\n")
    (tmp_path / "ours.yaml").write_text(TEN_LINES)
    return tmp_path / "ours.yaml"


def test_ten_lines_are_enough_for_data_and_predictions_from_outside(ours):
    config = Config.load(ours)
    assert config.subjects.train == ["a", "d"]
    assert config.subjects.select == ["c"]
    assert config.subjects.test == ["b"]
    assert config.subjects.develop == ["a", "d", "c"]
    assert config.predictions.train == config.predictions.test == ["nnunet"]
    assert config.base.networks == {}


def test_a_model_card_counts_the_subjects_of_a_table_and_names_none(ours):
    public = Config.load(ours).public()
    assert public["subjects"] == {"split": "run/subjects.csv", "train": 2, "select": 1, "test": 1}
    assert public["predictions"] == {"train": ["nnunet"], "test": ["nnunet"]}
    assert toy_config().public() == toy_config().model_dump(mode="json")


def test_subjects_to_select_on_may_be_named():
    subjects = toy_config(subjects__select=["a", "c"]).subjects
    assert (subjects.train, subjects.select) == (["b", "d"], ["a", "c"])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("subjects: {split: nowhere.csv}", r"subjects: .*nowhere\.csv.*prepare"),
        ("subjects: {split: run/subjects.csv, test: [a]}", "subjects: .*not both"),
        ("subjects: {develop: [a, a, b]}", "subjects: .*twice in develop: a"),
        ("subjects: {develop: [a, b], select: [c]}", "subjects: .*develop: c"),
        ("subjects: {develop: [a], select: [a]}", "subjects: .*develop"),
        ("subjects: {test: [a]}", "subjects: .*develop"),
        ("predictions: {train: [weak-0]}", "predictions: .*'weak-0'"),
        ("predictions: {train: nnunet}", "predictions.train: "),
        ("predictions: {}", "configuration: .*predictions.train"),
    ],
)
def test_invalid_external_data_names_the_field(ours, line, message):
    section = line.partition(":")[0]
    kept = [each for each in TEN_LINES.splitlines() if not each.startswith(section)]
    ours.write_text("\n".join([*kept, line]))
    with pytest.raises(ValueError, match=rf"^ours\.yaml: {message}"):
        Config.load(ours)


def test_a_network_is_trained_here_or_comes_from_outside():
    with pytest.raises(ValueError, match=r"base\.networks.*predictions: small"):
        toy_config(predictions={"train": ["small"]})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"automaton__chanels": 4}, r"automaton\.chanels: .*'channels'"),
        ({"base__networks__small__archtecture": "unet"}, r"small\.archtecture: .*'architecture'"),
        ({"subjects__slect_every": 2}, r"subjects\.slect_every: .*'select_every'"),
        ({"prediction": {}}, r"prediction: .*'predictions'"),
        ({"licens": "CC0"}, r"licens: .*'licence'"),
        ({"base__xyz": 4}, r"base\.xyz: .*spacing_mm, crop, "),
    ],
)
def test_a_misspelt_field_names_the_nearest_one(tmp_path, changes, message):
    with pytest.raises(ValueError, match=rf"^toy\.yaml: .*{message}"):
        Config.load(write_config(tmp_path / "toy.yaml", **changes))


def test_misspelt_field_is_reported_before_the_missing_one(tmp_path):
    values = description()
    values["license"] = values.pop("licence")
    (tmp_path / "toy.yaml").write_text(str(values))
    with pytest.raises(ValueError, match=r"toy\.yaml: license.*'licence'"):
        Config.load(tmp_path / "toy.yaml")
