"""The report as table, JSON, page and pictures."""
