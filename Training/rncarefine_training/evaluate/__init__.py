"""Evaluation of repairs.

`measure` repairs every real failure and returns one row per slice and method. The other modules analyse these rows:
`tables` (by network and method, paired comparisons), `strata` (by share of the wall present, location, gap, slice
spacing) and `confidence` (AUROC, calibration, risk-coverage). `pictures` evaluates vessels on photographs.
"""
