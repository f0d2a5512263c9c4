"""Commands that make cases free for any use."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from typer.testing import CliRunner

from rncarefine_training import cli, cli_open
from rncarefine_training.cases import load_cases
from rncarefine_training.config import Config
from rncarefine_training.procedural import make_case
from training.toy_data import toy_case


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    """Keep what is printed on one line."""
    monkeypatch.setattr(cli_open.console, "width", 400)


def call(*arguments):
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def write_sunnybrook(folder, subjects):
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True)
    for subject in subjects:
        case = toy_case(subject)
        for k in range(len(case.labels)):
            for part, pixels in (("images", case.image[k].clip(0, 255)), ("labels", case.labels[k])):
                image = sitk.GetImageFromArray(pixels.astype(np.uint8))
                sitk.WriteImage(image, str(folder / part / f"{subject}_{k:04d}.png"))


def test_hearts_are_made_as_many_as_asked_for(tmp_path):
    result = call("procedural", "--count", 2, "--run", tmp_path)
    assert result.exit_code == 0, result.output
    assert f"2 cases in {tmp_path / 'cases'}" in result.output
    first, second = load_cases(tmp_path / "cases")
    assert (first.name, second.name) == ("heart0000_ED", "heart0001_ED")
    np.testing.assert_array_equal(second.labels, make_case(1).labels)


def test_another_seed_makes_other_hearts(tmp_path):
    assert call("procedural", "--count", 1, "--seed", 0, "--run", tmp_path).exit_code == 0
    (case,) = load_cases(tmp_path / "cases")
    np.testing.assert_array_equal(case.image, make_case(0, 0).image)
    assert case.spacing != make_case(0).spacing


def test_no_hearts_at_all_are_an_error(tmp_path):
    assert call("procedural", "--count", 0, "--run", tmp_path).exit_code == 2
    assert not (tmp_path / "cases").exists()


def test_as_many_hearts_are_made_as_the_open_configuration_names():
    subjects = Config.load(cli.DEFAULT_CONFIG.with_name("sax-open-2d.yaml")).subjects
    hearts = [name for name in [*subjects.develop, *subjects.test] if name.startswith("heart")]
    assert hearts == [f"heart{number:04d}" for number in range(cli_open.HEARTS)]


@pytest.mark.parametrize("inner", ["", "derived_myo_png"])
def test_sunnybrook_becomes_cases(tmp_path, inner):
    write_sunnybrook(tmp_path / "source" / inner, ["SC-HF-I-05", "SC-N-03"])
    result = call("sunnybrook", tmp_path / "source", "--run", tmp_path / "run")
    assert result.exit_code == 0, result.output
    assert "2 cases in" in result.output
    cases = load_cases(tmp_path / "run" / "cases")
    assert [case.name for case in cases] == ["SC-HF-I-05_ED", "SC-N-03_ED"]
    np.testing.assert_array_equal(cases[0].labels, toy_case("a").labels)


def test_a_folder_that_is_not_sunnybrook_is_one_clear_error(tmp_path):
    result = call("sunnybrook", tmp_path, "--run", tmp_path / "run")
    assert isinstance(result.exception, ValueError)
    assert "has no SC-*.png" in str(result.exception)
