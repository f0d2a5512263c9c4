"""Measure the repair.

`measure` repairs every real failure and writes one row per slice and method; everything else reads these rows: `tables`
(by network and method, and against another method), `strata` (share of the wall that was there, place, gap, slice
spacing) and `confidence` (does it discriminate good repairs?). `pictures` does the same for vessels on photographs.
"""
