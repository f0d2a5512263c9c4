"""Diagnosis and repair of broken myocardium in short-axis cardiac MR: the engine of RNCARefine.

Read a stack, repair it, and write it back::

    import rncarefine as rr

    case = rr.read_case("image.nii.gz", "segmentation.nii.gz", label=2, pool_label=3)
    repaired = rr.repair(case.stack, options=rr.RepairOptions(seed=3), others=case.others)
    print(repaired.report.summary())
    rr.write_case(case, repaired, "repaired.nii.gz")

Repair the vessels in a photograph, edit by edit::

    case = rr.read_picture("photo.jpg", "mask.png")
    repaired = rr.repair_picture(case.picture)
    rr.write_picture(case, repaired.mask, "repaired.png")

The names in ``__all__`` are the public API; all other names may change without notice. ``docs/python.md`` lists what is
stable.

Terms:

* **stack**: a short-axis volume, axes ``(k, j, i)`` = (slice, row, column), spacing in mm in the same order.
* **myocardium** and **blood pool**: the wall that is repaired, and the left-ventricular cavity inside it.
* **b0, b1**: Betti numbers of one slice, components (8-connected) and holes (4-connected background).
* **finding**: the class of a slice. **expectation**: the class it should have. **verdict**: the outcome of the repair.
* **reason**: a code with numbers that explains a finding or a verdict. Reports render it as text.
* **picture**: one photograph or slice with a vessel mask, axes ``(j, i)``, lengths in pixels. **place**: the location
  of a defect in a vessel. **edit**: the change at one place, verified and accepted or rejected independently.
* **crop**: the region around the heart, resampled to the pixel spacing of a model.
* **state, perception, update, step, fire, rollout**: the terms of neural cellular automata.

The engine requires numpy, scipy and SimpleITK. PyTorch is optional and is imported inside functions only. The engine
never imports ``slicer`` or ``qt``; :mod:`RNCARefineLib` does. Importing this package loads no dependency: each public
name is imported on first use.
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
"""Module of each public name; ``metrics`` is itself a module."""


def __getattr__(name: str) -> _Any:
    """Import a public name on first use (PEP 562)."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = _import_module(_PLACES[name], __name__)
    value = module if name == "metrics" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _text(found: _Sequence[_reasons.Reason], repaired: bool) -> str:
    """Render reasons as text. It is registered here because ``refine`` must not import ``report``."""
    words: str = _import_module(".report.sentences", __name__).text(found, repaired)
    return words


_reasons.use_renderer(_text)
