"""Dialogs that never wait: their texts are recorded, and the test gives the answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6 import QtWidgets


@dataclass(frozen=True)
class Shown:
    """A dialog that was shown.

    Attributes:
        kind: "information", "warning", "critical", "question", "message", "save file" or "progress".
        title: The title of its window.
        text: Its text; the filter of a file dialog.
        details: The detailed text, or the path that a file dialog proposes.
    """

    kind: str
    title: str
    text: str
    details: str = ""


class Dialogs:
    """Dialogs that were shown, and the answers to come."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget what was shown and what would be answered."""
        self.shown: list[Shown] = []
        self._answers: list[str] = []
        self._cancel_at: int | None = None

    @property
    def texts(self) -> list[str]:
        """The texts of everything that was shown, in order, progress dialogs left out."""
        return [dialog.text for dialog in self.shown if dialog.kind != "progress"]

    def answer(self, *answers: str) -> None:
        """Answer the next questions: the name of a button, "Ok", or a path for a file dialog; "" cancels that one."""
        self._answers += answers

    def cancel_progress_at(self, value: int | None) -> None:
        """Press Cancel in a progress dialog as soon as its value is ``value`` or more; ``None``: no longer."""
        self._cancel_at = value

    def unused_answers(self) -> list[str]:
        return list(self._answers)

    def show(self, dialog: Shown, choices: list[str]) -> str:
        """Write down a dialog and return the answer; a dialog with one button needs none."""
        self.shown.append(dialog)
        if len(choices) == 1:
            return choices[0]
        if not self._answers:
            raise AssertionError(f"Nobody answers {dialog}: give desktop.dialogs.answer(...) before.")
        answer = self._answers.pop(0)
        if choices and answer not in choices:
            raise AssertionError(f"{dialog} has the buttons {choices}, not {answer!r}.")
        return answer

    def show_progress(self, dialog: QtWidgets.QProgressDialog, value: int) -> None:
        if self._cancel_at is not None and value >= self._cancel_at:
            dialog.cancel()


dialogs = Dialogs()
"""Those of the running session."""

Button = QtWidgets.QMessageBox.StandardButton
Role = QtWidgets.QMessageBox.ButtonRole


class QMessageBox(QtWidgets.QMessageBox):
    """A message box that is answered by the test."""

    def exec(self) -> int:
        """Show the box, and return the number of the standard button that was pressed."""
        if not self.buttons():
            self.setStandardButtons(Button.Ok)
        # The button that shows the details closes nothing.
        closing = [button for button in self.buttons() if self.buttonRole(button) != Role.ActionRole]
        buttons = {self._button_name(button): button for button in closing}
        shown = Shown(self._kind(), self.windowTitle(), self.text(), self.detailedText() or self.informativeText())
        pressed = buttons[dialogs.show(shown, list(buttons))]
        pressed.click()
        return int(self.standardButton(pressed).value)

    def _button_name(self, button: QtWidgets.QAbstractButton) -> str:
        standard = self.standardButton(button)
        return str(standard.name) if standard != Button.NoButton else button.text().replace("&", "")

    def _kind(self) -> str:
        name = str(self.icon().name).lower()
        return "message" if name == "noicon" else name

    @staticmethod
    def _ask(kind: str, default: Button) -> Callable[..., Button]:
        def ask(
            parent: Any, title: str, text: str, buttons: Button = default, chosen: Button = Button.NoButton
        ) -> Button:
            names = [button.name for button in Button if button & buttons and button.name not in _GROUPS]
            return Button[dialogs.show(Shown(kind, title, text), [str(name) for name in names])]

        return ask


_GROUPS = {"NoButton", "FirstButton", "LastButton", "Default", "Escape", "FlagMask", "ButtonMask", "YesAll", "NoAll"}
for _kind, _default in (
    ("information", Button.Ok),
    ("warning", Button.Ok),
    ("critical", Button.Ok),
    ("question", Button.Yes | Button.No),
):
    setattr(QMessageBox, _kind, staticmethod(QMessageBox._ask(_kind, _default)))


class ctkMessageBox(QMessageBox):
    """CTK's message box."""


class QFileDialog:
    """The functions that ask for a path; PythonQt returns the path alone."""

    @staticmethod
    def getSaveFileName(parent: Any = None, caption: str = "", path: str = "", filters: str = "") -> str:
        return dialogs.show(Shown("save file", caption, filters, path), [])


class QProgressDialog(QtWidgets.QProgressDialog):
    """A progress dialog in which the test presses Cancel."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        bar = self.findChild(QtWidgets.QProgressBar)
        bar.valueChanged.connect(lambda value: dialogs.show_progress(self, value))
        self._bar = bar

    def showEvent(self, event: Any) -> None:
        dialogs.shown.append(Shown("progress", self.windowTitle(), self.labelText()))
        super().showEvent(event)
