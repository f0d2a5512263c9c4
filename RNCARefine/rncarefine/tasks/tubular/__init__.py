"""Thin branching structures in one picture, such as retinal vessels: findings, bridges and single edits."""
