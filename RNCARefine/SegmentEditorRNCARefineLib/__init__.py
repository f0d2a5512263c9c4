"""Gives the effect a translation context of its own, which Slicer names after the package. Do not import it."""
