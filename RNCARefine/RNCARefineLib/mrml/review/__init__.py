"""The review of a repair: stored data, decisions, undo, table, plots and slice views."""
