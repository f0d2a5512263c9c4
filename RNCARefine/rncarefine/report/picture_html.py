"""The report of a picture as one self-contained HTML page, with a close-up per edit, least confident bridge first."""

from __future__ import annotations

from html import escape

from ..refine.place_records import PictureReport, PlaceRecord
from ..stack import Mask
from ..tasks.tubular.picture import Picture
from ..words import PlaceVerdict, counted
from .close_ups import close_up, overview, to_rgb
from .html import RESEARCH_USE
from .markup import badge, card, made, notes, page, provenance, record_table, yes_or_no
from .pictures import Pixels, jpeg_uri
from .style import STYLE

MAX_CARDS = 150
"""Maximum number of close-ups on a page; the table lists all places."""

_EXTRA = """
.cards { display:grid; grid-template-columns:repeat(auto-fill,minmax(330px,1fr)); gap:14px 18px; }
.cards .card { border:1px solid var(--line); border-radius:8px; padding:10px 12px; }
.cards .panes { grid-template-columns:repeat(2,minmax(0,1fr)); }
.overview { max-width:100%; border-radius:8px; background:#000; }
"""


def picture_page(report: PictureReport, picture: Picture, after: Mask) -> str:
    """Return the page.

    Args:
        report: The report.
        picture: The picture, with the mask before the repair.
        after: Mask after the repair, shape ``(j, i)``; the given mask after a check.

    Returns:
        Self-contained HTML.

    Raises:
        ValueError: The shapes of ``after`` and the picture differ.
    """
    if after.shape != picture.shape:
        raise ValueError(f"The mask after the repair has shape {after.shape}, the picture has {picture.shape}.")
    name, colours = escape(report.picture.name), to_rgb(picture)
    parts = [
        f"<header><p class=brand>RNCARefine report</p><h1>{name}</h1>",
        made(report.run.version, report.run.date),
        f"<p class=summary>{escape(report.summary())}</p>{_status(report)}</header>",
        notes(escape(text) for text in report.warnings),
        f"<section><h2>Before and after</h2>{_totals(report)}"
        f'<p><img class=overview src="{jpeg_uri(overview(picture, colours, after))}" alt="All edits"></p>{_LEGEND}'
        "</section>",
        _gallery(report, picture, colours, after),
        f"<section><h2>Places</h2>{_places(report)}{_WORDS}</section>",
        _provenance(report),
        f"<footer><p><strong>{RESEARCH_USE}</strong></p></footer>",
    ]
    return page(name, parts, STYLE + _EXTRA)


def _status(report: PictureReport) -> str:
    count = report.picture.flagged
    if any(place.verdict is PlaceVerdict.TO_REPAIR for place in report.places):
        return badge(False, f"{counted(count, 'place')} to repair; nothing was changed")
    if report.whole_needs_review:
        return badge(False, "&#9873; The whole picture needs review: it is unlike the training data")
    if count:
        return badge(False, f"&#9873; {count} {'place needs' if count == 1 else 'places need'} review")
    return badge(True, "&#10003; No place needs review")


def _totals(report: PictureReport) -> str:
    picture = report.picture
    rows = [
        ("Components (b0)", picture.b0_before, picture.b0_after),
        ("Holes (b1)", picture.b1_before, picture.b1_after),
        ("Centreline, pixels", picture.centreline_before_px, picture.centreline_after_px),
    ]
    body = "".join(f"<tr><th scope=row>{title}</th><td>{old}</td><td>{new}</td></tr>" for title, old, new in rows)
    return (
        '<table class="totals"><thead><tr><td></td><th scope=col>before</th><th scope=col>after</th></tr></thead>'
        f"<tbody>{body}</tbody></table><p class=note>{picture.added_px} pixels added (of these "
        f" {picture.thickened_px} along the sides of vessels), {picture.removed_px} removed. Field of view "
        f"{picture.diameter_px:.0f} pixels wide.</p>"
    )


def _gallery(report: PictureReport, picture: Picture, colours: Pixels, after: Mask) -> str:
    worth = [place for place in report.places if place.flagged or place.verdict is not PlaceVerdict.LEFT]
    if not worth:
        return ""
    cards = "".join(_card(place, close_up(picture, colours, after, place)) for place in worth[:MAX_CARDS])
    more = len(worth) - MAX_CARDS
    note = f"<p class=note>{more} more places have no close-up; see the table.</p>" if more > 0 else ""
    return f"<section><h2>Close-ups</h2>{_LEGEND}<div class=cards>{cards}</div>{note}</section>"


def _card(place: PlaceRecord, views: tuple[Pixels, Pixels]) -> str:
    facts = [f"row {place.row}, column {place.column}"]
    if place.confidence is not None:
        facts.append(f"confidence {place.confidence:.2f}")
    if place.length_px is not None:
        facts.append(f"{place.length_px:.0f} px long")
    if place.support is not None:
        facts.append(f"contrast {place.support:.2f}")
    if place.confidence is None and place.likelihood is not None:
        facts.append(f"likelihood {place.likelihood:.2f}")
    figures = "".join(
        f'<figure><img src="{jpeg_uri(view)}" alt="Place {place.number}, {caption}">'
        f"<figcaption>{caption}</figcaption></figure>"
        for caption, view in zip(("image", "change"), views, strict=True)
    )
    return card(place, f"Place {place.number}: {place.finding}", facts, figures)


def _places(report: PictureReport) -> str:
    titles = (
        ("place", ""),
        ("finding", ""),
        ("verdict", ""),
        ("row", ""),
        ("column", ""),
        ("size", "pixels"),
        ("confidence", "0 to 1"),
        ("contrast", ""),
        ("likelihood", "0 to 1"),
        ("added", "pixels"),
        ("removed", "pixels"),
    )
    return record_table(titles, ((place, str(place.number), _cells(place)) for place in report.places))


def _cells(place: PlaceRecord) -> list[str]:
    return [
        str(place.finding),
        ", ".join(filter(None, (str(place.verdict), place.decision))),
        str(place.row),
        str(place.column),
        f"{place.size_px:.0f}",
        *("" if value is None else f"{value:.2f}" for value in (place.confidence, place.support, place.likelihood)),
        str(place.added_px),
        str(place.removed_px),
    ]


def _provenance(report: PictureReport) -> str:
    run = report.run
    entries = [
        ("RNCARefine", run.version),
        ("Backend, device", f"{run.backend}, {run.device}"),
        ("Seed, runs averaged, steps", f"{run.seed}, {run.samples}, {run.steps}"),
        ("Longest bridge, extension", f"{run.bridge_px:.0f}, {run.extend_px:.0f} pixels"),
        ("Kept from a centreline of", f"{run.keep_px:.0f} pixels"),
        ("Left open from a hole of", f"{run.hole_px:.0f} pixels"),
        ("Least confidence of a bridge", f"{run.least_confidence:.2f}, to a fragment {run.fragment_confidence:.2f}"),
        ("Add only, only bridges", f"{yes_or_no(run.add_only)}, {yes_or_no(run.bridges_only)}"),
        ("Time", f"{run.seconds:.1f} s"),
    ]
    return provenance(report.model, "none", entries)


_LEGEND = (
    "<p class=legend><span><i class=wall></i>outline of the unchanged vessels</span>"
    "<span><i class=added></i>added</span><span><i class=removed></i>removed</span></p>"
)
_WORDS = (
    "<p class=note>b0: components; b1: holes. <b>gap</b>: a vessel ends and another component lies ahead &middot; "
    "<b>loose fragment</b>: a component with a short centreline &middot; <b>pinhole</b>: a small hole &middot; <b>open "
    "end</b>: the image shows that the vessel continues &middot; <b>spur</b>: a short side branch, never removed. "
    "Confidence: the probability that the bridge lies on a vessel, if the model is calibrated. Contrast: of the bridge "
    "to both of its sides, in standard deviations of the surrounding image. A bridge follows the image; check visually "
    "whether it is anatomically correct.</p>"
)
