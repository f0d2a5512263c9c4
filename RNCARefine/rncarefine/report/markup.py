"""Format numbers, slices and decisions for the parts of the HTML page."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime
from html import escape

from ..nca.card import ModelRecord
from ..refine.place_records import PlaceRecord
from ..refine.records import Report, ReviewStatus, SliceRecord
from ..words import Apex, Expectation, PlaceVerdict, Verdict

ARROW = "&rarr;"
DASH = "&ndash;"


def page(title: str, parts: Iterable[str], style: str) -> str:
    """Return a self-contained HTML page.

    Args:
        title: Title, escaped.
        parts: Sections; empty ones are skipped.
        style: Style sheet.
    """
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>RNCARefine: {title}</title>\n<style>{style}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(part for part in parts if part)
        + "\n</main>\n</body>\n</html>\n"
    )


def made(version: str, date: str) -> str:
    """Return the date of a report, if known, and the version."""
    when = f"{datetime.fromisoformat(date):%Y-%m-%d %H:%M} UTC &middot; " if date else ""
    return f"<p class=made>{when}version {escape(version)}</p>"


def badge(fine: bool, text: str) -> str:
    """Return a line of the headline; not fine is highlighted."""
    return f'<p class="status {"fine" if fine else "look"}">{text}</p>'


def record_table(titles: Iterable[tuple[str, str]], rows: Iterable[tuple[ReviewStatus, str, list[str]]]) -> str:
    """Return the table of slices or places.

    Args:
        titles: Title and unit of each column.
        rows: Record, name and cells of each row; the name is the first cell.
    """
    heads = (f"<th scope=col>{title}{f'<small>{unit}</small>' if unit else ''}</th>" for title, unit in titles)
    body = "".join(_row(record, name, cells) for record, name, cells in rows)
    return (
        f"<div class=wide tabindex=0><table class=slices><thead><tr>{''.join(heads)}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def _row(record: ReviewStatus, name: str, cells: Iterable[str]) -> str:
    quiet = record.verdict in (Verdict.INTACT, PlaceVerdict.LEFT)
    kind = "flagged" if record.still_flagged else "quiet" if quiet else ""
    return f'<tr class="{kind}"><th scope=row>{name}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def in_html(text: str) -> str:
    """Return a sentence of the report, escaped and with the unit as in the rest of the page."""
    return escape(text).replace("mm2", "mm&sup2;")


def card(record: SliceRecord | PlaceRecord, title: str, facts: Iterable[str], figures: str) -> str:
    """Return the pictures of a slice or place with title, verdict, review status, facts and reasons."""
    flag = ' <span class="flag">&#9873; needs review</span>' if record.needs_review else ""
    if record.decision:
        restored = ", restored" if record.accepted is False else ""
        flag = f" <span class=decision>{record.decision} in the review{restored}</span>"
    reason = f"<p class=reason>{in_html(record.reason)}</p>" if record.reason else ""
    return (
        f'<article class="card{" flagged" if record.still_flagged else ""}"><h3>{title} '
        f"<span class=verdict>{escape(str(record.verdict))}</span>{flag}</h3>"
        f"<p class=facts>{' &middot; '.join(facts)}</p>{reason}<div class=panes>{figures}</div></article>"
    )


def provenance(model: ModelRecord | None, no_model: str, run: Iterable[tuple[str, str]]) -> str:
    """Return the section with the provenance of a result: weights, if any, and parameters of the run."""
    weights = [("Model", no_model)]
    if model is not None:
        weights = [
            ("Model", model.name),
            ("SHA-256", model.sha256),
            *([("Hash of the settings on the card", model.settings_hash)] if model.settings_hash else []),
            ("Licence of the weights", model.licence),
            ("Training data", model.training_data),
        ]
    lists = (
        "<dl>" + "".join(f"<dt>{title}</dt><dd>{escape(value)}</dd>" for title, value in entries) + "</dl>"
        for entries in (weights, run)
    )
    return f"<section class=provenance><h2>Provenance</h2>{''.join(lists)}</section>"


def yes_or_no(value: bool) -> str:
    """Return a flag as a word."""
    return "yes" if value else "no"


def notes(texts: Iterable[str]) -> str:
    """Return the section with the warnings; empty without any.

    Args:
        texts: HTML.
    """
    items = "".join(f"<li>{text}</li>" for text in texts)
    return f"<section class=warnings><h2>Please note</h2><ul>{items}</ul></section>" if items else ""


def number(value: float | None, form: str) -> str:
    """Return a number as text; a dash if it is unknown or not finite."""
    return DASH if value is None or not math.isfinite(value) else format(value, form).replace("-", "&minus;")


def from_to(before: float | None, after: float | None, form: str) -> str:
    """Return two numbers separated by an arrow, or one if they are equal as text."""
    old, new = number(before, form), number(after, form)
    return old if old == new else f"{old}&nbsp;{ARROW}&nbsp;{new}"


def ends(report: Report) -> dict[int, str]:
    """Return the names of the first and the last slice of the heart, base and apex, if known."""
    heart = [record.k for record in report.slices if record.expectation is not Expectation.EMPTY]
    if len(heart) < 2 or report.run.apex not in (Apex.FIRST, Apex.LAST):
        return {}
    names = ("apex", "base") if report.run.apex == Apex.FIRST else ("base", "apex")
    return {heart[0]: names[0], heart[-1]: names[1]}


def expected(record: SliceRecord) -> str:
    """Return the expectation of a slice as text."""
    return "open (outflow tract)" if record.expectation is Expectation.OPEN else str(record.expectation)


def only_checked(report: Report) -> bool:
    """Whether the stack was only checked."""
    return report.model is None


def anything_decided(report: Report) -> bool:
    """Whether any slice was decided in a review."""
    return any(record.accepted is not None for record in report.slices)


def decisions(report: Report) -> str:
    """Return the numbers of accepted and rejected slices as text."""
    accepted, rejected = (sum(record.accepted is answer for record in report.slices) for answer in (True, False))
    return f"{accepted} accepted, {rejected} rejected"


def slice_list(slices: list[int]) -> str:
    """Return slice numbers as text: "slice 3", "slices 3, 4"."""
    return f"{'slice' if len(slices) == 1 else 'slices'} {', '.join(map(str, slices))}"
