"""The module's panel, the only part of the library that imports ``qt``.

* :mod:`.panel`: the controller; updates the parts from the scene and the parameter node.
* :mod:`.inputs`: nodes and segments. :mod:`.frames`: sequences and the shown frame. :mod:`.model_choice`: mode, model
  and licence.
* :mod:`.computing`: compute device, and the installation of PyTorch.
* :mod:`.actions`: Check and Repair, with the windows of :mod:`.dialogs`.
* :mod:`.review`: the review section with its table of slices or places, decisions and export.
* :mod:`.controls`: helpers for widgets. :mod:`.messages`: texts of errors, numbers in texts. :mod:`.watch`: signals
  changes of segmentations and shown frames.
* :mod:`.effect`: widgets and messages of the Segment Editor effect.

Widgets come from ``RNCARefine.ui`` and are arguments, like the logic; nothing here computes.
"""
