"""Thousands of stacks: found, repaired side by side, kept so that an interrupted run can be resumed."""
