"""Real failures: every prediction is out of fold, also on redrawn images; hand-made cases show what is broken."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rncarefine_training.data.cases import MYOCARDIUM, POOL, broken, load_prediction
from rncarefine_training.networks import failures
from rncarefine_training.networks.failures import REDRAWN, collect, redrawn
from rncarefine_training.networks.members import members
from training.toy_data import failed, toy_case, toy_config, write_cases

NETWORKS = {
    "weak": {"architecture": "unet", "channels": [4, 8], "subjects": 2, "members": 2, "updates": 3},
    "late": {"architecture": "unet", "channels": [4, 8], "subjects": 1, "updates": 3, "snapshots": [0.3, 1.0]},
    "fresh": {"architecture": "segresnet", "channels": [8], "subjects": 4, "updates": 3, "unseen": True},
}


@pytest.fixture
def asked(monkeypatch):
    """Replace the networks by one that records which network segments which case."""
    calls = []
    monkeypatch.setattr(failures, "load_network", lambda description, path, classes: path)

    def predict(network, case, spacing_mm):
        calls.append((f"{network.parent.name}@{network.stem.partition('-')[2]}", case.name))
        return failed(case.labels)

    monkeypatch.setattr(failures, "predict", predict)
    return calls


def test_every_network_segments_exactly_whom_it_has_not_seen(tmp_path, asked):
    config = toy_config(base__networks=NETWORKS)
    write_cases(tmp_path / "cases", "abcdtx")
    found = list(collect(config, tmp_path / "cases", tmp_path / "base", tmp_path / "predictions"))
    expected = []
    for member in members(config):
        kind = config.base.networks[member.kind]
        unseen_by_it = [] if kind.unseen else [s for s in "abcd" if s not in member.subjects]
        for fraction in kind.snapshots:
            tested = ["t"] if member.number == 0 and fraction == kind.snapshots[-1] else []
            expected += [(f"{member.name}@{fraction:g}", f"{subject}_ED") for subject in unseen_by_it + tested]
    # Subject x is in neither list: nobody is asked about it.
    assert asked == expected
    assert [(path.parent.name, path.stem) for path in found] == expected
    assert ("late-0@0.3", "t_ED") not in asked
    assert ("weak-1@1", "t_ED") not in asked
    assert ("fresh-0@1", "t_ED") in asked


def test_segments_patterns_limit_the_subjects(tmp_path, asked):
    write_cases(tmp_path / "cases", "abcdt")
    folders = tmp_path / "cases", tmp_path / "base", tmp_path / "predictions"
    kind = {**NETWORKS["weak"], "members": 1, "segments": ["[ab]"]}
    config = toy_config(base__networks={"weak": kind})
    list(collect(config, *folders))
    seen = members(config)[0].subjects
    assert [name for _, name in asked] == [f"{subject}_ED" for subject in "ab" if subject not in seen]


def test_what_is_there_already_is_left_as_it_is(tmp_path, asked):
    config = toy_config(base__networks=NETWORKS)
    write_cases(tmp_path / "cases")
    arguments = config, tmp_path / "cases", tmp_path / "base", tmp_path / "predictions"
    first = list(collect(*arguments))
    first[0].unlink()
    asked.clear()
    assert list(collect(*arguments)) == first
    assert len(asked) == 1


@given(seed=st.integers(0, 500), count=st.integers(3, 12), number=st.integers(1, 3), data=st.data())
@settings(max_examples=25)
def test_predictions_are_out_of_fold(seed, count, number, data):
    names = [f"s{each}" for each in range(count)]
    kind = {
        **NETWORKS["late"],
        "members": number,
        "subjects": data.draw(st.integers(1, count)),
        "unseen": data.draw(st.booleans()),
    }
    config = toy_config(seed=seed, subjects__develop=names, subjects__test=["t"], base__networks={"net": kind})
    for member in members(config):
        for last in (False, True):
            wanted = [name for name in [*names, "t", "else"] if failures._wanted(config, member, name, last)]
            assert not set(wanted) & set(member.subjects)
            assert "else" not in wanted
            assert ("t" in wanted) == (last and member.number == 0)


# Redrawn images


@pytest.fixture
def segmented(monkeypatch):
    """Record the cases that networks segment."""
    seen = []
    monkeypatch.setattr(failures, "load_network", lambda description, path, classes: path)
    monkeypatch.setattr(failures, "predict", lambda network, case, spacing_mm: seen.append(case) or failed(case.labels))
    return seen


def test_the_last_snapshots_also_segment_redrawn_training_subjects(tmp_path, segmented):
    config = toy_config(base__networks={"late": NETWORKS["late"]}, base__redrawn=True)
    cases = write_cases(tmp_path / "cases", "abcdt")
    found = list(collect(config, tmp_path / "cases", tmp_path / "base", tmp_path / "predictions"))
    (member,) = members(config)
    unseen = [subject for subject in "abcd" if subject not in member.subjects]
    folders = [path.parent.name for path in found]
    assert folders.count("late-0@0.3") == len(unseen)
    assert folders.count("late-0@1") == len(unseen) + 1
    extra = [path for path in found if path.parent.name == f"late-0@1{REDRAWN}"]
    assert {path.stem.partition("_")[0] for path in extra} == set(unseen) & set(config.subjects.train)
    assert not [path for path in found if path.parent.name == f"late-0@0.3{REDRAWN}"]
    for path, case in zip(found, segmented, strict=True):
        original = cases[case.subject]
        np.testing.assert_array_equal(case.labels, original.labels)
        if path in extra:
            np.testing.assert_array_equal(case.image, redrawn(original, config.seed).image)
            assert np.abs(np.corrcoef(case.image.ravel(), original.image.ravel())[0, 1]) < 0.999
        else:
            np.testing.assert_array_equal(case.image, original.image)


def test_a_case_without_a_wall_is_segmented_but_not_redrawn(tmp_path, segmented):
    config = toy_config(base__networks={"late": NETWORKS["late"]}, base__redrawn=True)
    cases = write_cases(tmp_path / "cases", "abcd")
    for case in cases.values():
        replace(case, labels=np.where(case.labels == POOL, POOL, 0).astype(np.uint8)).save(tmp_path / "cases")
    found = list(collect(config, tmp_path / "cases", tmp_path / "base", tmp_path / "predictions"))
    assert found
    assert not [path for path in found if path.parent.name.endswith(REDRAWN)]


def test_a_case_is_redrawn_in_the_same_way_for_the_same_seed_and_name():
    case = toy_case("a")
    one, again, other_seed = redrawn(case, 3), redrawn(case, 3), redrawn(case, 4)
    other_name = redrawn(replace(case, name="a_ES"), 3)
    np.testing.assert_array_equal(one.image, again.image)
    for other in (other_seed, other_name):
        assert np.abs(other.image - one.image).max() > 0.05
    assert (one.name, one.subject, one.spacing, one.image.shape) == (
        case.name, case.subject, case.spacing, case.image.shape,
    )  # fmt: skip
    np.testing.assert_array_equal(one.labels, case.labels)
    assert np.isfinite(one.image).all()


# What is broken

AREA = 1.6 * 1.6
TRUTH = toy_case("a").labels[1]
OPEN = failed(toy_case("a").labels)[1]
NOTHING = np.zeros_like(TRUTH)


def changed(place, label):
    """Return the truth with another label at a place."""
    prediction = TRUTH.copy()
    prediction[place] = label
    return prediction


@pytest.mark.parametrize(
    ("prediction", "truth", "expected"),
    [
        (TRUTH, TRUTH, False),
        (OPEN, TRUTH, True),
        (np.roll(TRUTH, 6, axis=0), TRUTH, False),
        (changed(np.s_[:3, :3], MYOCARDIUM), TRUTH, True),
        (changed((35, 37 + 11), 0), TRUTH, True),
        (changed(TRUTH == POOL, MYOCARDIUM), TRUTH, True),
        (OPEN, OPEN, False),
        (OPEN, NOTHING, False),
    ],
    ids=["truth", "open", "elsewhere", "loose piece", "hole", "solid", "open truth", "no truth"],
)
def test_broken_is_what_is_not_one_ring_where_the_truth_is(prediction, truth, expected):
    assert broken(prediction, truth, AREA) == expected


def test_a_missed_slice_is_not_a_broken_one():
    speck = np.zeros_like(TRUTH)
    speck[30:35, 30:34] = MYOCARDIUM
    # 20 pixels of 2.5 mm2 each are just 50 mm2.
    assert broken(speck, TRUTH, 2.5)
    assert not broken(speck, TRUTH, 2.49)
    assert not broken(np.zeros_like(TRUTH), TRUTH, AREA)


def test_interrupted_prediction_leaves_no_file(tmp_path, asked, monkeypatch):
    def cut_off(path, labels):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    write_cases(tmp_path / "cases", "abcdt")
    folders = tmp_path / "cases", tmp_path / "base", tmp_path / "predictions"
    with monkeypatch.context() as patch:
        patch.setattr(np, "savez_compressed", cut_off)
        with pytest.raises(KeyboardInterrupt):
            list(collect(toy_config(base__networks=NETWORKS), *folders))
    assert not [path for path in folders[2].rglob("*") if path.is_file()]
    assert all(load_prediction(path).any() for path in collect(toy_config(base__networks=NETWORKS), *folders))
