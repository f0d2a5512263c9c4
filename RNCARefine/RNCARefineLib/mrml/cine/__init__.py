"""The repair of a cine sequence: its frames, their repair, and the report of them all."""
