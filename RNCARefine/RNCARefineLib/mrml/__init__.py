"""The Slicer side of RNCARefine without windows: MRML nodes to arrays and back.

* :mod:`.nodes`: input checks (``guards``), nodes to a :class:`rncarefine.stack.Stack` (``reader``, on the lattice of
  ``volume_grid``), a :class:`rncarefine.refine.result.Repaired` to segments (``writer``), and restoring the scene after
  a failure (``scene``).
* :mod:`.process`, :mod:`.vessels`: check and repair from input to output. :mod:`.orientation`: volumes stored in any
  orientation.
* :mod:`.review`: data of the review stored in the segmentation (``kept``), decisions (``decisions``, ``vessels``), undo
  steps, the report as table node and plots, and slice views.
* :mod:`.cine`: frames of a cine sequence, their repair and their table.
* :mod:`.editing`, :mod:`.preview`: a repair within Segment Editor, and its preview.
* :mod:`.start_up`: registers :mod:`.sample_data` and :mod:`.statistics_plugin` in other modules of Slicer.
"""
