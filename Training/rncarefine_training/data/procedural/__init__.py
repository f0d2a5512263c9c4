"""Procedurally made hearts: short-axis stacks with their truth, free for any use, drawn from general anatomy alone.

- :mod:`.geometry`: wall, cavities and truth. :mod:`.shapes`: what it is drawn with.
- :mod:`.contrast`: intensities of sequences. :mod:`.surroundings`, :mod:`.appearance`: the picture without a scanner.
- :mod:`.acquisition`: what a scanner adds. :mod:`.cases`: all of it.
"""

from .cases import SEED, make_case, write_cases

__all__ = ["SEED", "make_case", "write_cases"]
