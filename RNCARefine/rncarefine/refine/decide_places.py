"""Decide about the places of a picture: each edit is verified and accepted or rejected independently."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..anatomy.shape import EIGHT
from ..anatomy.thinning import thinned
from ..anatomy.topology import betti_2d, euler_characteristic
from ..reasons import Reason, ReasonCode
from ..stack import Mask
from ..tasks.tubular.bridges import (
    BridgeCandidate,
    active_region,
    bridge_confidence,
    bridge_features,
    candidates,
    rasterize,
)
from ..tasks.tubular.edits import Canvas, Limits, Window
from ..tasks.tubular.picture import Picture
from ..tasks.tubular.pieces import Pieces
from ..tasks.tubular.places import Place, PlaceFinding, find_places
from ..tasks.tubular.settings import Settings
from ..tasks.tubular.thicken import widened
from ..words import PlaceVerdict

Bools = NDArray[np.bool_]
Field = NDArray[np.float32]
Changed = tuple[Window, Bools]

SURE = 0.75
"""Bridges with a lower confidence need review."""
LIKELY = 0.8
"""Extensions with a lower mean likelihood need review. On validation pictures 95 % of the more likely extensions lay on
annotated vessels, of the others as few as 62 %."""
POSSIBLE = 0.25
"""An open gap is flagged if its best rejected bridge has at least this confidence."""
MIN_GAP = 2
"""Pixels kept free between an extension and a piece that it must not join."""
AROUND = 2.0
"""Vessels are widened and lengthened within this radius of an edit, in lengths of the longest bridge. This keeps a
second repair of a repaired mask close to the identity."""
MIN_LENGTHS = 2.0
"""Least length of an extension, in vessel widths."""


@dataclass(frozen=True, eq=False)
class Edited:
    """A place and its edit.

    Attributes:
        place: The finding.
        verdict: Outcome.
        changed: Window and added or removed pixels; ``None`` without a change.
        bridge: Accepted bridge, or the best rejected one.
        features: Features of its confidence.
        confidence: Probability that the bridge lies on a vessel.
        likelihood: Mean vessel likelihood at the place.
        reasons: The defect, and why it was left unchanged.
    """

    place: Place
    verdict: PlaceVerdict
    changed: Changed | None = None
    bridge: BridgeCandidate | None = None
    features: dict[str, float] = field(default_factory=dict)
    confidence: float | None = None
    likelihood: float | None = None
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, eq=False)
class PictureEdits:
    """All edits of a picture.

    Attributes:
        mask: Repaired mask, shape ``(j, i)``.
        edits: The places and their edits.
        thickened: Pixels added by widening.
    """

    mask: Mask
    edits: list[Edited]
    thickened: Bools


def edit(
    picture: Picture,
    pieces: Pieces,
    places: list[Place],
    likelihood: Field,
    settings: Settings,
    limits: Limits,
    *,
    add_only: bool = False,
    bridges_only: bool = False,
) -> PictureEdits:
    """Apply the edits that the likelihood supports, bridges in order of decreasing confidence.

    The first pass applies bridges, removals and fillings, then widens and lengthens vessels. The second pass applies
    bridges and extensions again, including stretches of vessel that the likelihood shows apart from the mask.

    Args:
        picture: The picture.
        pieces: Pieces of its mask.
        places: Findings; if there are only spurs, nothing is changed.
        likelihood: Vessel likelihood, 0 to 1, shape ``(j, i)``.
        settings: Thresholds and the weights of the confidence.
        limits: Limits of an edit, in pixels of this picture.
        add_only: Remove nothing.
        bridges_only: Apply bridges only.
    """
    thickened = np.zeros(picture.shape, bool)
    if all(place.finding is PlaceFinding.SPUR for place in places):
        return PictureEdits(picture.mask.copy(), [_left(place) for place in places], thickened)
    canvas, room = Canvas(pieces, picture.may_change, limits), picture.away_from_rim
    grey = picture.grey(settings.channel, settings.polarity)
    edited = _bridges(canvas, room, places, likelihood, grey, settings)
    for place in places:
        if place.finding is PlaceFinding.FRAGMENT and not canvas.is_touched(place.piece):
            edited.append(_fragment(canvas, place, likelihood, settings, add_only or bridges_only))
        elif place.finding is PlaceFinding.PINHOLE and not bridges_only:
            edited.append(_pinhole(canvas, place, likelihood, settings))
        elif place.finding in (PlaceFinding.SPUR, PlaceFinding.PINHOLE):
            edited.append(_left(place))
    if bridges_only:
        return PictureEdits(canvas.mask.astype(np.uint8), edited, thickened)
    kept = canvas.mask | ~pieces.mask  # do not restore parts of removed fragments
    free = room & kept & _near_edits(edited, picture.shape, AROUND * limits.bridge_px)
    apart = _away_from_bridges(edited, canvas)
    thickened = _thicken(canvas, likelihood, free & apart)
    edited.extend(_extensions(canvas, likelihood, free & apart, settings, edited))
    # Second pass, with stretches that the likelihood shows apart from the mask; only joined ones are kept.
    before = canvas.mask
    stretches = _stretches(before, likelihood, free, settings, limits)
    pieces = Pieces.of(before | stretches)
    canvas = Canvas(pieces, picture.may_change & kept, limits, _lengthened(edited, stretches), stretches)
    gaps = find_places(pieces, picture.field_of_view, limits)
    bridges = _bridges(canvas, room & kept, gaps, likelihood, grey, settings)
    canvas.keep_joined(before)
    edited = [*_not_settled(edited, bridges, pieces), *(one for one in bridges if canvas.mask[one.place.place])]
    for pixels, window in _components(stretches & canvas.mask, 0):
        edited.append(_longer((window, pixels), likelihood))
    edited.extend(_extensions(canvas, likelihood, free, settings, edited))
    return PictureEdits(canvas.mask.astype(np.uint8), edited, thickened)


def _stretches(mask: Bools, likelihood: Field, free: Bools, settings: Settings, limits: Limits) -> Bools:
    """Return the vessel components without holes that the likelihood shows apart from the mask.

    Args:
        mask: Vessel mask, shape ``(j, i)``.
        likelihood: Vessel likelihood, like ``mask``.
        free: Pixels that may be added.
        settings: Thresholds.
        limits: Centrelines are between ``keep_px`` and ``extend_px`` long.
    """
    shown, _ = ndimage.label(mask | (free & (likelihood > 0.5)), EIGHT)
    connected = np.unique(shown[mask])
    found = np.zeros_like(mask)
    for number, (rows, columns) in enumerate(ndimage.find_objects(shown), 1):
        if number in connected or max(rows.stop - rows.start, columns.stop - columns.start) < limits.keep_px / 2:
            continue
        pixels = shown[rows, columns] == number
        line = thinned(pixels)
        long = limits.keep_px <= line.sum() <= limits.extend_px
        sure = likelihood[rows, columns][line].mean() >= settings.extend_likelihood
        if long and sure and betti_2d(pixels)[1] == 0:
            found[rows, columns] |= pixels
    return found


def _away_from_bridges(edited: list[Edited], canvas: Canvas) -> Bools:
    """Return the pixels away from the bridges: pixels next to one would keep the pieces joined if it were rejected."""
    bridges = np.zeros(canvas.mask.shape, bool)
    for window, pixels in (each.changed for each in edited if each.changed and each.bridge):
        bridges[window] |= pixels
    return ~ndimage.binary_dilation(bridges, EIGHT, 2 + int(canvas.limits.thicken_px))


def _lengthened(edited: list[Edited], stretches: Bools) -> Field:
    """Return the length of the extension or stretch at each of its pixels, 0 elsewhere; shape ``(j, i)``."""
    length = np.zeros(stretches.shape, np.float32)
    for each in edited:
        if each.changed and each.verdict is PlaceVerdict.EXTENDED:
            window, pixels = each.changed
            length[window][pixels] = each.place.size
    for pixels, window in _components(stretches, 0):
        length[window][pixels] = thinned(pixels).sum()
    return length


def _not_settled(edited: list[Edited], later: list[Edited], pieces: Pieces) -> list[Edited]:
    """Return the edits of the first pass without its gaps, decided again, and without fragments joined since."""
    joined = {piece for each in later if each.changed and each.bridge for piece in each.bridge.pieces}
    return [
        each
        for each in edited
        if each.verdict is not PlaceVerdict.LEFT
        or each.place.finding in (PlaceFinding.SPUR, PlaceFinding.PINHOLE)
        or (each.place.finding is PlaceFinding.FRAGMENT and pieces.labels[each.place.place] not in joined)
    ]


def found_reason(place: Place) -> Reason:
    """Return the reason for a finding."""
    if place.finding is PlaceFinding.PINHOLE:
        return Reason(ReasonCode.PINHOLE, area_px=place.size)
    codes = {
        PlaceFinding.GAP: ReasonCode.VESSEL_GAP,
        PlaceFinding.FRAGMENT: ReasonCode.LOOSE_FRAGMENT,
        PlaceFinding.SPUR: ReasonCode.SPUR,
        PlaceFinding.OPEN_END: ReasonCode.OPEN_END,
    }
    return Reason(codes[place.finding], length_px=place.size)


def _left(place: Place, *why: Reason, likelihood: float | None = None) -> Edited:
    """Return a place that is left unchanged."""
    if place.finding is PlaceFinding.SPUR:
        why = (Reason(ReasonCode.KEPT_SPUR),)
    return Edited(place, PlaceVerdict.LEFT, likelihood=likelihood, reasons=(found_reason(place), *why))


def _bridges(
    canvas: Canvas, room: Bools, places: list[Place], likelihood: Field, grey: Field, settings: Settings
) -> list[Edited]:
    """Apply bridges in order of decreasing confidence; return them and the gaps that remain open.

    Args:
        canvas: The mask.
        room: Region that bridges must not leave, shape ``(j, i)``.
        places: Findings; only gaps are used.
        likelihood: Vessel likelihood, shape ``(j, i)``.
        grey: Image with bright vessels.
        settings: Thresholds and the weights of the confidence.
    """
    found = candidates(canvas.pieces, likelihood, room, canvas.limits, settings.join_likelihood)
    features = bridge_features(found, canvas.pieces, likelihood, grey, canvas.limits)
    sure = [bridge_confidence(each, settings.bridge_confidence) for each in features]
    loose = canvas.pieces.fragments(canvas.limits.keep_px)
    made: list[Edited] = []
    closed: set[int] = set()
    best: dict[int, Edited] = {}
    for n in sorted(range(len(found)), key=lambda n: -sure[n]):
        one, measured = found[n], features[n]
        place = Place(PlaceFinding.GAP, one.place, one.length, end=max(one.ends), piece=one.pieces[0])
        least = settings.fragment_confidence if loose[list(one.pieces)].any() else settings.least_confidence
        outcome = _try(canvas, one, likelihood, measured["support"], sure[n], least, settings.least_support)
        reasons = (found_reason(place), *((outcome,) if isinstance(outcome, Reason) else ()))
        changed = None if isinstance(outcome, Reason) else outcome
        verdict = PlaceVerdict.LEFT if changed is None else PlaceVerdict.BRIDGED
        edited = Edited(place, verdict, changed, one, measured, sure[n], measured["likelihood"], reasons)
        if changed is None:
            best.update({end: edited for end in one.ends if end not in best})
        else:
            made.append(edited)
            closed.update(one.ends)
    gaps = [place for place in places if place.finding is PlaceFinding.GAP and place.end not in closed]
    return [*made, *(_open(place, best.get(place.end)) for place in gaps)]


def _open(place: Place, best: Edited | None) -> Edited:
    """Return a gap that stays open, with its best rejected bridge."""
    if best is None:
        return _left(place)
    return replace(best, place=place, reasons=(found_reason(place), *best.reasons[1:]))


def _try(
    canvas: Canvas,
    one: BridgeCandidate,
    likelihood: Field,
    support: float,
    sure: float,
    least: float,
    least_support: float,
) -> Changed | Reason:
    """Apply a bridge, or return the reason to reject it."""
    if sure < least:
        return Reason(ReasonCode.UNSURE, confidence=sure, least=least)
    if support <= least_support:
        return Reason(ReasonCode.NO_SUPPORT, support=support)
    window, shape = rasterize(one, likelihood)
    return canvas.bridge(one.path, shape, window)


def _fragment(canvas: Canvas, place: Place, likelihood: Field, settings: Settings, keep: bool) -> Edited:
    """Remove a fragment unless the likelihood supports it."""
    window, pixels = canvas.pieces.pixels_of(place.piece)
    mean = float(likelihood[window][pixels].mean())
    if keep:
        return _left(place, Reason(ReasonCode.ADD_ONLY), likelihood=mean)
    if mean >= settings.fragment_likelihood or not canvas.remove(place.piece):
        return _left(place, Reason(ReasonCode.KEPT_FRAGMENT, likelihood=mean), likelihood=mean)
    reasons = (found_reason(place),)
    return Edited(place, PlaceVerdict.REMOVED, (window, pixels), likelihood=mean, reasons=reasons)


def _pinhole(canvas: Canvas, place: Place, likelihood: Field, settings: Settings) -> Edited:
    """Fill a pinhole if the likelihood supports it."""
    assert place.hole is not None
    window, hole = place.hole
    mean = float(likelihood[window][hole].mean())
    if mean < settings.hole_likelihood or not canvas.fill(hole, window):
        return _left(place, Reason(ReasonCode.KEPT_HOLE, likelihood=mean), likelihood=mean)
    reasons = (found_reason(place),)
    return Edited(place, PlaceVerdict.FILLED, (window, hole), likelihood=mean, reasons=reasons)


def _near_edits(edited: list[Edited], shape: tuple[int, int], reach: float) -> Bools:
    """Return the pixels within ``reach`` of an edit; empty without edits."""
    apart = np.ones(shape, bool)
    for window, pixels in (each.changed for each in edited if each.changed is not None):
        apart[window] &= ~pixels
    return np.zeros(shape, bool) if apart.all() else np.asarray(ndimage.distance_transform_edt(apart) <= reach)


def _thicken(canvas: Canvas, likelihood: Field, free: Bools) -> Bools:
    """Widen the vessels near loose ends and fragments where the likelihood exceeds 0.5; return the new pixels.

    Args:
        canvas: The mask.
        likelihood: Vessel likelihood, shape ``(j, i)``.
        free: Pixels that may be added.
    """
    before, limits = canvas.mask.copy(), canvas.limits
    near = active_region(canvas.pieces, limits.keep_px, limits.bridge_px)
    wanted = near & free & (likelihood > 0.5) & canvas.is_near
    grown = widened(before, wanted, int(limits.thicken_px))
    # All components at once, which is faster; if that is rejected, one by one.
    if canvas.thicken(grown, (slice(None), slice(None))) is None:
        for pixels, window in _components(grown, 0):
            canvas.thicken(pixels, window)
    return np.asarray(canvas.mask & ~before)


def _extensions(
    canvas: Canvas, likelihood: Field, free: Bools, settings: Settings, edited: list[Edited]
) -> list[Edited]:
    """Lengthen vessels that continue in the likelihood; extensions hardly longer than wide are dropped.

    Args:
        canvas: The mask.
        likelihood: Vessel likelihood, shape ``(j, i)``.
        free: Pixels that may be added.
        settings: Thresholds.
        edited: Previous edits; an extension must not join pieces that a bridge joins.
    """
    plain = canvas.mask.copy()
    for window, pixels in (each.changed for each in edited if each.changed and each.bridge):
        plain[window] &= ~pixels
    alone, _ = ndimage.label(plain, structure=EIGHT)
    wanted = free & (likelihood > 0.5)
    grown = widened(canvas.mask, wanted, int(canvas.limits.extend_px) - 2)
    # Where two ends grow towards each other and may not join, leave a visible gap instead of a slit.
    stopped = wanted & ~canvas.mask & ~grown & ndimage.binary_dilation(grown, EIGHT)
    grown &= ~ndimage.binary_dilation(stopped, EIGHT, MIN_GAP)
    longer = []
    for pixels, window in _components(grown, 0):
        line = thinned(pixels)
        length, mean = int(line.sum()), float(likelihood[window][line].mean())
        thick = 2 * float(ndimage.distance_transform_edt(pixels).max())
        if length < MIN_LENGTHS * thick or mean < settings.extend_likelihood:
            continue
        touched = np.count_nonzero(np.unique(alone[window][ndimage.binary_dilation(pixels, EIGHT)]))
        without = plain[window]
        change = euler_characteristic(without | pixels) - euler_characteristic(without)
        if touched > 1 or (touched == 0) - change > 0:
            continue  # if the bridge were rejected, it would keep the pieces joined, or leave a hole
        changed = canvas.extend(pixels, window)
        if changed is not None:
            longer.append(_longer(changed, likelihood))
    return longer


def _longer(changed: Changed, likelihood: Field) -> Edited:
    """Return the edit of an extension."""
    window, pixels = changed
    line = thinned(pixels)
    j, i = (int(value) for value in np.argwhere(line)[line.sum() // 2])
    place = Place(PlaceFinding.OPEN_END, (window[0].start + j, window[1].start + i), float(line.sum()))
    mean = float(likelihood[window][line].mean())
    return Edited(place, PlaceVerdict.EXTENDED, changed, likelihood=mean, reasons=(found_reason(place),))


def _components(pixels: Bools, margin: int) -> list[tuple[Bools, Window]]:
    """Return the connected components of a mask, each on a window with a margin."""
    labels, _ = ndimage.label(pixels, structure=EIGHT)
    found = []
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        rows, columns = (slice(max(one.start - margin - 1, 0), one.stop + margin + 1) for one in box)
        found.append((labels[rows, columns] == number, (rows, columns)))
    return found
