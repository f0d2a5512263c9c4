"""The ring of the myocardium: diagnosis, read-out, verification, and interpolation to compare with."""
