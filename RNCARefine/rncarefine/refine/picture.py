"""Check or repair a picture of thin branching structures, such as retinal vessels."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timezone

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .. import __version__
from ..anatomy.shape import EIGHT
from ..anatomy.topology import betti_2d
from ..nca.architecture import Architecture
from ..nca.model import Model, choose_model
from ..nca.rollout import Runner
from ..progress import Progress, report_progress, subrange
from ..reasons import Reason, ReasonCode
from ..stack import Mask
from ..tasks.task import VESSELS, check_task
from ..tasks.tubular.edits import Limits
from ..tasks.tubular.familiar import distance, picture_features
from ..tasks.tubular.picture import Picture
from ..tasks.tubular.pieces import Pieces, pieces_of
from ..tasks.tubular.places import PlaceFinding, find_places
from ..tasks.tubular.settings import SHORT, Settings
from ..tasks.tubular.windows import likelihood as by_automaton
from ..words import PlaceVerdict
from .decide_places import LIKELY, POSSIBLE, SURE, Changed, Edited, PictureEdits, edit, found_reason
from .options import RepairOptions
from .place_records import PictureRecord, PictureReport, PictureRun, PlaceRecord

Field = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class RepairedPicture:
    """A repaired picture.

    Attributes:
        picture: The picture before the repair.
        mask: Repaired mask, shape ``(j, i)``, 0 and 1.
        edits: Edit of each place, in the order of the report.
        report: Report of findings and edits.
        likelihood: Vessel likelihood that the edits were decided by, 0 to 1, shape ``(j, i)``.
    """

    picture: Picture
    mask: Mask
    edits: list[Edited]
    report: PictureReport
    likelihood: Field

    @property
    def added(self) -> Mask:
        """Added pixels, shape ``(j, i)``."""
        return np.asarray(self.mask & (1 - self.picture.mask), np.uint8)

    @property
    def removed(self) -> Mask:
        """Removed pixels, shape ``(j, i)``."""
        return np.asarray(self.picture.mask & (1 - self.mask), np.uint8)

    def without(self, rejected: Collection[int]) -> Mask:
        """Return the mask with the edits of some places undone, shape ``(j, i)``.

        Added components that only a rejected bridge connects are removed with it.

        Args:
            rejected: Numbers of places in the report.

        Raises:
            ValueError: A place does not exist.
        """
        for number in rejected:
            if not 0 <= number < len(self.edits):
                raise ValueError(f"{self.picture.name}: there is no place {number}; there are {len(self.edits)}.")
        changes = (self.edits[number].changed for number in rejected)
        return put_back(self.picture.mask, self.mask, [changed for changed in changes if changed is not None])


def put_back(before: Mask, after: Mask, changes: Iterable[Changed]) -> Mask:
    """Undo some changes of a repaired mask, and remove added components that only these connected.

    Args:
        before: Mask before the repair, shape ``(j, i)``.
        after: Mask after the repair, like ``before``.
        changes: Windows and the changed pixels in them.
    """
    mask = after.copy()
    for window, pixels in changes:
        mask[window][pixels] = before[window][pixels]
    labels, count = ndimage.label(mask, structure=EIGHT)
    unconnected = np.bincount(labels[before > 0], minlength=count + 1) == 0
    mask[unconnected[labels]] = 0
    return mask


def check_picture(picture: Picture, settings: Settings | None = None) -> PictureReport:
    """Find gaps, loose fragments, pinholes and spurs in a picture without changing it.

    Example:
        >>> mask = np.zeros((400, 400), int)
        >>> mask[200, 20:150] = mask[200, 160:380] = 1
        >>> report = check_picture(Picture.create(mask * 50.0 + 9, mask))
        >>> sorted({str(place.finding) for place in report.places}), report.picture.b0_before
        (['gap'], 2)

    Args:
        picture: The picture.
        settings: Limits of gaps, fragments and pinholes; by default those for a fundus photograph.

    Returns:
        A report of the places to repair; spurs are reported but never removed.

    Raises:
        ValueError: The mask is empty in the field of view, or noise.
    """
    started = time.perf_counter()
    settings = settings or Settings()
    pieces = pieces_of(picture)
    limits = settings.limits_at(picture.diameter)
    edits = []
    for place in find_places(pieces, picture.field_of_view, limits):
        spur = place.finding is PlaceFinding.SPUR
        verdict = PlaceVerdict.LEFT if spur else PlaceVerdict.TO_REPAIR
        edits.append(Edited(place, verdict, reasons=(found_reason(place),)))
    run = _run_record(limits, settings, RepairOptions(), None, 0, time.perf_counter() - started)
    unchanged = PictureEdits(picture.mask, edits, np.zeros(picture.shape, bool))
    return _report(picture, pieces, unchanged, run, None, [], every=False)


def repair_picture(
    picture: Picture,
    model: Model | None = None,
    options: RepairOptions | None = None,
    progress: Progress | None = None,
    *,
    likelihood: Field | None = None,
) -> RepairedPicture:
    """Repair the vessels of a picture; a picture without findings is returned unchanged.

    Example:
        >>> mask = np.zeros((400, 400), int)
        >>> mask[199:202, 20:380] = 1
        >>> image, likelihood = 200.0 - 90 * mask, 0.95 * mask
        >>> mask[:, 150:156] = 0
        >>> repaired = repair_picture(Picture.create(image, mask), likelihood=likelihood)
        >>> repaired.report.picture.bridges, repaired.report.picture.b0_after, bool(repaired.mask[200, 150:156].all())
        (1, 1, True)

    Args:
        picture: The picture.
        model: Weights and card of a tubular model; by default the one named in the options, or the best installed.
        options: Options of the repair. ``model``, ``device``, ``seed``, ``samples``, ``steps``, ``add_only`` and
            ``bridges_only`` are used; the others apply to stacks.
        progress: Called with the progress; may cancel.
        likelihood: Vessel likelihood to use instead of the automaton's, 0 to 1, shape ``(j, i)``; no model is needed
            then.

    Returns:
        The repaired mask, all edits, and the report.

    Raises:
        ValueError: The mask is empty or noise, the model is for another task, the likelihood is invalid, or the device
            is not available.
        Cancelled: ``progress`` requested cancellation; nothing was changed.
    """
    options = options or RepairOptions()
    started = time.perf_counter()
    if likelihood is None and model is None:
        model = choose_model(options.model, task=VESSELS.name)
    if model is not None:
        check_task(model.card, VESSELS, picture.name)
    pieces = pieces_of(picture)
    settings = Settings() if model is None else Settings.of(model.card)
    report_progress(progress, 0.0, "Looking for gaps and fragments")
    limits = settings.limits_at(picture.diameter)
    places = find_places(pieces, picture.field_of_view, limits)
    runner = None
    if likelihood is not None:
        field = _checked_likelihood(likelihood, picture)
    elif all(place.finding is PlaceFinding.SPUR for place in places):
        field = np.zeros(picture.shape, np.float32)
    else:
        assert model is not None
        runner = Runner(model.parameters, Architecture.of(model.card.shapes), options.device)
        field = by_automaton(
            picture,
            model,
            runner,
            pieces,
            seed=options.seed,
            samples=options.samples,
            steps=options.steps,
            progress=subrange(progress, 0.1, 0.8),
        )
    report_progress(progress, 0.8, "Verifying every edit")
    doubts = [] if runner is None else _doubts(picture, pieces, field, settings)
    unlike = bool(doubts)
    if unlike:
        limits = replace(limits, bridge_px=SHORT * limits.bridge_px)
    if runner is not None and runner.out_of_memory:
        doubts.append(Reason(ReasonCode.GPU_OUT_OF_MEMORY))
    only = options.bridges_only or unlike
    edits = edit(picture, pieces, places, field, settings, limits, add_only=options.add_only, bridges_only=only)
    edits = replace(edits, edits=sorted(edits.edits, key=_order))
    report_progress(progress, 1.0, "Done")
    steps = 0
    if model is not None and runner is not None:
        steps = model.card.steps if options.steps is None else options.steps
    record = _run_record(limits, settings, options, runner, steps, time.perf_counter() - started)
    report = _report(picture, pieces, edits, record, model, doubts, every=unlike)
    return RepairedPicture(picture, edits.mask, edits.edits, report, field)


def _checked_likelihood(likelihood: Field, picture: Picture) -> Field:
    field = np.asarray(likelihood, np.float32)
    if field.shape != picture.shape or not np.isfinite(field).all() or field.min() < 0 or field.max() > 1:
        raise ValueError(f"{picture.name}: the likelihood must have the shape {picture.shape} and values 0 to 1.")
    return field


def _doubts(picture: Picture, pieces: Pieces, likelihood: Field, settings: Settings) -> list[Reason]:
    """Return the doubts that the picture is outside the training domain."""
    if not settings.familiar:
        return []
    doubts = [Reason(ReasonCode.NO_BORDER)] if picture.channels == 3 and picture.field_of_view.all() else []
    grey = picture.grey(settings.channel, settings.polarity)
    far, most = distance(picture_features(picture, pieces, likelihood, grey), settings.familiar), settings.familiar
    if far > most["most"]:
        doubts.append(Reason(ReasonCode.UNLIKE_TRAINING, distance=far, most=most["most"]))
    return doubts


def _order(edited: Edited) -> tuple[int, float]:
    """Sort bridges and extensions first, least confident first, and unchanged places last, likeliest gaps first."""
    verdicts = (PlaceVerdict.BRIDGED, PlaceVerdict.EXTENDED, PlaceVerdict.REMOVED, PlaceVerdict.FILLED)
    sure = edited.confidence or 0.0
    if edited.verdict is PlaceVerdict.BRIDGED:
        return 0, sure
    if edited.verdict is PlaceVerdict.EXTENDED:
        return 1, edited.likelihood or 0.0
    return (verdicts.index(edited.verdict) if edited.verdict in verdicts else len(verdicts)), -sure


def _flagged(edited: Edited, every: bool) -> bool:
    """Return whether a place needs review."""
    sure = edited.confidence or 0.0
    if edited.verdict is PlaceVerdict.BRIDGED:
        return every or sure < SURE
    if edited.verdict is PlaceVerdict.EXTENDED:
        return (edited.likelihood or 0.0) < LIKELY
    left_gap = edited.verdict is PlaceVerdict.LEFT and edited.place.finding is PlaceFinding.GAP
    return edited.verdict is PlaceVerdict.TO_REPAIR or (left_gap and sure >= POSSIBLE)


def _run_record(
    limits: Limits, settings: Settings, options: RepairOptions, runner: Runner | None, steps: int, seconds: float
) -> PictureRun:
    return PictureRun(
        version=__version__,
        backend=runner.backend if runner else "none",
        device=runner.device if runner else "none",
        seed=options.seed,
        samples=options.samples,
        steps=steps,
        add_only=options.add_only,
        bridges_only=options.bridges_only,
        bridge_px=round(limits.bridge_px, 1),
        keep_px=round(limits.keep_px, 1),
        hole_px=round(limits.hole_px, 1),
        extend_px=round(limits.extend_px, 1),
        least_confidence=settings.least_confidence,
        fragment_confidence=settings.fragment_confidence,
        seconds=round(seconds, 3),
        date=datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )


def _report(
    picture: Picture,
    pieces: Pieces,
    edits: PictureEdits,
    run: PictureRun,
    model: Model | None,
    doubts: list[Reason],
    *,
    every: bool,
) -> PictureReport:
    records = [_place_record(number, each, _flagged(each, every)) for number, each in enumerate(edits.edits)]
    after = edits.mask > 0
    (b0_before, b1_before), (b0_after, b1_after) = betti_2d(picture.mask), betti_2d(after)
    done = [record.verdict for record in records]
    centreline = pieces.centreline if np.array_equal(after, pieces.mask) else Pieces.of(after).centreline
    totals = PictureRecord(
        name=picture.name,
        rows=picture.shape[0],
        columns=picture.shape[1],
        diameter_px=picture.diameter,
        places=len(records),
        flagged=sum(record.flagged for record in records),
        bridges=done.count(PlaceVerdict.BRIDGED),
        extended=done.count(PlaceVerdict.EXTENDED),
        filled=done.count(PlaceVerdict.FILLED),
        removed=done.count(PlaceVerdict.REMOVED),
        b0_before=b0_before,
        b0_after=b0_after,
        b1_before=b1_before,
        b1_after=b1_after,
        centreline_before_px=int(pieces.centreline.sum()),
        centreline_after_px=int(centreline.sum()),
        added_px=int((after & ~pieces.mask).sum()),
        removed_px=int((pieces.mask & ~after).sum()),
        thickened_px=int(edits.thickened.sum()),
    )
    return PictureReport(totals, records, None if model is None else model.record(), run, doubts)


def _place_record(number: int, edited: Edited, flagged: bool) -> PlaceRecord:
    changed = 0 if edited.changed is None else int(edited.changed[1].sum())
    gone = edited.verdict is PlaceVerdict.REMOVED
    return PlaceRecord(
        number=number,
        finding=edited.place.finding,
        row=edited.place.place[0],
        column=edited.place.place[1],
        size_px=round(edited.place.size, 1),
        verdict=edited.verdict,
        flagged=flagged,
        length_px=None if edited.bridge is None else round(edited.bridge.length, 1),
        support=round(edited.features["support"], 3) if edited.features else None,
        likelihood=None if edited.likelihood is None else round(edited.likelihood, 4),
        confidence=None if edited.confidence is None else round(edited.confidence, 4),
        added_px=0 if gone else changed,
        removed_px=changed if gone else 0,
        reasons=list(edited.reasons),
    )
