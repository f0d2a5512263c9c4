"""Procedural hearts: synthetic short-axis stacks with truth, generated without patient data and free for any use.

- :mod:`.geometry`: wall, cavities and truth. :mod:`.shapes`: drawing primitives.
- :mod:`.contrast`: intensities of sequences. :mod:`.surroundings`, :mod:`.appearance`: the ideal image.
- :mod:`.acquisition`: scanner effects. :mod:`.cases`: complete cases.
"""

from .cases import SEED, make_case, write_cases

__all__ = ["SEED", "make_case", "write_cases"]
