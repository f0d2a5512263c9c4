"""The review section of the panel: slices and places in tables, decisions, and export."""
