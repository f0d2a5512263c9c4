"""Measure and calibrate models of vessels on photographs: one row per picture and method."""
