"""What is learnt from: cases, other people's data, made hearts, and what networks made of them all."""
