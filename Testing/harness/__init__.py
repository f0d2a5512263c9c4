"""A headless Slicer for tests: the real MRML, storage and logic classes of the ``slicer-core`` wheel, no application.

What the wheel lacks is stood in for, one small file each, and no stand-in does any processing of its own:

* :mod:`.wheel`: imports ``slicer`` where it is installed.
* :mod:`.session`: starts a fresh scene with application logic, module logics and data IO manager.
* :mod:`.application`: ``slicer.app``.
* :mod:`.modules`: ``slicer.modules`` and the module manager; loads a scripted module from its file.
* :mod:`.io_manager`: the dispatch of ``slicer.util.load*``, ``save*`` and ``export*`` to the real storage nodes.
* :mod:`.subject_hierarchy`: an item for each data node, as the application's plug-ins make it.
* :mod:`.scripted`, :mod:`.i18n` and :mod:`.parameters`: ``slicer.ScriptedLoadableModule``, ``slicer.i18n`` and
  ``slicer.parameterNodeWrapper``.
* :mod:`.pythonqt`: ``qt`` and ``ctk`` on PySide6, as strict as its table. :mod:`.desktop`: a main window, :mod:`.views`
  and pop-ups. :mod:`.panels`: a module's panel.
* :mod:`.scripted_effect` and :mod:`.segment_editor`: the Qt side of Segment Editor, over its real logic.
  :mod:`.effects`: the project's effect in it.
* :mod:`.sample_data` and :mod:`.segment_statistics`: Slicer's scripted modules of these names.
* :mod:`.hearts`: a volume and a segmentation to try things on. :mod:`.toy_engine`: a repair one can check by hand.
  :mod:`.runs`: runs of the module's logic with both. :mod:`.cine`: a sequence of hearts. :mod:`.cohort`: hearts on
  disk.
* :mod:`.run_script`: a script run as ``Slicer --python-script`` runs it.

The stand-ins have the attributes of the real classes that this project uses, and no others: anything else raises
``AttributeError``. Nothing here is installed into Slicer.
"""
