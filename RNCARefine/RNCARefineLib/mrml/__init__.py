"""The Slicer side of RNCARefine, nodes to arrays and back; besides it only :mod:`..panel` knows Slicer.

In the order in which a run passes through them:

* :mod:`.guards`: refuses what cannot be repaired, with a sentence that names the node and the remedy.
* :mod:`.volume_grid`: the voxel lattice of a volume. :mod:`.segments`: segments as arrays on it, and back.
* :mod:`.reader`: nodes become a :class:`rncarefine.stack.Stack`.
* :mod:`.writer`: a :class:`rncarefine.refine.result.Repaired` becomes segments.
* :mod:`.review`: what a review needs, on the segmentation itself: segments of added and removed voxels, status,
  provenance, report and decisions. :mod:`.masks`: wall and pool before and after, as text.
* :mod:`.language`: reasons in the application's language. :mod:`.table`: the report as a table node. :mod:`.scene`:
  nodes next to nodes, and nothing left behind by a failure.
* :mod:`.undo`: the undo steps of repairs in place and of decisions. :mod:`.process`: the whole way, in order.
* :mod:`.reviewing`: the user's decisions, slice by slice. :mod:`.views`: slice views and slices of the stack.
  :mod:`.plot`: Betti numbers along the stack.
* :mod:`.cine`: the frames of a cine sequence; :mod:`.cine_frames`: which they are, :mod:`.cine_report`: their table.
  :mod:`.batch`: many cases, each in a scene of its own.
* :mod:`.editing`: a repair by the rules of Segment Editor, for the effect. :mod:`.preview`: shown before it is written.
* :mod:`.sample_data`: the sample of Slicer's Sample Data. :mod:`.statistics_plugin`: columns of its Segment Statistics.

Functions here take nodes and arrays; nothing shows a window, and nothing but :mod:`.process` knows the order of things.
"""
