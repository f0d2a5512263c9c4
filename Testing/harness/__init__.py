"""A headless Slicer for tests: the real MRML, storage and logic classes of the ``slicer-core`` wheel, no application.

What the wheel lacks is stood in for, one small file each, and no stand-in does any processing of its own:

* :mod:`.wheel`: imports ``slicer`` where it is installed.
* :mod:`.session`: starts a fresh scene with application logic, module logics and data IO manager.
* :mod:`.application`: ``slicer.app``.
* :mod:`.modules`: ``slicer.modules`` and the module manager; loads a scripted module from its file.
* :mod:`.io_manager`: the dispatch of ``slicer.util.load*``, ``save*`` and ``export*`` to the real storage nodes.
* :mod:`.subject_hierarchy`: an item for each data node, as the application's plug-ins make it.
* :mod:`.scripted` and :mod:`.i18n`: ``slicer.ScriptedLoadableModule`` and ``slicer.i18n``.
* :mod:`.hearts`: a volume and a segmentation to try things on. :mod:`.toy_engine`: a repair one can check by hand.
  :mod:`.runs`: runs of the module's logic with both.

The stand-ins have the attributes of the real classes that this project uses, and no others: anything else raises
``AttributeError``. Nothing here is installed into Slicer.
"""
