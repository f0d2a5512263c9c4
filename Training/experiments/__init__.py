"""Experiments of the documentation: ablations, long rollouts, robustness, comparison with the released rNCA.

Not part of the wheel. From the root of a clone: ``PYTHONPATH=Training python -m experiments --help``.
"""
