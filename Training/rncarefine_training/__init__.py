"""Training of RNCARefine's automata: from labelled stacks to weights with a model card.

Steps, one command each (``rncarefine-train --help``):

1. **prepare**: labelled short-axis volumes become *cases*, one ``.npz`` per stack.
2. **base**: base networks of several capacities are trained, each on a subset of the subjects.
3. **failures**: every base network segments the subjects it was not trained on; broken slices are real failures.
4. **automaton**: the refinement automaton learns to restore the truth from failures and damaged truth.
5. **evaluate**: the repair is compared with largest component, closing and polar interpolation.
6. **export**: weights and model card are written for RNCARefine.

Nothing that 3D Slicer installs imports this package; this package uses the engine (``rncarefine``).
"""
