"""Windows over the panel: the terms of a model, the progress of a repair, and the file of a report."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
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
    """Accept the terms of all models inside the block, for the self-test; the settings are restored."""
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
    """Return the terms of a model as plain text."""
    paragraphs = [_("The model {name} may be used under {licence}.").format(name=card.name, licence=card.licence)]
    if forbids_commerce(card.licence):
        paragraphs[0] += " " + _("This licence does not allow commercial use.")
    paragraphs += [
        _("Trained on: {data}").format(data=card.training_data),
        _("Please cite: {citation}").format(citation=card.citation),
        _("Press OK to agree. This question is asked once per licence."),
    ]
    return "\n\n".join(paragraphs)


class ProgressDialog:
    """A progress callback (:data:`rncarefine.progress.Progress`) with a window, which is open inside ``with``.

    The window is modal. Each call processes the events of the application, so that the window is drawn and its Cancel
    button works although the repair runs in the same thread.

    Args:
        title: Title of the window.
    """

    def __init__(self, title: str) -> None:
        self._title = title

    def __enter__(self) -> ProgressDialog:
        import qt

        self._dialog = slicer.util.createProgressDialog(
            windowTitle=self._title,
            maximum=100,
            # Closed below: otherwise the window would close at 100 %, before the result is ready.
            autoClose=False,
            autoReset=False,
            windowModality=qt.Qt.ApplicationModal,
            minimumWidth=360,  # otherwise the width changes with the text
        )
        self._dialog.show()
        return self

    def __exit__(self, *error: object) -> None:
        self._dialog.close()
        self._dialog.deleteLater()

    def __call__(self, fraction: float, text: str) -> bool:
        """Show the progress; return whether to continue."""
        self._dialog.labelText = text
        self._dialog.value = round(100 * fraction)
        slicer.app.processEvents()
        return not self._dialog.wasCanceled


def report_file(parent: Any, name: str, frame_number: int | None = None) -> str:
    """Ask for the file of a report; return the chosen path, empty if the user cancels.

    Args:
        parent: The widget that the window belongs to.
        name: Name of the segmentation, used for the suggested file next to the scene.
        frame_number: The frame of a sequence, from 0; the file counts from 1.
    """
    import qt

    stem = re.sub(r'[\\/:*?"<>|\s]+', " ", name).strip() or "RNCARefine"
    of_frame = "" if frame_number is None else f"_frame-{frame_number + 1}"
    suggestion = str(Path(slicer.mrmlScene.GetRootDirectory() or ".") / f"{stem}{of_frame}.html")
    formats = _("Reports (*.html *.csv *.json)")
    return str(qt.QFileDialog.getSaveFileName(parent, _("Export the report"), suggestion, formats) or "")


def _ask(text: str) -> bool:
    return bool(slicer.util.confirmOkCancelDisplay(text, windowTitle=_("Terms of the model")))
