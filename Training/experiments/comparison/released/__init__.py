"""Reimplementation of the released rNCA: automaton and training."""
