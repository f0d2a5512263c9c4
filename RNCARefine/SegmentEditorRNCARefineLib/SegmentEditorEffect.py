"""RNCA Repair, a Segment Editor effect: closes broken myocardium in the selected segment.

Slicer loads this file under the name of its folder, without a package: relative imports do not work here, and nothing
may import from the folder. Code shared with the module is imported inside methods: options and texts from
``RNCARefineLib.panel``, functions on nodes from ``RNCARefineLib.mrml.editing`` and ``RNCARefineLib.mrml.preview``.
"""

from __future__ import annotations

import os

import qt
import slicer
from SegmentEditorEffects import AbstractScriptedSegmentEditorEffect
from slicer.i18n import tr as _


class SegmentEditorEffect(AbstractScriptedSegmentEditorEffect):
    """Checks, previews and repairs the selected segment; masking and undo are those of Segment Editor."""

    def __init__(self, scriptedEffect):
        scriptedEffect.name = "RNCA Repair"  # not translated: effects are found by their name
        scriptedEffect.title = _("RNCA Repair")
        scriptedEffect.perSegment = True
        scriptedEffect.requireSegments = True
        AbstractScriptedSegmentEditorEffect.__init__(self, scriptedEffect)
        self.options = None
        self._preview = None

    def clone(self):
        import qSlicerSegmentationsEditorEffectsPythonQt as effects

        clonedEffect = effects.qSlicerSegmentEditorScriptedEffect(None)
        clonedEffect.setPythonSource(__file__.replace("\\", "/"))
        return clonedEffect

    def icon(self):
        return qt.QIcon(os.path.join(os.path.dirname(__file__), "SegmentEditorEffect.png"))

    def helpText(self):
        return "<html>" + _(
            "Closes gaps in the myocardium of a short-axis stack and removes loose components, guided by the source "
            "volume.<br>"
            "<b>Check</b> lists slices that need repair. <b>Preview</b> shows the repaired wall over the image, "
            "<b>Cancel</b> removes it, <b>Apply</b> writes it into the selected segment. Correct slices are left "
            "unchanged; refused slices and repairs that need review are listed.<br>"
            "Masking and the editable intensity range are respected. By default, other segments do not change and the "
            "wall may overlap them; only the selected blood pool loses the voxels that the wall covers and, if chosen, "
            "those outside the ring. If several "
            "segments form the wall, such as myocardium and scar, use the module RNCA Refine (Also wall).<br>"
            "<b>Undo</b> reverts a repair in one step.<br>"
            "For research use, not for clinical decisions."
        )

    def createCursor(self, widget):
        window = slicer.util.mainWindow()
        return qt.QCursor() if window is None else window.cursor

    def setupOptionsFrame(self):
        from RNCARefineLib.panel.effect.options import EffectOptions

        buttons = {
            "check": self.onCheck,
            "preview": self.onPreview,
            "apply": self.onApply,
            "cancel": self.onCancel,
        }
        self.options = EffectOptions(self.scriptedEffect, self.updateMRMLFromGUI, buttons)

    @property
    def preview(self):
        """The preview, created on first use because it imports the engine."""
        from RNCARefineLib.mrml.preview import Preview

        if self._preview is None:
            self._preview = Preview(self.scriptedEffect, self.onSelectionChanged, self.onPreviewOutdated)
        return self._preview

    def setMRMLDefaults(self):
        from RNCARefineLib.panel.effect.options import set_defaults

        set_defaults(self.scriptedEffect)
        if self.scriptedEffect.active():
            # Another editor node, or the old one after the scene was closed.
            self.preview.close()
            self.preview.watch()

    def updateGUIFromMRML(self):
        if self.scriptedEffect.parameterSetNode() is None or slicer.mrmlScene.IsClosing():
            return
        if self.preview.proposal is not None and not self.isWanted(self.preview.proposal):
            self.preview.remove()
            self.options.show_message(_("The preview was removed: the selection or the options have changed."))
        self.options.load(has_preview=self.preview.node is not None)
        self.preview.set_opacity(self.options.preview_opacity)
        self.showSlice()

    def updateMRMLFromGUI(self):
        self.options.save()

    def activate(self):
        self.preview.watch()

    def deactivate(self):
        self.preview.close()
        self.options.show_message("")

    def cleanup(self):
        if self._preview is not None:
            self._preview.close()
        if self.options is not None:  # the prototype that was registered has none
            self.options.disconnect()

    def processViewNodeEvents(self, callerViewNode, eventId, viewWidget):
        self.showSlice()

    def layoutChanged(self):
        if self.scriptedEffect.active():
            self.showSlice()

    #
    # Actions
    #

    def onCheck(self):
        """List the slices to repair."""
        from RNCARefineLib.mrml.process import check
        from RNCARefineLib.panel.effect.texts import checked
        from RNCARefineLib.panel.messages import shown_errors

        with shown_errors(_("The check failed."), wait=True):
            request = self.request()
            self.options.show_message(checked(check(request.selection, request.options), request.k))

    def onPreview(self):
        """Show what Apply would write."""
        from RNCARefineLib.panel.effect.texts import previewed
        from RNCARefineLib.panel.messages import shown_errors

        with shown_errors(_("The preview failed.")):
            proposal = self.propose()
            if proposal is None:
                return
            self.preview.remove()
            if proposal.changed or proposal.trimmed:
                self.preview.show(proposal, self.options.preview_opacity)
            self.options.show_message(previewed(proposal))

    def onCancel(self):
        """Remove the preview."""
        self.preview.remove()
        self.options.show_message("")

    def onApply(self):
        """Write the previewed wall into the segment; it is computed first if there is no preview."""
        from RNCARefineLib.mrml.editing import held_back, untrimmed, write
        from RNCARefineLib.panel.effect.texts import applied
        from RNCARefineLib.panel.messages import shown_errors

        if not self.scriptedEffect.confirmCurrentSegmentVisible():
            return
        with shown_errors(_("The repair failed.")):
            proposal = self.preview.proposal
            if proposal is None or not proposal.is_current(self.request(proposal.request.k)):
                proposal = self.propose()
            if proposal is None:
                return
            short, left = [], []
            if proposal.changed or proposal.trimmed:
                with slicer.util.WaitCursor(), slicer.util.RenderBlocker():
                    write(proposal, self.scriptedEffect, keep_neighbours=self.options.keep_neighbours)
                    short, left = held_back(proposal), untrimmed(proposal)
            self.preview.remove()
            self.options.show_message(applied(proposal, short, left))

    def onSelectionChanged(self):
        """Called when the selection or the list of segments has changed."""
        self.updateGUIFromMRML()

    def onPreviewOutdated(self):
        """Called when the preview was removed because its input voxels have changed."""
        self.options.show_message(_("The preview was removed: the segmentation or the image has changed."))
        self.updateGUIFromMRML()

    #
    # Helpers
    #

    def request(self, k=None):
        """Return the request; for a single slice, ``k`` or else the slice that is shown."""
        from RNCARefineLib.mrml.editing import Request, selection_of

        selection = selection_of(self.scriptedEffect.parameterSetNode(), self.options.pool_id)
        options = self.options.repair_options
        if not self.options.is_this_slice:
            return Request(selection, options)
        if k is None:
            shown = self.sliceShown()
            if shown is None:
                raise ValueError(_("No slice view is parallel to the slices of the source volume. Rotate one."))
            k = shown[0]
        return Request(selection, options, k)

    def isWanted(self, proposal):
        """Return whether a proposal matches the selection and the options; its slice need not be shown."""
        try:
            return proposal.asks_the_same(self.request(proposal.request.k))
        except ValueError:
            return False

    def propose(self):
        """Return the repaired wall; ``None`` if the user declines the model's terms or cancels."""
        from rncarefine.nca.model import load_model
        from rncarefine.progress import Cancelled
        from RNCARefineLib.mrml.editing import compute_proposal
        from RNCARefineLib.panel.dialogs import ProgressDialog, accepted_terms

        request = self.request()
        if request.options.model is None:
            raise ValueError(self.options.model.missing)
        model = load_model(request.options.model)
        if not accepted_terms(model.card):
            self.options.show_message(self.options.model.decline(model.card))
            return None
        try:
            with ProgressDialog(_("RNCA Repair")) as progress:
                return compute_proposal(request, model, progress)
        except Cancelled:
            self.options.show_message(_("Cancelled. Nothing was changed."))
            return None

    def sliceShown(self):
        """Return slice and name of the first view that is parallel to the stack; ``None`` if there is none."""
        from RNCARefineLib.mrml.editing import slices_shown

        return next(iter(slices_shown(self.scriptedEffect.parameterSetNode())), None)

    def showSlice(self):
        """Show in the options which slice is shown."""
        self.options.show_slice(self.sliceShown())
