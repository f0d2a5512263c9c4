"""The pictures of README and docs/slicer.md, made from the sample data by ``make_screenshots.py``."""
