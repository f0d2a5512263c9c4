"""Evaluation and calibration of vessel models on photographs."""
