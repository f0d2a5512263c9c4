"""Writing down what was measured: small tables to keep, and the tables of a document made from them.

A document has places for tables, each between two lines::

    <!-- table: targets test -->
    <!-- end of table -->

:func:`fill` puts the table there that the files say. Only these files are kept beside the document, so that its figures
can be made again from them, by anybody.
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd  # type: ignore[import-untyped]

from .markdown import MARKDOWN
from .store import write_table

_PLACE = re.compile(r"<!-- table: (?P<name>[^>]+?) -->\n(?P<text>.*?)<!-- end of table -->", re.DOTALL)
_EVALUATION = re.compile(r"evaluation-(?P<which>(test|select)(-pool)?)(-(?P<kind>[a-z]+))?")
KEPT = ("targets", "paired", "strata", "confidence", "reliability", "risk")
"""Tables of an evaluation that are kept, beside that by network; the rows of the slices are not."""


def keep_tables(run: Path, folder: Path) -> list[Path]:
    """Copy the small tables of a run; of the record of openings the commands, which name folders, are left out.

    Args:
        run: Folder of the run.
        folder: Where to keep them.

    Returns:
        The files.

    Raises:
        ValueError: The run has none.
    """
    kept = []
    for path in sorted(run.glob("*.csv")):
        if name_of(path) is None and not _is_curve(path):
            continue
        table = _read(path)
        write_table(table.drop(columns="command", errors="ignore"), folder / path.name)
        kept.append(folder / path.name)
    if not kept:
        raise ValueError(f"{run} has no tables. Run `rncarefine-train evaluate` first.")
    return kept


def name_of(path: Path) -> str | None:
    """Return what a document calls the table in a file (``targets test``, ``horizon sax-cine-2d``), if it is one."""
    found = _EVALUATION.fullmatch(path.stem)
    if found:
        kind = found["kind"] or "networks"
        return f"{kind} {found['which']}" if kind in MARKDOWN else None
    kind, _, model = path.stem.partition("-")
    if kind in ("horizon", "robustness") and model and not model.endswith("-slices"):
        return f"{kind} {model}"
    return path.stem if path.stem in ("ablation", "compare-published", "opened") else None


def _is_curve(path: Path) -> bool:
    found = _EVALUATION.fullmatch(path.stem)
    return found is not None and found["kind"] in KEPT


def tables(folder: Path) -> dict[str, str]:
    """Return the Markdown of every table that is kept in a folder, by its name."""
    named = {name_of(path): path for path in sorted(folder.glob("*.csv"))}
    return {name: MARKDOWN[name.split(" ")[0]](_read(path)) for name, path in named.items() if name is not None}


def _read(path: Path) -> pd.DataFrame:
    # A hash of digits, or of digits and one e, is no number.
    return pd.read_csv(path, dtype={"sha256": str})


def places(document: str) -> dict[str, str]:
    """Return what stands in every place of a document, by the name of the table."""
    return {found["name"]: found["text"].rstrip("\n") for found in _PLACE.finditer(document)}


def fill(document: str, known: dict[str, str]) -> str:
    """Return the document with the table of its name in every place.

    Args:
        document: Markdown.
        known: From :func:`tables`.

    Raises:
        ValueError: There is no table of that name.
    """

    def filled(found: re.Match[str]) -> str:
        name = found["name"]
        if name not in known:
            raise ValueError(f"The document has a place for table {name!r}. There are: {', '.join(sorted(known))}.")
        return f"<!-- table: {name} -->\n{known[name]}\n<!-- end of table -->"

    return _PLACE.sub(filled, document)
