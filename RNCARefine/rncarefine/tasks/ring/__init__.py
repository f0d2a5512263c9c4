"""The myocardium ring: diagnosis, read-out, verification, and interpolation as a baseline."""
