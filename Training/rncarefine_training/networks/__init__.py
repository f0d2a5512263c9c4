"""Base networks, whose failures are training data of the automaton."""
