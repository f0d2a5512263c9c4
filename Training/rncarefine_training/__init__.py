"""Training of RNCARefine's automata: from labelled stacks to weights with a model card.

The way, one command each (``rncarefine-train --help``):

1. **prepare**: labelled short-axis volumes become *cases*, one ``.npz`` per stack.
2. **base**: base networks of several strengths are trained, each on a part of the subjects.
3. **failures**: every base network segments the subjects it has not seen; its broken slices are the real failures.
4. **automaton**: the refinement automaton learns to turn failures and damaged truth into the truth.
5. **evaluate**: the repair is compared with largest component, closing and polar interpolation.
6. **export**: weights and model card are written for RNCARefine.

Nothing that 3D Slicer installs imports this package; this package uses the engine (``rncarefine``).
"""
