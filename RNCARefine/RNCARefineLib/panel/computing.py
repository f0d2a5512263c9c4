"""Compute-device status, and PyTorch, which is optional: whether it works, and its installation by the extension.

Everything that touches the application or the network is handed in, so that each way in which it goes wrong can be
tried. Every message is one sentence with a remedy.
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

from rncarefine.refine.records import RunRecord

from .controls import enable

MINIMUM = "2.2"
"""Oldest PyTorch that the engine is made for."""
EXTENSION = "PyTorch"
"""Name of the extension that installs it; its Python module is ``PyTorchUtils``."""

_OFFLINE = re.compile(
    r"proxy|SSL|timed? ?out|connection|resolve|unreachable|network|No matching distribution", re.IGNORECASE
)
"""What pip says when it does not reach the server."""


_BACKENDS = {"numpy": "NumPy", "torch": "PyTorch"}


@dataclass(frozen=True)
class Computing:
    """The compute device of this computer.

    Attributes:
        text: For the user, such as ``CUDA: NVIDIA RTX A2000 (PyTorch 2.9.0)``.
        installed: There is something of PyTorch, whether it works or not.
        trouble: Why PyTorch is not used, or not on the GPU, and what to do; empty if all is well.
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
        """Return what the device "auto" stands for; PyTorch is imported only if it is there."""
        numpy = _("CPU (NumPy)")
        if not self._is_there():
            return Computing(numpy)
        try:
            torch = self._import("torch")
            version = str(torch.__version__).partition("+")[0]  # 2.9.1+cu126: the part after + names the build
            if not _works(torch, "cpu"):
                raise ImportError("PyTorch calculates wrongly")
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
                "PyTorch is made for an NVIDIA GPU but finds none that it can use. Update the driver of the GPU, and "
                "restart Slicer; until then repairs run on the CPU."
            )
            return Computing(processor, True, without if torch.version.cuda else "")
        name = torch.cuda.get_device_name(0)
        try:
            if _works(torch, "cuda"):
                return Computing(f"CUDA: {name} (PyTorch {version})", True)
            trouble = _("it calculates wrongly")
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
        """Install PyTorch, asking first, and return what came of it, as a sentence."""
        try:
            utilities = self._import("PyTorchUtils")
        except ImportError:
            return self._install_extension()
        found = self.computing()
        if found.installed:
            return found.trouble or _("PyTorch is already installed: {what}.").format(what=found.text)
        if not self._confirm(
            _(
                "PyTorch will be downloaded and installed: 0.2 to 3 GB, depending on the GPU. Slicer does not respond "
                "meanwhile, which can take many minutes. Save your work first. Continue?"
            )
        ):
            return _nothing_installed()
        try:
            torch = utilities.PyTorchUtilsLogic().installTorch(torchVersionRequirement=f">={MINIMUM}")
        except Exception as error:
            # pip, the network and the file system: whatever they raise gets its sentence.
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
                # It says that all is well after a download that failed, too.
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
            return _("There is no room on the disk. PyTorch needs up to 6 GB: free them, and try again.")
        if _OFFLINE.search(text):
            return _("PyTorch could not be downloaded.") + " " + _no_connection()
        if isinstance(error, TypeError):
            # What PyTorchUtils raises over the remains of an installation that was cut off.
            return _half_installed(error)
        return _(
            "PyTorch could not be installed ({error}). The Python console has the details. Open the module PyTorch "
            "Utils, uninstall PyTorch, restart Slicer, and try again; repairs run without it."
        ).format(error=str(error).partition("\n")[0] or type(error).__name__)

    def _offer_restart(self, why: str) -> str:
        if self._confirm(why + " " + _("Restart now? What is not saved is lost.")):
            self._restart()
        return why


class ComputingLine:
    """Looks for PyTorch only when it is needed: when the section Advanced is opened.

    Args:
        ui: The widgets of the panel.
        notice: Shows a sentence to the user.
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
        self._ui.computingLabel.toolTip = found.trouble or _("What the device auto stands for on this computer.")
        enable(
            self._ui.installPyTorchButton,
            _("Install PyTorch through the PyTorch extension. It is optional: repairs run without it."),
            "" if not found.installed else found.trouble or _("PyTorch is installed."),
        )

    def show_run(self, run: RunRecord) -> None:
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
    """Whether a small calculation has the right result; an import alone proves nothing."""
    return float((torch.ones(2, device=device) + 1).sum()) == 4.0


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def _half_installed(error: Exception) -> str:
    return _(
        "PyTorch is there but does not work ({error}). Open the module PyTorch Utils, uninstall PyTorch, restart "
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
