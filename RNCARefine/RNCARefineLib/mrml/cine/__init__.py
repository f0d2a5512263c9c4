"""The repair of a cine sequence: frames, repair and report."""
