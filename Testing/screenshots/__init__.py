"""The pictures of README and user guide, made from the sample data by ``make_screenshots.py``."""
