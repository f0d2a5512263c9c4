"""Plots of a training and its evaluation: curves from the tables in a run's folder, pictures from stacks."""
