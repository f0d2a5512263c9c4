"""Measuring the repair so that the weights can be trusted.

`measure` repairs every real failure and writes one row a slice; everything else reads these rows: `tables` (by network
and method), `paired` (against another method), `strata` (how much of the wall was there, place, gap, slice distance),
`confidence` (does it tell good repairs from bad ones) and `targets` (what was aimed at, and whether it was reached).
"""
