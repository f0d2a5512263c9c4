"""The window that shows how far a repair is, and through which it can be cancelled."""

from __future__ import annotations

import slicer


class ProgressDialog:
    """A progress callback (:data:`rncarefine.progress.Progress`) with a window, which is open inside ``with``.

    The window blocks the scene meanwhile. Each call lets the application handle its events, so that the
    window is drawn and its Cancel button works although the repair runs in the same thread.

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
            # Closed below: by itself the window would vanish at 100 %, before the result is there.
            autoClose=False,
            autoReset=False,
            windowModality=qt.Qt.ApplicationModal,
            minimumWidth=360,  # texts of different lengths would make it jump
        )
        self._dialog.show()
        return self

    def __exit__(self, *error: object) -> None:
        self._dialog.close()
        self._dialog.deleteLater()

    def __call__(self, fraction: float, text: str) -> bool:
        """Show how far the work is; return whether to continue."""
        self._dialog.labelText = text
        self._dialog.value = round(100 * fraction)
        slicer.app.processEvents()
        return not self._dialog.wasCanceled
