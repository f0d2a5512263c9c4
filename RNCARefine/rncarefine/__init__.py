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

List the installed models and load one:

    >>> import rncarefine as rr
    >>> names = [card.name for card in rr.available_models()]
    >>> model = rr.load_model("sax-open-2d")
    >>> model.card.name in names, model.card.licence, model.card.spacing_mm
    (True, 'Apache-2.0', 1.6)

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
never imports ``slicer`` or ``qt``; :mod:`RNCARefineLib` does. Importing this package loads no other module of it: each
public name is imported on first use. The command line relies on it, see :mod:`rncarefine.cli.start`.
"""

from __future__ import annotations

from importlib import import_module as _import_module

TYPE_CHECKING = False
"""True for type checkers; importing it from :mod:`typing` takes longer than all the rest of this module."""

__version__ = "0.1.0"

_MODULES = {
    ".io.files": ("Case", "read_case", "write_case"),
    ".io.picture_files": ("PictureCase", "read_picture", "write_picture"),
    ".nca.model": ("available_models", "load_model"),
    ".refine.metrics": ("evaluate", "metrics"),  # the module, and a function of it
    ".refine.options": ("RepairOptions",),
    ".refine.picture": ("RepairedPicture", "check_picture", "repair_picture"),
    ".refine.picture_metrics": ("evaluate_picture",),
    ".refine.place_records": ("PictureReport",),
    ".refine.records": ("Report",),
    ".refine.repair": ("check", "repair"),
    ".refine.result": ("Repaired",),
    ".stack": ("Stack",),
    ".tasks.tubular.picture": ("Picture",),
}
"""Public names of each module."""
_PLACES = {name: module for module, names in _MODULES.items() for name in names}

if TYPE_CHECKING:  # type checkers cannot follow the table
    from .io.files import Case as Case
    from .io.files import read_case as read_case
    from .io.files import write_case as write_case
    from .io.picture_files import PictureCase as PictureCase
    from .io.picture_files import read_picture as read_picture
    from .io.picture_files import write_picture as write_picture
    from .nca.model import available_models as available_models
    from .nca.model import load_model as load_model
    from .refine import metrics as metrics
    from .refine.metrics import evaluate as evaluate
    from .refine.options import RepairOptions as RepairOptions
    from .refine.picture import RepairedPicture as RepairedPicture
    from .refine.picture import check_picture as check_picture
    from .refine.picture import repair_picture as repair_picture
    from .refine.picture_metrics import evaluate_picture as evaluate_picture
    from .refine.place_records import PictureReport as PictureReport
    from .refine.records import Report as Report
    from .refine.repair import check as check
    from .refine.repair import repair as repair
    from .refine.result import Repaired as Repaired
    from .stack import Stack as Stack
    from .tasks.tubular.picture import Picture as Picture
else:
    __all__ = sorted(["__version__", *_PLACES])


def __getattr__(name: str) -> object:
    """Import a public name on first use (PEP 562)."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = _import_module(_PLACES[name], __name__)
    value = module if name == "metrics" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLACES})
