"""Experiments quoted in the documents: ablations, long rollouts, disturbances, the recipe published with rNCA.

Not in the wheel. From the root of a clone: ``PYTHONPATH=Training python -m experiments --help``.
"""
