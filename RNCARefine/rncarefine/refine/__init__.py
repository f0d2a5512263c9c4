"""Repair of stacks and pictures: proposals, decisions, reports and metrics."""
