"""The repair of a stack: what is proposed, what is decided, and what the report records of it."""
