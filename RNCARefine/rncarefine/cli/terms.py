"""Print the terms of the weights, once per licence."""

from __future__ import annotations

from pathlib import Path

import typer

from ..atomic import write_text_whole
from ..nca.card import ModelCard, is_permissive, terms_of_use
from ..nca.model import available_models, best_model
from .status import note


def show_terms(card: ModelCard) -> None:
    """Print the terms of use of weights on standard error, once per licence.

    Permissive licences are not printed. Without a writable home folder, terms are printed every time.
    """
    if is_permissive(card.licence):
        return
    licence, known = " ".join(card.licence.split()), _known()
    if licence in known:
        return
    note(f"Terms of the weights: {terms_of_use(card.name, licence)} Please cite: {card.citation}")
    free = best_model(available_models(), card.mode, permissive=True) or best_model(available_models(), permissive=True)
    if free is not None:
        note(f"Free for any use: --model {free.name} ({free.mode}, {free.licence}).")
    note("These terms are shown once per licence; list them with: rncarefine models")
    _remember([*known, licence])


def _known() -> list[str]:
    try:
        return _memory().read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return []


def _remember(licences: list[str]) -> None:
    path = _memory()
    if not path.is_absolute():  # no home folder
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text_whole(path, "\n".join(licences) + "\n")
    except (OSError, ValueError):
        return


def _memory() -> Path:
    return Path(typer.get_app_dir("rncarefine")) / "terms-told.txt"
