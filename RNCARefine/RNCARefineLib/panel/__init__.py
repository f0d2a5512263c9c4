"""The module's panel: the only place in the library that imports ``qt``.

In the order in which the user meets them:

* :mod:`.panel`: holds the parts together and keeps them in step with the scene and the parameter node.
* :mod:`.inputs`: nodes and segments to work on. :mod:`.frames`: sequences, and the frame that is shown.
  :mod:`.model_choice`: mode, model and licence.
* :mod:`.computing`: what computes, and the button that installs PyTorch.
* :mod:`.actions`: Check and Repair, with the windows of :mod:`.dialogs`.
* :mod:`.review`: the review section with its table of slices or places, decisions and export.
* :mod:`.controls`: enabled or not, and why not; a combo box that is filled by hand. :mod:`.messages`: errors as one
  sentence, numbers in sentences. :mod:`.watch`: signals when the segmentations of the scene, or the frames that are
  shown, have changed.

The effect in Segment Editor shares them: :mod:`.effect` has its widgets and messages.

Widgets come from ``RNCARefine.ui`` and are handed in, as is the logic; nothing here computes.
"""
