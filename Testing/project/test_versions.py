"""One version number, one licence."""

import hashlib
import re

import yaml

from project.tree import ROOT, pyproject, text
from rncarefine import __version__

APACHE_2_0 = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"


def test_the_citation_names_the_version():
    assert yaml.safe_load(text("CITATION.cff"))["version"] == __version__


def test_the_changelog_starts_with_the_version():
    newest = re.search(r"^## \[?(\d+\.\d+\.\d+)", text("CHANGELOG.md"), re.MULTILINE)
    assert newest is not None
    assert newest[1] == __version__


def test_the_distribution_takes_its_version_from_the_engine():
    assert "version" not in pyproject()["project"]
    assert pyproject()["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "rncarefine.__version__"}


def test_the_licence_is_the_unchanged_apache_licence():
    assert hashlib.sha256((ROOT / "LICENSE.txt").read_bytes()).hexdigest() == APACHE_2_0
    assert pyproject()["project"]["license"] == "Apache-2.0"
    assert yaml.safe_load(text("CITATION.cff"))["license"] == "Apache-2.0"
