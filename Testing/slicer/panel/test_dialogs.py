"""The terms of a model: who is asked, how often, and what is read before agreeing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rncarefine.nca.model import available_models
from RNCARefineLib.panel.dialogs import SETTING, accepted_terms, terms_of

CARD = replace(
    available_models()[0], name="heart-1", licence="CC BY-NC-SA 4.0", training_data="40 hearts", citation="A. et al."
)


class Settings:
    """The two functions of QSettings that are used; like it, gives back None for what it does not know."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def value(self, key: str) -> Any:
        return self.values.get(key)

    def setValue(self, key: str, value: Any) -> None:
        self.values[key] = value


class User:
    """Answers the same to everything, and remembers the questions."""

    def __init__(self, answer: bool) -> None:
        self.answer = answer
        self.questions: list[str] = []

    def __call__(self, text: str) -> bool:
        self.questions.append(text)
        return self.answer


def test_a_permissive_licence_needs_no_question() -> None:
    user = User(False)
    assert accepted_terms(replace(CARD, licence="Apache-2.0"), settings=Settings(), ask=user)
    assert user.questions == []


@pytest.mark.parametrize("licence", ["CC BY-NC-SA 4.0", "GPL-3.0", "proprietary"])
def test_every_other_licence_needs_consent(licence: str) -> None:
    user = User(True)
    assert accepted_terms(replace(CARD, licence=licence), settings=Settings(), ask=user)
    assert len(user.questions) == 1


def test_consent_covers_all_models_of_the_licence() -> None:
    settings, user = Settings(), User(True)
    assert accepted_terms(CARD, settings=settings, ask=user)
    assert accepted_terms(replace(CARD, name="heart-2"), settings=settings, ask=user)
    assert len(user.questions) == 1
    assert settings.values == {SETTING: "CC BY-NC-SA 4.0"}


def test_another_licence_is_asked_about_and_the_first_is_kept() -> None:
    settings, user = Settings(), User(True)
    other = replace(CARD, licence="GPL-3.0")
    for card in (CARD, other, CARD, other):
        assert accepted_terms(card, settings=settings, ask=user)
    assert len(user.questions) == 2


def test_declining_prevents_the_use_and_is_not_remembered() -> None:
    settings, user = Settings(), User(False)
    assert not accepted_terms(CARD, settings=settings, ask=user)
    assert not accepted_terms(CARD, settings=settings, ask=user)
    assert len(user.questions) == 2
    assert settings.values == {}


def test_consent_names_model_licence_data_and_citation() -> None:
    text = terms_of(CARD)
    for part in ("heart-1", "CC BY-NC-SA 4.0", "not allow commercial use", "40 hearts", "A. et al."):
        assert part in text
    assert "commercial" not in terms_of(replace(CARD, licence="GPL-3.0"))
