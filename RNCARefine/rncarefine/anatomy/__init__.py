"""The shape of a wall: its topology, the circle that fits it, notches, and where the heart is."""
