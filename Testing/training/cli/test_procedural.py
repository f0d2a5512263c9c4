"""The command that makes cases free for any use."""

import numpy as np
import pytest

from rncarefine_training.cli import main as cli
from rncarefine_training.cli.data import HEART_COUNT
from rncarefine_training.config import Config
from rncarefine_training.data.cases import load_cases
from rncarefine_training.data.procedural import make_case
from training.cli_calls import call

pytestmark = pytest.mark.usefixtures("wide")


def test_procedural_writes_count_hearts(tmp_path):
    result = call("procedural", "--count", 2, "--run", tmp_path)
    assert result.exit_code == 0, result.output
    assert str(tmp_path / "cases") in result.output
    first, second = load_cases(tmp_path / "cases")
    assert (first.name, second.name) == ("heart0000_ED", "heart0001_ED")
    np.testing.assert_array_equal(second.labels, make_case(1).labels)


def test_as_many_hearts_are_made_as_the_open_configuration_names():
    subjects = Config.load(cli.DEFAULT_CONFIG.with_name("sax-open-2d.yaml")).subjects
    hearts = [name for name in [*subjects.develop, *subjects.test] if name.startswith("heart")]
    assert hearts == [f"heart{number:04d}" for number in range(HEART_COUNT)]
