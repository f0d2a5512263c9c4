"""Thin branching structures in one picture, such as retinal vessels: findings, bridges, single edits and their limits."""
