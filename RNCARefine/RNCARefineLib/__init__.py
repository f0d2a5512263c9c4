"""The Slicer side of RNCARefine: what stands between the application and the engine, :mod:`rncarefine`.

* :mod:`.mrml`: nodes become arrays and arrays become nodes; it imports ``slicer``, but no ``qt``.
* :mod:`.panel`: the module's panel, the effect's options, dialogs; only here ``qt`` is imported.
* :mod:`.self_test`: what the application tests when it is asked to; imported with the module's file.
"""
