"""Training samples from photographs, for automata of thin structures."""
