"""The Slicer side of RNCARefine, nodes to arrays and back; besides it only :mod:`..panel` knows Slicer.

In the order in which a run passes through them:

* :mod:`.nodes`: what cannot be repaired is refused (``guards``), nodes become a :class:`rncarefine.stack.Stack`
  (``reader``, on the lattice of ``volume_grid``), a :class:`rncarefine.refine.result.Repaired` becomes segments
  (``writer``), and a failure leaves nothing behind (``scene``).
* :mod:`.process`, :mod:`.vessels`: the whole way, in order; :mod:`.orientation`: stacks that are stored turned.
* :mod:`.review`: what a review needs, on the segmentation itself (``kept``), the user's decisions (``decisions``,
  ``vessels``) and their undo steps, the report as table node and plots, and slice views.
* :mod:`.cine`: the frames of a cine sequence, their repair and their table.
* :mod:`.editing`: a repair by the rules of Segment Editor, for the effect. :mod:`.preview`: shown before it is written.
* :mod:`.start_up`: adds :mod:`.sample_data`, a sample, to Slicer's Sample Data, and :mod:`.statistics_plugin`, further
  columns, to its Segment Statistics.

Functions here take nodes and arrays; nothing shows a window, and nothing but :mod:`.process` knows the order of things.
"""
