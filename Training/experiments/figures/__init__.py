"""Curves of the experiments, galleries of slices, and README's pictures of vessels."""
