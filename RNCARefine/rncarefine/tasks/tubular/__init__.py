"""Repair of thin branching structures in a picture, such as retinal vessels: findings, bridges and edits."""
