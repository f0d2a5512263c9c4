"""The options of the Segment Editor effect and its messages."""
