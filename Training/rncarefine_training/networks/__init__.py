"""Base networks, and the failures that they make for the automaton to learn from."""
