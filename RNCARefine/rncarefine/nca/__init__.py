"""The neural cellular automaton: its weights, what it sees, and the rollout. It knows no task."""
