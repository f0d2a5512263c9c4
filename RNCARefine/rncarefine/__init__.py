"""Diagnosis and repair of broken myocardium in short-axis cardiac MR: the engine of RNCARefine.

Read a stack, repair it, and write it back::

    import rncarefine as rr

    case = rr.read_case("image.nii.gz", "segmentation.nii.gz", label=2, pool_label=3)
    repaired = rr.repair(case.stack, options=rr.RepairOptions(seed=3), others=case.others)
    print(repaired.report.summary())
    rr.write_case(case, repaired, "repaired.nii.gz")

Vessels in a photograph are repaired in the same way, by single edits::

    case = rr.read_picture("photo.jpg", "mask.png")
    repaired = rr.repair_picture(case.picture)
    rr.write_picture(case, repaired.mask, "repaired.png")

The names in ``__all__`` are the public API; what else there is may change without notice. ``docs/python.md`` says what
is stable.

The words used everywhere:

* **stack**: a short-axis volume, axes ``(k, j, i)`` = (slice, row, column), spacing in mm in the same order.
* **myocardium** and **blood pool**: the wall that is repaired, and the left-ventricular cavity inside it.
* **b0, b1**: Betti numbers of one slice, components (8-connected) and holes (4-connected background).
* **finding**: what a slice is. **expectation**: what it should be. **verdict**: what was done about it.
* **reason**: why, as a code with numbers; text is made of it where it is shown.
* **picture**: one photograph or slice with a mask of vessels, axes ``(j, i)``, lengths in pixels. **place**: where a
  vessel is broken. **edit**: what is done at one place, verified, made or dropped on its own.
* **crop**: the region around the heart, resampled to the pixel spacing that a model was trained at.
* **state, perception, update, step, fire, rollout**: the automaton's own words.

The engine needs numpy, scipy and SimpleITK. PyTorch is used where it is installed and imported only inside functions.
Nothing here imports ``slicer`` or ``qt``: that is the part of :mod:`RNCARefineLib`. Importing this package imports none
of them: a name of the public API is loaded when it is first used.
"""

from __future__ import annotations

from collections.abc import Sequence as _Sequence
from importlib import import_module as _import_module
from typing import TYPE_CHECKING
from typing import Any as _Any

from . import reasons as _reasons

if TYPE_CHECKING:
    from .io.files import Case, read_case, write_case
    from .io.picture_files import PictureCase, read_picture, write_picture
    from .nca.model import available_models, load_model
    from .refine import metrics
    from .refine.metrics import evaluate
    from .refine.options import RepairOptions
    from .refine.picture import RepairedPicture, check_picture, repair_picture
    from .refine.picture_metrics import evaluate_picture
    from .refine.place_records import PictureReport
    from .refine.records import Report
    from .refine.repair import check, repair
    from .refine.result import Repaired
    from .stack import Stack
    from .tasks.tubular.picture import Picture

__version__ = "0.1.0"

__all__ = [
    "Case",
    "Picture",
    "PictureCase",
    "PictureReport",
    "RepairOptions",
    "Repaired",
    "RepairedPicture",
    "Report",
    "Stack",
    "__version__",
    "available_models",
    "check",
    "check_picture",
    "evaluate",
    "evaluate_picture",
    "load_model",
    "metrics",
    "read_case",
    "read_picture",
    "repair",
    "repair_picture",
    "write_case",
    "write_picture",
]

_PLACES = {
    "Case": ".io.files",
    "Picture": ".tasks.tubular.picture",
    "PictureCase": ".io.picture_files",
    "PictureReport": ".refine.place_records",
    "RepairOptions": ".refine.options",
    "Repaired": ".refine.result",
    "RepairedPicture": ".refine.picture",
    "Report": ".refine.records",
    "Stack": ".stack",
    "available_models": ".nca.model",
    "check": ".refine.repair",
    "check_picture": ".refine.picture",
    "evaluate": ".refine.metrics",
    "evaluate_picture": ".refine.picture_metrics",
    "load_model": ".nca.model",
    "metrics": ".refine.metrics",
    "read_case": ".io.files",
    "read_picture": ".io.picture_files",
    "repair": ".refine.repair",
    "repair_picture": ".refine.picture",
    "write_case": ".io.files",
    "write_picture": ".io.picture_files",
}
"""Where the names of the public API lie; ``metrics`` is a module itself."""


def __getattr__(name: str) -> _Any:
    """Load a name of the public API when it is first used (PEP 562)."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = _import_module(_PLACES[name], __name__)
    value = module if name == "metrics" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _text(found: _Sequence[_reasons.Reason], repaired: bool) -> str:
    """Return reasons as text. The root of the package may know every room; ``refine`` must not know ``report``."""
    words: str = _import_module(".report.sentences", __name__).text(found, repaired)
    return words


_reasons.use_renderer(_text)
