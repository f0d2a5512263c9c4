"""Repair tasks: the myocardium ring and vessel trees."""
