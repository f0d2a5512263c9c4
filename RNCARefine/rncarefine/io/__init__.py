"""Images and segmentations on disk."""
