"""The Slicer side of RNCARefine, the only place that imports ``slicer``: nodes to arrays and back.

In the order in which a run passes through them:

* :mod:`.guards`: refuses what cannot be repaired, with a sentence that names the node and the remedy.
* :mod:`.volume_grid`: the voxel lattice of a volume. :mod:`.segments`: segments as arrays on it, and back.
* :mod:`.reader`: nodes become a :class:`RNCARefineLib.stack.Stack`.
* :mod:`.edits`: what the repair changes, as masks. :mod:`.writer`: edits become segments.
* :mod:`.review`: the segments of added and removed voxels, the status and the provenance that a person sees.
* :mod:`.table`: the report as a table node. :mod:`.scene`: nodes beside nodes, and nothing left behind by a failure.
* :mod:`.undo`: the undo steps of repairs in place. :mod:`.process`: the whole way, in order.

Functions here take nodes and arrays; nothing shows a window, and nothing but :mod:`.process` knows the order of things.
"""
