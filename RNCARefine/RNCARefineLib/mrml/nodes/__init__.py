"""Nodes to arrays and back: guards, volume and segments, reader and writer."""
