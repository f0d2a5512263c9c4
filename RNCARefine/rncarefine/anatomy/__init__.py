"""Wall geometry: topology, circle fit, notches, thickness, AHA segments and heart localisation."""
