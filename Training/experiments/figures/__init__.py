"""Plots of the experiments, galleries of slices, and pictures of vessels for README."""
