"""The terms of a model: the user agrees to them once, before the first repair with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import slicer
from slicer.i18n import tr as _

from rncarefine.nca.card import ModelCard, forbids_commerce, is_permissive
from rncarefine.nca.model import available_models

SETTING = "RNCARefine/AcceptedTerms"
"""Key in the application's settings; the accepted licences, one per line."""


def accepted_terms(card: ModelCard, *, settings: Any = None, ask: Callable[[str], bool] | None = None) -> bool:
    """Return whether the user may use a model; asks once per licence, never for a permissive one.

    Args:
        card: The model card.
        settings: A ``QSettings``; the application's by default.
        ask: Shows a text and returns whether the user agrees; a window by default.
    """
    if is_permissive(card.licence):
        return True
    if settings is None:
        import qt

        settings = qt.QSettings()
    accepted = str(settings.value(SETTING) or "").split("\n")
    if card.licence in accepted:
        return True
    if not (ask or _ask)(terms_of(card)):
        return False
    settings.setValue(SETTING, "\n".join(filter(None, [*accepted, card.licence])))
    return True


@contextmanager
def all_accepted() -> Iterator[None]:
    """Have the terms of all models accepted meanwhile, as the self-test needs it; the settings are restored."""
    import qt

    settings = qt.QSettings()
    before = settings.value(SETTING)
    settings.setValue(SETTING, "\n".join(card.licence for card in available_models()))
    try:
        yield
    finally:
        if before is None:
            settings.remove(SETTING)
        else:
            settings.setValue(SETTING, before)


def terms_of(card: ModelCard) -> str:
    """Return what the user agrees to, as plain text."""
    paragraphs = [_("The model {name} may be used under {licence}.").format(name=card.name, licence=card.licence)]
    if forbids_commerce(card.licence):
        paragraphs[0] += " " + _("This licence does not allow commercial use.")
    paragraphs += [
        _("Trained on: {data}").format(data=card.training_data),
        _("Please cite: {citation}").format(citation=card.citation),
        _("Press OK if you agree. You are asked once for each licence."),
    ]
    return "\n\n".join(paragraphs)


def _ask(text: str) -> bool:
    return bool(slicer.util.confirmOkCancelDisplay(text, windowTitle=_("Terms of the model")))
