"""Samples of photographs for an automaton of thin structures."""
