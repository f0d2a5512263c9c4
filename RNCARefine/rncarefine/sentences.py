"""Sentences of all reason codes, which the Slicer side translates; reasons are rendered only through this table."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .reasons import Reason, ReasonCode

Translate = Callable[[str], str]


def _(text: str) -> str:
    """Mark a text for extraction by translation tools."""
    return text


SENTENCES: dict[ReasonCode, str] = {
    ReasonCode.GAP: _("The wall has a gap of {angle_deg:.0f} degrees ({width_mm:.0f} mm)."),
    ReasonCode.NOT_CLOSED: _("The wall does not close."),
    ReasonCode.NO_CAVITY: _("The wall encloses no cavity: its only hole is smaller than its notch."),
    ReasonCode.SOLID: _("The myocardium is solid."),
    ReasonCode.SOLID_WITH_POOL: _("The myocardium is solid, but there is blood pool in the slice."),
    ReasonCode.FRAGMENTED: _("The myocardium has {components:.0f} components."),
    ReasonCode.POROUS: _("The wall has {holes:.0f} holes and is not a plain ring."),
    ReasonCode.PORE_ONLY: _(
        "The only hole in the wall is not its cavity: it is too small or, if a blood pool was given, holds none of it."
    ),
    ReasonCode.EMPTY: _("There is no myocardium, although the slices on both sides have some."),
    ReasonCode.WALL_MISSING: _("There is blood pool, but no myocardium."),
    ReasonCode.CLOSED: _("There is a closed wall."),
    ReasonCode.DISC_EXPECTED: _("A disc is expected at the apical end."),
    ReasonCode.OPEN_ALLOWED: _("It may be open at the base (outflow tract)."),
    ReasonCode.LARGE_DISC: _(
        "With {diameter_mm:.0f} mm it is large for an apical cap (at most {most_mm:.0f} mm are usual)."
    ),
    ReasonCode.SMALL_DISC: _(
        "With {diameter_mm:.0f} mm it is small for an apical cap (at least {least_mm:.0f} mm are usual)."
    ),
    ReasonCode.LONG_CAP: _(
        "The solid apical end is {length_mm:.0f} mm long (usually at most {most_mm:.0f} mm): its cavity may have been "
        "filled."
    ),
    ReasonCode.DISC_OFF_NEIGHBOUR: _("Only {share:.0%} of it lies within the outline of its neighbour."),
    ReasonCode.OPEN_OFF_CONTOUR: _("Only {share:.0%} of it lies on the contour of its neighbour."),
    ReasonCode.ISLANDS: _(
        "Components inside the cavity: {components:.0f} (papillary muscles or trabeculae); they are kept."
    ),
    ReasonCode.OFF_AXIS: _("No component is near the heart."),
    ReasonCode.NO_DISC: _("No single solid disc could be made."),
    ReasonCode.NO_RING: _("No closed ring with a wall of at least a pixel could be made."),
    ReasonCode.RING_AROUND_PORE: _(
        "The closed wall would enclose a pore, or a place without the given blood pool, instead of the cavity."
    ),
    ReasonCode.AWAY_FROM_WALL: _("The closed wall would hardly overlap the given wall."),
    ReasonCode.POOL_LEFT_OUTSIDE: _("The closed wall would leave most of the given blood pool outside."),
    ReasonCode.TOO_LARGE: _("The closed wall would be larger than any left ventricle (radius {radius_mm:.0f} mm)."),
    ReasonCode.RING_OFF_AXIS: _("The closed wall would lie {distance_mm:.0f} mm away from the heart's axis."),
    ReasonCode.CHANGE_TOO_LARGE: _(
        "The repair would change {change_mm2:.0f} mm2, more than the {most_mm2:.0f} mm2 allowed."
    ),
    ReasonCode.THREAD: _(
        "The closed part would be a thread: {relative:.2f} of the wall's median thickness (at least {least:.2f})."
    ),
    ReasonCode.LOBED: _(
        "The closed wall's outline would have a deep notch, as if it reached into the right ventricle."
    ),
    ReasonCode.CAVITY_SHARE: _(
        "The cavity would be {share:.0%} of the filled outline; {least:.0%} to {most:.0%} are plausible."
    ),
    ReasonCode.THROUGH_POOL: _("The closed wall would take {share:.0%} of the given blood pool."),
    ReasonCode.CUT_BY_BORDER: _(
        "The border of the image cuts the wall ({length_mm:.0f} mm): it continues outside the image."
    ),
    ReasonCode.MOSTLY_OTHER_LABEL: _("The wall would mostly lie on other labels or segments ({share:.0%} of it)."),
    ReasonCode.COUNTS_AS_RING: _("Its only hole is a pore, not the cavity."),
    ReasonCode.NO_PROPOSAL: _("The automaton found no wall."),
    ReasonCode.INTERPOLATION_REJECTED: _("The interpolated wall was also rejected:"),
    ReasonCode.INVENTED: _("The whole wall was drawn from the image."),
    ReasonCode.BETWEEN_NEIGHBOURS: _(
        "The wall was interpolated between the closest closed walls on both sides. The image of this slice was not "
        "used: no reliable wall could be drawn from it."
    ),
    ReasonCode.AGAINST_POOL: _(
        "It was drawn all the same, because the given blood pool may be wrong, too: check both against the image."
    ),
    ReasonCode.CLEANED: _("Only loose components and pores were removed."),
    ReasonCode.GAP_CLOSED: _("Only gaps, pores and loose components were repaired; the rest of the wall was kept."),
    ReasonCode.RESHAPED: _("The shape was corrected: a lobe was removed, or a thin place was thickened."),
    ReasonCode.RING_SHOWN: _("The image shows a cavity where a disc was expected: a ring was drawn."),
    ReasonCode.MASK_DISREGARDED: _("The mask contradicts the image: the wall was drawn from the image alone."),
    ReasonCode.LOW_CONFIDENCE: _("Low confidence ({confidence:.2f}): the repaired wall may be wrong."),
    ReasonCode.IMAGE_DISAGREES: _("Closed, but the image disagrees (confidence {confidence:.2f})."),
    ReasonCode.WALL_SHOWN: _("There is no myocardium, but the image shows it in this and an adjacent slice."),
    ReasonCode.BLANK_IMAGE: _("The image of this slice is blank: the wall cannot be judged."),
    ReasonCode.THIN_CLOSURE: _(
        "The closed part is thin: {relative:.2f} of the wall's median thickness (usually at least {least:.2f})."
    ),
    ReasonCode.MOVED: _(
        "Only {share:.0%} of the given wall lies on or within the new wall: check both against the image."
    ),
    ReasonCode.POOL_OUTSIDE: _(
        "Only {share:.0%} of the given blood pool lies within the new wall: check that image and masks belong together."
    ),
    ReasonCode.VESSEL_GAP: _("The vessel has a gap of {length_px:.0f} px."),
    ReasonCode.LOOSE_FRAGMENT: _("A loose fragment has a centreline of {length_px:.0f} px."),
    ReasonCode.PINHOLE: _("The vessel has a hole of {area_px:.0f} px."),
    ReasonCode.SPUR: _("The vessel has a side branch of {length_px:.0f} px."),
    ReasonCode.OPEN_END: _("The image shows {length_px:.0f} px more of the vessel beyond this end."),
    ReasonCode.BRIDGE_TOO_LONG: _(
        "The bridge would be {length_px:.0f} px long, more than the {most_px:.0f} px allowed."
    ),
    ReasonCode.OUTSIDE_VIEW: _("The bridge would leave the field of view."),
    ReasonCode.WOULD_LOOP: _("The bridge would close a loop."),
    ReasonCode.JOINS_NONE: _("The bridge would join nothing."),
    ReasonCode.NO_SUPPORT: _("The image shows no vessel along the bridge (contrast {support:.2f})."),
    ReasonCode.UNSURE: _("The confidence of the bridge is too low ({confidence:.2f}, at least {least:.2f})."),
    ReasonCode.KEPT_FRAGMENT: _("It was kept: the image shows a vessel there ({likelihood:.2f})."),
    ReasonCode.KEPT_SPUR: _("It was left unchanged: spurs are never removed."),
    ReasonCode.KEPT_HOLE: _("It was left open: the image shows no vessel there ({likelihood:.2f})."),
    ReasonCode.ADD_ONLY: _("It was kept: nothing is removed."),
    ReasonCode.TAKEN_FROM_OTHERS: _(
        "{area_mm2:.0f} mm2 of the repaired wall ({share:.0%}) lie on other labels or segments."
    ),
    ReasonCode.COVERS_OTHER: _(
        "The repaired wall covers {share:.0%} of another label or segment near it ({area_mm2:.0f} mm2)."
    ),
    ReasonCode.STACK_IN_DOUBT: _("The stack is in doubt: this slice needs review."),
    ReasonCode.EDITED: _("It was edited by hand after the repair."),
    ReasonCode.NOT_THICKEST_AXIS: _(
        "This may not be a short-axis stack: the slice spacing ({slice_spacing_mm:.1f} mm) is smaller than the "
        "in-plane spacing ({in_plane_mm:.1f} mm). Check that its slices are stacked along the third image axis."
    ),
    ReasonCode.NO_SPACING: _(
        "With a spacing of 1 x 1 x 1 mm, {slices:.0f} slices do not cover a heart: the spacing may be missing from the "
        "header. Enter that of the scan."
    ),
    ReasonCode.IMPLAUSIBLE_SIZE: _(
        "The outer diameter of the wall is {diameter_mm:.0f} mm ({least_mm:.0f} to {most_mm:.0f} mm are plausible): "
        "check the spacing in the file's header."
    ),
    ReasonCode.IMAGE_LIKE_MASK: _(
        "The image looks like the segmentation (correlation {correlation:.2f}, at most {most:.2f} in MR images): it "
        "may be a probability map. Choose the MR image."
    ),
    ReasonCode.SEVERAL_WALLS: _(
        "The myocardium closes around more than one cavity (number of slices: {slices:.0f}): it may hold other walls "
        "than that of the left ventricle, such as that of the right one. Give the left ventricle's wall its own label."
    ),
    ReasonCode.ONLY_OUTLINES: _(
        "The myocardium is drawn in lines: only {share:.0%} of it is thicker than a pixel (usually at least "
        "{least:.0%}). Are these outlines of the wall? Fill the area between the inner and the outer one."
    ),
    ReasonCode.FILLED_OUTLINE: _(
        "No slice is a ring, and the myocardium is solid in most of them (number of slices: {slices:.0f}): is this the "
        "outer contour, filled, or is a wrong blood pool given? Subtract the blood pool, or choose the right labels."
    ),
    ReasonCode.NO_SLICE_CLOSED: _(
        "No slice is a ring (number of slices with myocardium: {slices:.0f}): this may be another structure than the "
        "myocardium of the left ventricle, or no short-axis stack."
    ),
    ReasonCode.WIDE_GAP_OF_FEW: _(
        "No slice is a ring, and the widest gap has {angle_deg:.0f} degrees (at most {most_deg:.0f} without doubt). So "
        "few slices (number: {slices:.0f}) do not show whether this is a short-axis stack."
    ),
    ReasonCode.SAME_GAP: _(
        "The wall is open on the same side in slice after slice (number of slices: {slices:.0f}): this may not be a "
        "short-axis stack, or a part of the wall may have another label."
    ),
    ReasonCode.CENTRE_DRIFTS: _(
        "This may not be a short-axis stack: the wall's axis is tilted by {angle_deg:.0f} degrees against the slices' "
        "normal (at most {most_deg:.0f} are usual)."
    ),
    ReasonCode.ELONGATED: _(
        "This may not be a short-axis stack, or not the left ventricle: the wall's outline is elongated (shortest over "
        "longest axis {roundness:.2f}, usually at least {least:.2f})."
    ),
    ReasonCode.POOL_NOT_FOUND: _(
        "The segmentation has no such blood pool and was taken without one. If it has one, correct its label or name."
    ),
    ReasonCode.RV_NOT_FOUND: _(
        "The segmentation has no such right ventricle: the polar map has no segments. If it has one, correct its label "
        "or name."
    ),
    ReasonCode.THIN_SLICES: _(
        "The slice spacing ({slice_spacing_mm:.2f} mm) is close to the in-plane spacing: this may not be a short-axis "
        "stack. Check that its slices are stacked along the third image axis."
    ),
    ReasonCode.ONE_SLICE: _(
        "The stack has one slice: base and apex cannot be distinguished, and no neighbour helps. A ring is expected, "
        "even if the slice is the apex or the outflow tract."
    ),
    ReasonCode.GPU_OUT_OF_MEMORY: _("The GPU ran out of memory; the repair continued on the CPU."),
    ReasonCode.HEART_UNSURE: _(
        "The model is unsure where the heart is ({sureness:.2f}, usually at least {least:.2f}): the image may be "
        "unlike those it was trained on. Every change needs review. The model for late enhancement is sax-any-2d."
    ),
    ReasonCode.MASKS_CONTRADICTED: _(
        "The image contradicts the wall in {slices:.0f} slices: check that image and masks belong together. "
        "Every wall needs review. The model for late enhancement is sax-any-2d."
    ),
    ReasonCode.MASKS_SHIFTED: _(
        "The walls fit the images better if they are moved by {slices:+.0f} slice along the stack: check that image "
        "and masks start at the same slice. Every wall needs review."
    ),
    ReasonCode.HEART_RIVALLED: _(
        "The images show in two places what may be the heart (scores {score:.2f} and {rival:.2f}). Check that the wall "
        "lies on the heart. Every change needs review."
    ),
    ReasonCode.SLICE_EDITED: _(
        "Slice {k:.0f} was edited by hand after the repair; its record describes the current state."
    ),
    ReasonCode.OUTSIDE_VOLUME: _("Voxels of the segment outside the volume: {voxels:.0f}. They are not changed."),
    ReasonCode.UNLIKE_TRAINING: _(
        "The picture is unlike those that the model was trained on (distance {distance:.1f}, usually at most "
        "{most:.1f}): it is repaired by short bridges at most, and needs review as a whole. The model expects an "
        "upright colour photograph of a retina with its whole field of view, not a part of it, and the mask that "
        "belongs to it."
    ),
    ReasonCode.NO_BORDER: _(
        "The photograph has no dark border. It may show a part of the field of view only, so that its scale is "
        "unknown: it is repaired by short bridges at most, and needs review as a whole. Give the whole photograph."
    ),
    ReasonCode.OVERLAP: _(
        "The new wall overlaps other segments by {area_mm2:.0f} mm2 (number of slices: {slices:.0f}); they keep their "
        "voxels. If one of them is the blood pool, choose it as such."
    ),
}
BEFORE = _("Before the repair: {reason}")
"""Template for the defects of a repaired slice."""
DECIDED = frozenset(
    {
        ReasonCode.NO_DISC,
        ReasonCode.NO_RING,
        ReasonCode.RING_AROUND_PORE,
        ReasonCode.AWAY_FROM_WALL,
        ReasonCode.POOL_LEFT_OUTSIDE,
        ReasonCode.TOO_LARGE,
        ReasonCode.RING_OFF_AXIS,
        ReasonCode.CHANGE_TOO_LARGE,
        ReasonCode.CAVITY_SHARE,
        ReasonCode.THROUGH_POOL,
        ReasonCode.MOSTLY_OTHER_LABEL,
        ReasonCode.NO_PROPOSAL,
        ReasonCode.INTERPOLATION_REJECTED,
        ReasonCode.INVENTED,
        ReasonCode.BETWEEN_NEIGHBOURS,
        ReasonCode.AGAINST_POOL,
        ReasonCode.CLEANED,
        ReasonCode.GAP_CLOSED,
        ReasonCode.MOVED,
        ReasonCode.POOL_OUTSIDE,
        ReasonCode.LOBED,
        ReasonCode.THREAD,
        ReasonCode.RESHAPED,
        ReasonCode.RING_SHOWN,
        ReasonCode.MASK_DISREGARDED,
        ReasonCode.LOW_CONFIDENCE,
        ReasonCode.IMAGE_DISAGREES,
        ReasonCode.WALL_SHOWN,
        ReasonCode.BLANK_IMAGE,
        ReasonCode.THIN_CLOSURE,
        ReasonCode.TAKEN_FROM_OTHERS,
        ReasonCode.COVERS_OTHER,
        ReasonCode.STACK_IN_DOUBT,
        ReasonCode.EDITED,
    }
)
"""Codes about the repair, rejected walls included; all others describe findings."""

_translate: Translate = _


def use_translation(translate: Translate) -> None:
    """Set the function that translates sentences before numbers are inserted."""
    global _translate
    _translate = translate


def sentence(reason: Reason) -> str:
    """Return a reason as one sentence."""
    return _translate(SENTENCES[reason.code]).format(**reason.values)


def text_of(reasons: Sequence[Reason], repaired: bool = False) -> str:
    """Render reasons as text.

    Args:
        reasons: The reasons, in order.
        repaired: Whether they describe the slice before its repair.
    """
    if not repaired:
        return " ".join(sentence(reason) for reason in reasons)
    found = " ".join(sentence(reason) for reason in reasons if reason.code not in DECIDED)
    before = [_translate(BEFORE).format(reason=found)] if found else []
    return " ".join((*before, *(sentence(reason) for reason in reasons if reason.code in DECIDED)))
