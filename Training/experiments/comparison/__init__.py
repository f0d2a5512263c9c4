"""Comparison with the released rNCA (arXiv 2512.13397), on triplets of image, damaged mask and truth."""
