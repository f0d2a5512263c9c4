"""Plots of a training and its evaluation: curves from tables, pictures from stacks."""
