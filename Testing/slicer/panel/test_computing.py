"""PyTorch in every state and its installation in every way in which it fails, each answered by a sentence."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
import slicer

import RNCARefineLib.panel.computing
from harness.hearts import Heart
from harness.panel_steps import open_module, repaired
from RNCARefineLib.panel.computing import Computing, PyTorch

# A torch that one can break


class Tensor:
    """A vector of two numbers."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __add__(self, other: float) -> Tensor:
        return Tensor(self.value + other)

    def sum(self) -> float:
        return 2 * self.value


def torch(version: str = "2.9.1+cu126", *, gpu: bool = False, cuda: str | None = "12.6", broken: str = "") -> Any:
    """Return what is used of the package.

    Args:
        version: Its version.
        gpu: It can use a GPU.
        cuda: The CUDA that it was made for, if any.
        broken: What a calculation on the GPU raises.
    """

    def ones(size: int, device: str) -> Tensor:
        assert size == 2
        if device == "cuda" and broken:
            raise RuntimeError(broken)
        return Tensor(1.0)

    return SimpleNamespace(
        __version__=version,
        ones=ones,
        version=SimpleNamespace(cuda=cuda),
        cuda=SimpleNamespace(is_available=lambda: gpu, get_device_name=lambda index: f"NVIDIA A{index}"),
    )


class Utilities:
    """The PyTorch extension's module: installs ``result``, or raises it."""

    def __init__(self, machine: Machine, result: Any) -> None:
        self._machine, self._result = machine, result

    def PyTorchUtilsLogic(self) -> Utilities:
        return self

    def installTorch(self, torchVersionRequirement: str) -> Any:
        assert torchVersionRequirement == ">=2.2"
        self._machine.calls.append("install torch")
        if isinstance(self._result, Exception):
            raise self._result
        if self._result is not None:
            self._machine.modules["torch"] = self._result
        return self._result


class Extensions:
    """The extensions manager model."""

    def __init__(self, calls: list[str], *, installed: bool = False, reaches_server: bool = True) -> None:
        self.interactive = True
        self._calls, self._installed, self._reaches_server = calls, installed, reaches_server

    def isExtensionInstalled(self, name: str) -> bool:
        assert name == "PyTorch"
        return self._installed

    def installExtensionFromServer(self, name: str, restart: bool) -> bool:
        assert (name, restart, self.interactive) == ("PyTorch", False, False)
        self._calls.append("install extension")
        self._installed = self._reaches_server
        return True  # as in Slicer, after a download that failed, too


class Machine:
    """A computer with some Python modules, and a user who accepts or declines."""

    def __init__(self, answers: bool | list[bool] = True, **modules: Any) -> None:
        self.modules = modules
        self.calls: list[str] = []
        self.questions: list[str] = []
        self.extensions: Extensions | None = None
        self._answers = answers
        self.pytorch = PyTorch(
            find_spec=lambda name: object() if name in self.modules else None,
            import_module=self._import,
            extensions=lambda: self.extensions,
            confirm=self._confirm,
            restart=lambda: self.calls.append("restart"),
        )

    def _import(self, name: str) -> Any:
        self.calls.append(f"import {name}")
        found = self.modules.get(name, ModuleNotFoundError(f"No module named {name!r}"))
        if isinstance(found, Exception):
            raise found
        return found

    def _confirm(self, text: str) -> bool:
        self.questions.append(text)
        return self._answers if isinstance(self._answers, bool) else self._answers.pop(0)


def with_utilities(result: Any, answers: bool | list[bool] = True) -> Machine:
    """Return a computer without PyTorch and with the extension, whose installation ends with ``result``."""
    machine = Machine(answers)
    machine.modules["PyTorchUtils"] = Utilities(machine, result)
    return machine


# What computes


def test_without_pytorch_numpy_computes_and_nothing_is_imported() -> None:
    machine = Machine()
    assert machine.pytorch.computing() == Computing("CPU (NumPy)")
    assert machine.calls == []


@pytest.mark.parametrize(
    ("package", "text"),
    [
        (torch("2.9.1", cuda=None), "CPU (PyTorch 2.9.1)"),
        (torch("2.2.0+cu121", gpu=True), "CUDA: NVIDIA A0 (PyTorch 2.2.0)"),
        (torch("10.0", cuda=None), "CPU (PyTorch 10.0)"),
    ],
)
def test_pytorch_that_works_is_named_with_its_version_and_the_gpu(package: Any, text: str) -> None:
    assert Machine(torch=package).pytorch.computing() == Computing(text, installed=True)


def test_a_cuda_build_without_gpu_uses_the_cpu_and_suggests_a_driver() -> None:
    found = Machine(torch=torch(gpu=False, cuda="12.6")).pytorch.computing()
    assert found.text == "CPU (PyTorch 2.9.1)"
    assert "driver" in found.trouble


def test_a_gpu_without_kernel_image_is_reported_before_a_repair() -> None:
    broken = "CUDA error: no kernel image is available for execution on the device\nCUDA kernel errors might be ..."
    found = Machine(torch=torch(gpu=True, broken=broken)).pytorch.computing()
    assert found.text == "CPU (PyTorch 2.9.1)"
    assert "NVIDIA A0 (no kernel image)" in found.trouble
    assert "device cpu" in found.trouble
    assert "PyTorch Utils" in found.trouble


def test_any_other_failure_of_the_gpu_is_quoted_in_one_line() -> None:
    found = Machine(torch=torch(gpu=True, broken="CUDA error: out of order\nlong\ntrace")).pytorch.computing()
    assert "(CUDA error: out of order)" in found.trouble


@pytest.mark.parametrize(
    "package",
    [
        SimpleNamespace(),  # the namespace package that an installation leaves which was cut off
        ModuleNotFoundError("No module named 'torch._C'"),
        OSError("[WinError 126] The specified module could not be found"),
        TypeError("'NoneType' object is not iterable"),
    ],
)
def test_a_half_installed_pytorch_is_not_used_and_how_to_remove_it(package: Any) -> None:
    found = Machine(torch=package).pytorch.computing()
    assert found.text == "CPU (NumPy)"
    assert found.installed
    assert "does not work" in found.trouble
    assert "uninstall PyTorch" in found.trouble


def test_pytorch_that_calculates_wrongly_is_not_trusted() -> None:
    package = torch()
    package.ones = lambda size, device: Tensor(7.0)
    assert Machine(torch=package).pytorch.computing().text == "CPU (NumPy)"


@pytest.mark.parametrize("version", ["1.13.1", "2.1.2"])
def test_an_old_pytorch_is_not_used_and_the_minimum_is_named(version: str) -> None:
    found = Machine(torch=torch(version)).pytorch.computing()
    assert found.text == "CPU (NumPy)"
    assert re.search(rf"PyTorch {version} .*2\.2", found.trouble)


def test_a_broken_imported_torch_counts_as_installed() -> None:
    def find_spec(name: str) -> Any:
        raise ValueError("torch.__spec__ is None")

    def import_module(name: str) -> Any:
        raise ImportError("half")

    assert PyTorch(find_spec, import_module, lambda: None, bool, lambda: None).computing().installed


# Installing


def test_installing_asks_first_and_reports_the_device() -> None:
    machine = with_utilities(torch(gpu=True))
    assert machine.pytorch.install() == "PyTorch is installed: CUDA: NVIDIA A0 (PyTorch 2.9.1)."
    assert len(machine.questions) == 1
    assert "GB" in machine.questions[0]
    assert machine.calls.count("install torch") == 1


def test_declining_installs_nothing() -> None:
    machine = with_utilities(torch(), answers=False)
    assert "Nothing was installed" in machine.pytorch.install()
    assert "install torch" not in machine.calls


def test_an_installation_that_the_extension_gave_up_is_no_success() -> None:
    assert "Nothing was installed" in with_utilities(None).pytorch.install()


def test_an_installation_that_left_something_broken_is_no_success() -> None:
    assert "does not work" in with_utilities(SimpleNamespace(__version__="2.13.0")).pytorch.install()


def test_pytorch_that_works_is_not_installed_again() -> None:
    machine = with_utilities(torch())
    machine.modules["torch"] = torch(cuda=None)
    assert "already installed" in machine.pytorch.install()
    assert "install torch" not in machine.calls
    assert machine.questions == []


def test_nothing_is_installed_over_the_remains_of_an_installation() -> None:
    machine = with_utilities(torch())
    machine.modules["torch"] = SimpleNamespace()
    assert "uninstall PyTorch" in machine.pytorch.install()
    assert "install torch" not in machine.calls


class RestartNeeded(Exception):
    """What the extension raises when a package in use would have to be replaced."""

    restartRequired = True


def failed(error: Exception, **attributes: Any) -> Exception:
    """Return an exception with attributes as the operating system or pip gives it."""
    for name, value in attributes.items():
        setattr(error, name, value)
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (failed(OSError("path"), winerror=206), ["too long", "shorter folder"]),
        (RuntimeError("pip: OSError: [WinError 206] The filename or extension is too long"), ["too long"]),
        (OSError(28, "No space left on device"), ["disk is full", "6 GB"]),
        (RuntimeError("ERROR: Could not install packages: No space left on device"), ["disk is full"]),
        (failed(RuntimeError("pip returned 1"), stderr="ProxyError('Cannot connect to proxy.')"), ["HTTPS_PROXY"]),
        (failed(RuntimeError("ltt"), output="Failed to establish a new connection"), ["downloaded"]),
        (RuntimeError("SSL: CERTIFICATE_VERIFY_FAILED"), ["downloaded", "proxy"]),
        (RuntimeError("Read timed out."), ["downloaded"]),
        (RuntimeError("No matching distribution found for torch>=2.2"), ["downloaded"]),
        (TypeError("'NoneType' object is not iterable"), ["uninstall PyTorch"]),
        (RuntimeError("something new\nwith a trace"), ["(something new)", "PyTorch Utils", "Python console"]),
        (RuntimeError(), ["(RuntimeError)"]),
    ],
)
def test_a_failed_installation_is_explained_and_the_remedy_named(error: Exception, words: list[str]) -> None:
    machine = with_utilities(error)
    text = machine.pytorch.install()
    for word in words:
        assert word in text
    assert "\n" not in text
    assert "restart" not in machine.calls


@pytest.mark.parametrize("error", [RestartNeeded(), PermissionError(13, "torch_cpu.dll")])
@pytest.mark.parametrize("agrees", [True, False])
def test_where_files_are_in_use_a_restart_is_offered(error: Exception, agrees: bool) -> None:
    machine = with_utilities(error, answers=[True, agrees])
    assert "Restart" in machine.pytorch.install()
    assert ("restart" in machine.calls) is agrees


# The extension


def test_without_an_extensions_manager_the_extension_is_named() -> None:
    machine = Machine()
    text = machine.pytorch.install()
    assert "extension PyTorch" in text
    assert "Extensions Manager" in text
    assert machine.questions == []


def test_the_missing_extension_is_installed_and_a_restart_offered() -> None:
    machine = Machine()
    machine.extensions = Extensions(machine.calls)
    assert "PyTorch" in machine.pytorch.install()
    assert machine.calls[-2:] == ["install extension", "restart"]
    assert machine.extensions.interactive


def test_the_missing_extension_is_installed_only_after_consent() -> None:
    machine = Machine(answers=False)
    machine.extensions = Extensions(machine.calls)
    assert "Nothing was installed" in machine.pytorch.install()
    assert "install extension" not in machine.calls


def test_an_extension_that_is_not_loaded_needs_a_restart() -> None:
    machine = Machine()
    machine.extensions = Extensions(machine.calls, installed=True)
    machine.pytorch.install()
    assert "install extension" not in machine.calls
    assert machine.calls[-1] == "restart"


def test_a_failed_download_of_the_extension_is_explained() -> None:
    machine = Machine()
    machine.extensions = Extensions(machine.calls, reaches_server=False)
    text = machine.pytorch.install()
    assert "downloaded" in text
    assert "proxy" in text
    assert "restart" not in machine.calls
    assert machine.extensions.interactive


# The line in the panel, and its button


class FakePyTorch:
    """Finds ``found``, and the second one after an installation."""

    def __init__(self) -> None:
        self.found = [Computing("CPU (NumPy)"), Computing("CPU (PyTorch 2.9.1)", installed=True)]
        self.looked = 0

    def computing(self) -> Computing:
        self.looked += 1
        return self.found[0]

    def install(self) -> str:
        self.found.pop(0)
        return "PyTorch is installed."


@pytest.fixture
def pytorch(monkeypatch: pytest.MonkeyPatch) -> FakePyTorch:
    """Stand in for the search for PyTorch in every panel that is opened."""
    fake = FakePyTorch()
    monkeypatch.setattr(RNCARefineLib.panel.computing, "PyTorch", lambda: fake)
    return fake


def test_pytorch_is_detected_once_when_advanced_is_opened(pytorch: FakePyTorch) -> None:
    panel = open_module()
    assert pytorch.looked == 0
    for collapsed in (False, True, False):
        panel.ui.advancedCollapsibleButton.collapsed = collapsed
    assert pytorch.looked == 1
    assert panel.ui.computingLabel.text == "CPU (NumPy)"
    assert panel.ui.installPyTorchButton.enabled


def test_installing_reports_the_outcome_and_detects_again(pytorch: FakePyTorch) -> None:
    panel = open_module()
    panel.ui.advancedCollapsibleButton.collapsed = False
    panel.ui.installPyTorchButton.click()
    assert panel.ui.noticeLabel.text == "PyTorch is installed."
    assert panel.ui.computingLabel.text == "CPU (PyTorch 2.9.1)"
    assert not panel.ui.installPyTorchButton.enabled
    assert panel.ui.installPyTorchButton.toolTip == "PyTorch is installed."


def test_problems_of_pytorch_are_in_the_tooltips(pytorch: FakePyTorch) -> None:
    pytorch.found = [Computing("CPU (NumPy)", True, "PyTorch 1.9 is too old.")]
    panel = open_module()
    panel.ui.advancedCollapsibleButton.collapsed = False
    assert panel.ui.computingLabel.toolTip == "PyTorch 1.9 is too old."
    assert panel.ui.installPyTorchButton.toolTip == "PyTorch 1.9 is too old."


def test_the_device_of_the_last_repair_is_shown(heart: Heart, toy_engine: None) -> None:
    assert repaired(heart).ui.computingLabel.text == "CPU (toy)"


def test_the_extension_is_looked_up_and_requested_from_the_server(
    desktop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = PyTorch(find_spec=lambda name: None)
    monkeypatch.setattr(RNCARefineLib.panel.computing, "PyTorch", lambda: absent)
    panel = open_module()
    desktop.dialogs.answer("Cancel")
    panel.ui.installPyTorchButton.click()
    assert "extension PyTorch" in desktop.dialogs.texts[0]
    assert panel.ui.noticeLabel.text == "Nothing was installed; repairs run without PyTorch."
    assert slicer.app.extensionsManagerModel().requested == []
    desktop.dialogs.answer("Ok")
    panel.ui.installPyTorchButton.click()
    assert slicer.app.extensionsManagerModel().requested == ["PyTorch"]
    assert "downloaded" in panel.ui.noticeLabel.text
    assert slicer.app.extensionsManagerModel().interactive
