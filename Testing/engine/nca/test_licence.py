"""Licences: which are free for any use, and what is said of the others."""

from __future__ import annotations

import pytest

from rncarefine.nca.licence import is_permissive, terms_of_use


@pytest.mark.parametrize(
    "licence",
    [
        *("Apache-2.0", "Apache 2.0", "MIT", "BSD-3-Clause", "CC0-1.0", "CC0 1.0", "CC BY 4.0", "CC-BY-4.0", "cc by"),
        "MIT AND CC0-1.0",
    ],
)
def test_a_licence_that_asks_only_to_be_named_is_permissive(licence: str) -> None:
    assert is_permissive(licence)


@pytest.mark.parametrize(
    "licence",
    [
        *("CC BY-NC 4.0", "CC BY-NC-SA 4.0", "CC-BY-SA-4.0", "CC BY-ND 4.0", "GPL-3.0", "Mitre", "proprietary", ""),
        "Apache-2.0 AND CC BY-NC-SA 4.0",
    ],
)
def test_every_other_licence_is_not(licence: str) -> None:
    assert not is_permissive(licence)


@pytest.mark.parametrize("licence", ["CC BY-NC-SA 4.0", "CC-BY-NC-4.0", "cc-by-nc-4.0"])
def test_the_terms_say_that_commercial_use_is_not_allowed_where_it_is_not(licence: str) -> None:
    assert terms_of_use("heart", licence) == (
        f"heart may be used under {licence}, which does not allow commercial use."
    )
    assert terms_of_use("heart", "GPL-3.0") == "heart may be used under GPL-3.0."
