"""Thousands of stacks: found, repaired side by side, kept so that a run that was stopped goes on."""
