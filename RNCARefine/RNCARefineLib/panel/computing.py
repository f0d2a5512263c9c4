"""Compute-device status, and PyTorch, which is optional: whether it works, and its installation by the extension.

Functions that use the application or the network are arguments, so that failures can be tested. Each message states the
problem and the remedy.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import slicer
from slicer.i18n import tr as _

from rncarefine.refine.place_records import PictureRun
from rncarefine.refine.records import RunRecord

from .controls import enable

MINIMUM = "2.2"
"""Oldest PyTorch that the engine is made for."""
EXTENSION = "PyTorch"
"""Name of the extension that installs it; its Python module is ``PyTorchUtils``."""

_OFFLINE = re.compile(
    r"proxy|SSL|timed? ?out|connection|resolve|unreachable|network|No matching distribution", re.IGNORECASE
)
"""Matches the output of pip if it does not reach the server."""


_BACKENDS = {"numpy": "NumPy", "torch": "PyTorch"}


@dataclass(frozen=True)
class Computing:
    """The compute device of this computer.

    Attributes:
        text: For the user, such as ``CUDA: NVIDIA RTX A2000 (PyTorch 2.9.0)``.
        installed: Whether PyTorch is installed, even if it does not work.
        trouble: Why PyTorch or the GPU is not used, and the remedy; empty if there is no problem.
    """

    text: str
    installed: bool = False
    trouble: str = ""


class PyTorch:
    """Looks for PyTorch and installs it.

    Args:
        find_spec: As ``importlib.util.find_spec``.
        import_module: As ``importlib.import_module``.
        extensions: Returns the application's extensions manager model, or ``None`` if it has none.
        confirm: Shows a text and returns whether the user agrees.
        restart: Restarts the application.
    """

    def __init__(
        self,
        find_spec: Callable[[str], Any] = importlib.util.find_spec,
        import_module: Callable[[str], ModuleType] = importlib.import_module,
        extensions: Callable[[], Any] | None = None,
        confirm: Callable[[str], bool] | None = None,
        restart: Callable[[], None] | None = None,
    ) -> None:
        self._find_spec = find_spec
        self._import = import_module
        self._extensions = extensions or _extensions_manager_model
        self._confirm = confirm or _confirm
        self._restart = restart or slicer.util.restart

    # Looking

    def computing(self) -> Computing:
        """Return the device that "auto" selects; PyTorch is imported only if it is installed."""
        numpy = _("CPU (NumPy)")
        if not self._is_there():
            return Computing(numpy)
        try:
            torch = self._import("torch")
            version = str(torch.__version__).partition("+")[0]  # 2.9.1+cu126: the part after + names the build
            if not _works(torch, "cpu"):
                raise ImportError("PyTorch gives wrong results")
        except Exception as error:
            # A half-installed package fails in unforeseeable ways: missing DLLs, namespace packages.
            return Computing(numpy, True, _half_installed(error))
        if _numbers(version) < _numbers(MINIMUM):
            return Computing(numpy, True, _too_old(version))
        return self._on_gpu(torch, version)

    def _is_there(self) -> bool:
        try:
            return self._find_spec("torch") is not None
        except (ImportError, ValueError):
            # A module of that name that was imported and is broken.
            return True

    def _on_gpu(self, torch: Any, version: str) -> Computing:
        processor = _("CPU (PyTorch {version})").format(version=version)
        if not torch.cuda.is_available():
            without = _(
                "This PyTorch needs an NVIDIA GPU but finds none. Update the driver of the GPU and restart Slicer. "
                "Repairs run on the CPU until then."
            )
            return Computing(processor, True, without if torch.version.cuda else "")
        name = torch.cuda.get_device_name(0)
        try:
            if _works(torch, "cuda"):
                return Computing(f"CUDA: {name} (PyTorch {version})", True)
            trouble = _("gives wrong results")
        except Exception as error:
            trouble = "no kernel image" if "no kernel image" in str(error) else str(error).partition("\n")[0]
        return Computing(
            processor,
            True,
            _(
                "PyTorch {version} cannot use the GPU {name} ({trouble}). Choose the device cpu, or install a newer "
                "PyTorch in the module PyTorch Utils."
            ).format(version=version, name=name, trouble=trouble),
        )

    # Installing

    def install(self) -> str:
        """Ask, install PyTorch, and return the outcome as a sentence."""
        try:
            utilities = self._import("PyTorchUtils")
        except ImportError:
            return self._install_extension()
        found = self.computing()
        if found.installed:
            return found.trouble or _("PyTorch is already installed: {what}.").format(what=found.text)
        if not self._confirm(
            _(
                "PyTorch will be downloaded and installed: 0.2 to 3 GB, depending on the GPU. This can take many "
                "minutes, during which Slicer does not respond. Save your work first. Continue?"
            )
        ):
            return _nothing_installed()
        try:
            torch = utilities.PyTorchUtilsLogic().installTorch(torchVersionRequirement=f">={MINIMUM}")
        except Exception as error:
            # Errors of pip, the network and the file system are of many types.
            return self._explain(error)
        if torch is None:
            return _nothing_installed()
        importlib.invalidate_caches()
        found = self.computing()
        return found.trouble or _("PyTorch is installed: {what}.").format(what=found.text)

    def _install_extension(self) -> str:
        model = self._extensions()
        by_hand = _(
            "PyTorch is installed through the extension PyTorch, which is missing. Install it in the Extensions "
            "Manager, restart Slicer, and press this button again."
        )
        if model is None:
            return by_hand
        if not model.isExtensionInstalled(EXTENSION):
            if not self._confirm(
                _(
                    "PyTorch is installed through the extension PyTorch, which is missing. Download and install that "
                    "extension now? Slicer must be restarted afterwards."
                )
            ):
                return _nothing_installed()
            was_interactive = model.interactive
            model.interactive = False  # it has been asked
            try:
                # It returns True even if the download failed.
                done = model.installExtensionFromServer(EXTENSION, False) and model.isExtensionInstalled(EXTENSION)
            finally:
                model.interactive = was_interactive
            if not done:
                return _("The extension PyTorch could not be downloaded.") + " " + _no_connection()
        return self._offer_restart(_("The extension PyTorch is installed. Restart Slicer and press this button again."))

    def _explain(self, error: Exception) -> str:
        text = f"{error} {getattr(error, 'stderr', '') or ''} {getattr(error, 'output', '') or ''}"
        if getattr(error, "restartRequired", False) or isinstance(error, PermissionError):
            return self._offer_restart(
                _("Files that are in use must be replaced. Restart Slicer and press this button again.")
            )
        if getattr(error, "winerror", None) == 206 or "WinError 206" in text:
            return _(
                "Windows refused a path that is too long. Install Slicer into a shorter folder, such as C:\\Slicer, or "
                "allow long paths in Windows; uninstall PyTorch in the module PyTorch Utils before you try again."
            )
        if getattr(error, "errno", None) == 28 or "No space left" in text:
            return _("The disk is full. PyTorch needs up to 6 GB. Free disk space and try again.")
        if _OFFLINE.search(text):
            return _("PyTorch could not be downloaded.") + " " + _no_connection()
        if isinstance(error, TypeError):
            # PyTorchUtils raises it after an interrupted installation.
            return _half_installed(error)
        return _(
            "PyTorch could not be installed ({error}). The Python console has the details. Open the module PyTorch "
            "Utils, uninstall PyTorch, restart Slicer, and try again; repairs run without it."
        ).format(error=str(error).partition("\n")[0] or type(error).__name__)

    def _offer_restart(self, why: str) -> str:
        if self._confirm(why + " " + _("Restart now? Unsaved data will be lost.")):
            self._restart()
        return why


class ComputingLine:
    """Shows the compute device; PyTorch is imported when the section Advanced is first opened.

    Args:
        ui: The widgets of the panel.
        notice: Shows a message to the user.
    """

    def __init__(self, ui: Any, notice: Callable[[str], None]) -> None:
        self._ui = ui
        self._notice = notice
        self._pytorch = PyTorch()
        self._known = False
        ui.advancedCollapsibleButton.connect("contentsCollapsed(bool)", self._on_collapsed)
        ui.installPyTorchButton.connect("clicked()", self._install)

    def refresh(self) -> None:
        """Detect the device and show it."""
        with slicer.util.WaitCursor():
            found = self._pytorch.computing()
        self._known = True
        self._ui.computingLabel.text = found.text
        self._ui.computingLabel.toolTip = found.trouble or _("Device that auto selects.")
        enable(
            self._ui.installPyTorchButton,
            _("Install PyTorch through the PyTorch extension. It is optional: repairs run without it."),
            "" if not found.installed else found.trouble or _("PyTorch is installed."),
        )

    def show_run(self, run: RunRecord | PictureRun) -> None:
        """Show the device of the last repair."""
        device = _("CPU") if run.device == "cpu" else run.device.upper()
        self._ui.computingLabel.text = f"{device} ({_BACKENDS.get(run.backend, run.backend)})"

    def _on_collapsed(self, collapsed: bool) -> None:
        if not collapsed and not self._known:
            self.refresh()

    def _install(self) -> None:
        self._notice(self._pytorch.install())
        self.refresh()


def _works(torch: Any, device: str) -> bool:
    """Whether a small calculation on the device gives the right result."""
    return float((torch.ones(2, device=device) + 1).sum()) == 4.0


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def _half_installed(error: Exception) -> str:
    return _(
        "PyTorch is installed but does not work ({error}). Open the module PyTorch Utils, uninstall PyTorch, restart "
        "Slicer, and install it again; repairs run without it."
    ).format(error=str(error).partition("\n")[0] or type(error).__name__)


def _too_old(version: str) -> str:
    return _(
        "PyTorch {version} is too old, {minimum} or newer is needed. Open the module PyTorch Utils, uninstall PyTorch, "
        "restart Slicer, and install it again; or choose the device numpy."
    ).format(version=version, minimum=MINIMUM)


def _no_connection() -> str:
    return _(
        "Check the connection to the internet; behind a proxy, set HTTPS_PROXY before Slicer is started. Repairs run "
        "without PyTorch."
    )


def _nothing_installed() -> str:
    return _("Nothing was installed; repairs run without PyTorch.")


def _extensions_manager_model() -> Any:
    # A Slicer that was built without extensions has no such function.
    return slicer.app.extensionsManagerModel() if hasattr(slicer.app, "extensionsManagerModel") else None


def _confirm(text: str) -> bool:
    return bool(slicer.util.confirmOkCancelDisplay(text, windowTitle=_("Install PyTorch")))
