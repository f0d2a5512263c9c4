"""Fill the tables of a document from the CSV files of a run.

A document has places for tables, each between two lines::

    <!-- table: strata test -->
    <!-- end of table -->

:func:`fill` writes the table of that name into them. The small CSV files are kept next to the document, so that its
figures can be made again from them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd  # type: ignore[import-untyped]

from rncarefine_training.cli.tables import interval, rounded
from rncarefine_training.evaluate.confidence import GOOD
from rncarefine_training.evaluate.measure import ANEW, NO_MODEL, ONE_PASS, WHOLE
from rncarefine_training.evaluate.picture_tables import document_table
from rncarefine_training.evaluate.store import write_table
from rncarefine_training.evaluate.tables import ALL

from .robustness import UNDISTURBED

_PLACE = re.compile(r"<!-- table: (?P<name>[^>]+?) -->\n(?P<text>.*?)<!-- end of table -->", re.DOTALL)
_EVALUATION = re.compile(r"evaluation-(?P<which>(test|select)(-pool)?)(-(?P<kind>[a-z]+))?")
KEPT = ("paired", "strata", "confidence", "reliability", "risk")
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
    another = run / "another-sequence" / "evaluation-select.csv"
    for path in sorted(run.glob("*.csv")) + [another] * another.is_file():
        if name_of(path) is None and not _is_curve(path):
            continue
        table = _read(path)
        name = "another-sequence.csv" if path == another else path.name
        write_table(table.drop(columns="command", errors="ignore"), folder / name)
        kept.append(folder / name)
    if not kept:
        raise ValueError(f"{run} has no tables. Run `rncarefine-train evaluate` first.")
    return kept


def name_of(path: Path) -> str | None:
    """Return what a document calls the table in a file (``strata test``, ``horizon sax-cine-2d``), if it is one."""
    found = _EVALUATION.fullmatch(path.stem)
    if found:
        kind = found["kind"] or "networks"
        return f"{kind} {found['which']}" if kind in TABLES else None
    kind, _, model = path.stem.partition("-")
    if kind in ("horizon", "robustness") and model and not model.endswith("-slices"):
        return f"{kind} {model}"
    return path.stem if path.stem in TABLES else None


def _is_curve(path: Path) -> bool:
    found = _EVALUATION.fullmatch(path.stem)
    return found is not None and found["kind"] in KEPT


def tables(folder: Path) -> dict[str, str]:
    """Return the Markdown of every table that is kept in a folder, by its name."""
    named = {name_of(path): path for path in sorted(folder.glob("*.csv"))}
    return {name: markdown(name.split(" ")[0], _read(path)) for name, path in named.items() if name is not None}


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


# The tables

SHOWN_STRATA = ("what is broken", "place in the stack", "share of the true wall there")
SHOWN_STEPS = (8, 24, 64, 256)
MINOR_BASELINES = ("largest component", "closing 8 mm")
"""Baselines that are in the CSV file only."""


def markdown(kind: str, table: pd.DataFrame) -> str:
    """Return a table of one of the kinds as Markdown."""
    make, left = TABLES[kind]
    shown = make(table)
    alignment = ["left"] * left + ["right"] * (len(shown.columns) - left)
    return str(shown.to_markdown(index=False, disable_numparse=True, colalign=alignment))


def networks_table(table: pd.DataFrame) -> pd.DataFrame:
    """By base network and method, from :func:`rncarefine_training.evaluate.tables.summarise`."""
    parts = []
    for network, part in table.groupby("network", sort=False):
        first = part.iloc[0]
        given = {name: first[f"{name} before"] for name in ("dice", "hd", "assd")}
        given |= {"base network": f"{network}, n = {first.broken}", "method": "input"}
        # The first model with its baselines, the others with what they make; every line is in the CSV file.
        models = part.model[part.model != NO_MODEL].unique()
        others = part.model.isin(models[1:]) & (part.method != WHOLE)
        part = part[~others & ~part.method.isin(MINOR_BASELINES)]
        parts += [pd.DataFrame([given]), part.assign(method=_method(part))]
    lines = pd.concat(parts)
    repairs = (lines.model != NO_MODEL) & ~lines.method.str.contains(f"{ANEW}|{ONE_PASS}", na=True)
    counts = {name: rounded(lines[name].where(repairs), ".0f") for name in ("refused", "flagged", "silent", "worse")}
    return pd.DataFrame(
        {
            "base network": lines["base network"].fillna(""),
            "method": lines.method,
            **counts,
            "closed rings (95 %)": lines.valid.fillna(""),
            "Dice": rounded(lines.dice, ".3f"),
            "HD mm": rounded(lines.hd, ".1f"),
            "ASSD mm": rounded(lines.assd, ".2f"),
            "correct changed": [
                f"{changed:.0f} of {correct:.0f}" if changed == changed else ""
                for changed, correct in zip(lines["correct changed"], lines.correct, strict=True)
            ],
        }
    )


def _method(table: pd.DataFrame) -> pd.Series:
    # Variants are named after the whole repair; the baselines of the encoder are methods of their own.
    ending = ", " + table.method.str.removeprefix(f"{WHOLE}, ")
    return (table.model + ending.mask(table.method == WHOLE, "")).where(table.model != NO_MODEL, table.method)


def paired_table(table: pd.DataFrame) -> pd.DataFrame:
    """Against another method, from :func:`rncarefine_training.evaluate.tables.against`."""
    table = table[table.network == ALL].sort_values("model", kind="stable", key=lambda name: name.map(_place(name)))
    shown = pd.DataFrame(
        {
            "model": table.model,
            "against": table.against,
            "measure": table.measure.map({"dice": "Dice", "assd": "ASSD, mm", "hd": "HD, mm"}),
            "n": table.n,
            "mean gain (95 %)": interval(table, "gain", 3, ("low", "high")),
            "better in": rounded(table.better, ".0%"),
            "p, subjects": rounded(table["p subjects"], ".1e"),
        }
    )
    return _without_repeats(shown, 2)


def _place(names: pd.Series) -> dict[str, int]:
    """Return the place of every name in the order of first appearance."""
    return {name: place for place, name in enumerate(names.unique())}


def strata_table(table: pd.DataFrame) -> pd.DataFrame:
    """By kind of slice and by the first model, from :func:`rncarefine_training.evaluate.strata.stratify`."""
    first = next((name for name in table.model if name != NO_MODEL), NO_MODEL)
    table = table[(table.model == first) & table.stratum.isin(SHOWN_STRATA)]
    shown = pd.DataFrame(
        {
            "stratum": table.stratum,
            "slices": table.slices,
            "n": table.n,
            "closed rings (95 %)": table.valid,
            "Dice before": rounded(table["dice before"], ".3f"),
            "Dice": rounded(table.dice, ".3f"),
            "gain (95 %)": interval(table, "gain", 3, ("low", "high")),
            "HD": rounded(table["hd change"], "+.0%"),
            "ASSD": rounded(table["assd change"], "+.0%"),
        }
    )
    return _without_repeats(shown, 1)


def confidence_table(table: pd.DataFrame) -> pd.DataFrame:
    """Does it discriminate good walls, from :func:`rncarefine_training.evaluate.confidence.summary`."""
    table = table[(table.question == GOOD) & (table.network == ALL)]
    shown = pd.DataFrame(
        {
            "model": table.model,
            "slices": table.slices,
            "n": table.n,
            "good": rounded(table.share, ".1%"),
            "AUROC (95 %)": interval(table, "auroc", 2, ("low", "high"), ""),
            **{name: rounded(table[name.lower()], ".3f") for name in ("ECE", "Brier", "AURC")},
        }
    )
    return _without_repeats(shown, 1)


def horizon_table(table: pd.DataFrame) -> pd.DataFrame:
    """Walls over long rollouts, from :func:`experiments.horizon.summarise`."""
    table = table[table.steps.isin(SHOWN_STEPS) | (table.steps == table.steps.max())]
    return pd.DataFrame(
        {
            "steps": table.steps,
            "closed rings (95 %)": interval(table, "ring", 1, form="%"),
            "Dice (95 %)": interval(table, "dice", 3, form=""),
            "area / true area (95 %)": interval(table, "area", 3, form=""),
            "pixels changed since the last": rounded(table.moved, ".1%"),
        }
    )


def robustness_table(table: pd.DataFrame) -> pd.DataFrame:
    """Disturbed stacks, from :func:`experiments.robustness.summarise`."""
    plain = table.disturbance == UNDISTURBED
    against = pd.DataFrame({"over": -table.lost, "over low": -table["lost high"], "over high": -table["lost low"]})
    shown = pd.DataFrame(
        {
            "what": table.group.mask(plain, ""),
            "disturbance": table.disturbance,
            "n": table.n,
            "closed rings (95 %)": table.valid,
            "flagged": table.flagged,
            "gain of Dice (95 %)": interval(table, "gain", 3, ("low", "high")),
            "Dice": rounded(table.dice, ".3f"),
            "against undisturbed (95 %)": interval(against.mask(plain), "over", 3),
            "HD mm (95 %)": interval(table, "hd", 1, form=""),
            "ASSD mm (95 %)": interval(table, "assd", 2, form=""),
        }
    )
    return _without_repeats(shown, 1)


def ablation_table(table: pd.DataFrame) -> pd.DataFrame:
    """Effect of each part, from :func:`experiments.ablation.summarise`."""
    table = table.reindex(columns=[*dict.fromkeys([*table.columns, "over", "p", "effect"])])
    return pd.DataFrame(
        {
            "variation": table.variation,
            "n": table.n,
            "closed rings (95 %)": table.rings,
            "gain of Dice (95 %)": interval(table, "gain", 3, ("low", "high")),
            "HD mm": rounded(table.hd, ".1f"),
            "ASSD mm": rounded(table.assd, ".2f"),
            "Dice against as it is (95 %)": interval(table, "over", 3),
            "p": rounded(table.p, ".1e"),
            "rank-biserial r": rounded(table.effect, ".2f"),
        }
    )


def volumetric_table(table: pd.DataFrame) -> pd.DataFrame:
    """Where neighbours matter, from :func:`experiments.volumetric.summarise`."""
    return pd.DataFrame(
        {
            "slices": table.kind,
            "method": table.method,
            "n": table.n,
            "Dice": rounded(table.dice, ".3f"),
            "HD mm": rounded(table.hd, ".1f"),
            "ASSD mm": rounded(table.assd, ".2f"),
            "area": rounded(table.area, ".3f"),
            "middle mm": rounded(table.middle, ".2f"),
            "gain of the volumetric (95 %)": interval(table, "gain", 3, ("low", "high")),
        }
    )


def compare_published_table(table: pd.DataFrame) -> pd.DataFrame:
    """Against the published recipe, from :func:`experiments.comparison.compare`."""
    trained = table.where(table["training s"] > 0)
    costs = {"parameters": ",.0f", "updates": ",.0f", "training s": ",.0f", "ms per picture": ".1f"}
    figures = {"mse": ("squared error", 5), "dice": ("Dice", 4), "b0 error": ("b0 error", 3)}
    figures |= {"b1 error": ("b1 error", 3), "cldice": ("clDice", 4)}
    return pd.DataFrame(
        {
            "method": table.method,
            **{name: rounded(trained[name], spec) for name, spec in costs.items()},
            **{f"{name} (95 %)": interval(table, key, digits, form="") for key, (name, digits) in figures.items()},
            "closed rings (95 %)": interval(table, "ring", 1, form="%"),
        }
    )


def opened_table(table: pd.DataFrame) -> pd.DataFrame:
    """When the test set was opened, from :func:`rncarefine_training.evaluate.store.open_test_subjects`."""
    return pd.DataFrame({"model": table.model, "SHA-256": table.sha256.str[:12], "opened": table.date.astype(str)})


def vessels_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return what every method made of the vessels that networks segmented."""
    return _without_repeats(document_table(table), 1)


TABLES: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], int]] = {
    "networks": (networks_table, 2),
    "paired": (paired_table, 3),
    "strata": (strata_table, 3),
    "confidence": (confidence_table, 4),
    "horizon": (horizon_table, 0),
    "robustness": (robustness_table, 2),
    "ablation": (ablation_table, 1),
    "volumetric": (volumetric_table, 2),
    "another-sequence": (networks_table, 2),
    "compare-published": (compare_published_table, 1),
    "opened": (opened_table, 3),
    "vessels": (vessels_table, 2),
}
"""How a table of each kind is shown, and how many of its columns are aligned to the left."""


def _without_repeats(table: pd.DataFrame, columns: int) -> pd.DataFrame:
    """Leave the first columns empty where they repeat the line above."""
    names = table.columns[:columns]
    repeated = (table[names] == table[names].shift()).cummin(axis=1)
    return table.assign(**{name: table[name].mask(repeated[name], "") for name in names})
