"""Training of the automaton, from samples to weights with a model card."""
