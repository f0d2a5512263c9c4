"""SegmentEditorRNCARefine, a hidden Slicer module: registers the Segment Editor effect "RNCA Repair"."""

from __future__ import annotations

import os

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import ScriptedLoadableModule


class SegmentEditorRNCARefine(ScriptedLoadableModule):
    """Hidden module that registers the effect."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("SegmentEditor RNCA Refine")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        self.parent.dependencies = ["Segmentations"]
        self.parent.contributors = ["The RNCARefine contributors"]
        self.parent.hidden = True
        self.parent.helpText = _("This hidden module registers the Segment Editor effect RNCA Repair.")
        self.parent.acknowledgementText = _("See the module RNCA Refine.")
        slicer.app.connect("startupCompleted()", self.registerEditorEffect)

    def registerEditorEffect(self):
        """Register the effect for all Segment Editors opened from now on."""
        import qSlicerSegmentationsEditorEffectsPythonQt as effects

        effect = effects.qSlicerSegmentEditorScriptedEffect(None)
        # Slicer names the effect's Python module after the folder: do not import the package. See the effect.
        path = os.path.join(os.path.dirname(__file__), "SegmentEditorRNCARefineLib", "SegmentEditorEffect.py")
        effect.setPythonSource(path.replace("\\", "/"))
        effect.self().register()
