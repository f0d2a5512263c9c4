"""The engine of RNCARefine: diagnosis and repair of broken myocardium in short-axis cardiac MR.

The words used everywhere:

* **stack**: a short-axis volume, axes ``(k, j, i)`` = (slice, row, column), spacing in mm in the same order.
* **myocardium** and **blood pool**: the wall that is repaired, and the left-ventricular cavity inside it.
* **b0, b1**: Betti numbers of one slice, components (8-connected) and holes (4-connected background).
* **finding**: what a slice is. **expectation**: what it should be. **verdict**: what was done about it.
* **frame**: the crop around the heart, resampled to the pixel spacing that a model was trained at.
* **state, perception, update, step, fire, rollout**: the automaton's own words.

The engine needs numpy, scipy and SimpleITK. PyTorch is used where it is installed and imported only inside functions.
Nothing here imports ``slicer`` or ``qt``: that is the part of :mod:`RNCARefineLib`, beside this package.
"""

from collections.abc import Sequence as _Sequence

from . import reasons as _reasons

__version__ = "0.1.0"


def _text(found: _Sequence[_reasons.Reason], repaired: bool) -> str:
    """Return reasons as text. The root of the package may know every room; ``refine`` must not know ``report``."""
    from importlib import import_module

    told: str = import_module("rncarefine.report.sentences").text(found, repaired)
    return told


_reasons.use_renderer(_text)
