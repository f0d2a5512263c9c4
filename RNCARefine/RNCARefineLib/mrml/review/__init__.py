"""The review of a repair: what the segmentation keeps of it, the decisions, undo, table, plots and slice views."""
