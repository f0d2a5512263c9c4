"""What an automaton is used for."""
