"""The command line ``rncarefine``."""
