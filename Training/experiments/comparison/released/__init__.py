"""The released rNCA, rebuilt: its automaton and its training."""
