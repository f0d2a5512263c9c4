"""Training data: cases, imported data, procedural hearts, and predictions of networks."""
