"""The Slicer side of RNCARefine, between the application and the engine :mod:`rncarefine`.

* :mod:`.mrml`: nodes to arrays and back; imports ``slicer``, but not ``qt``.
* :mod:`.panel`: the module's panel, the effect's options and dialogs; the only part that imports ``qt``.
* :mod:`.self_test`: the self-test of the module; imported with the module's file.
"""
