"""The neural cellular automaton: weights, input channels and rollout, independent of the task."""
