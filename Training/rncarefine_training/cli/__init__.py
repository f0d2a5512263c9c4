"""The command line ``rncarefine-train``."""
