"""Reports as table, JSON, HTML page and pictures."""
