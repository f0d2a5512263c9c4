"""Update the tables of a document from the CSV files of a run.

A document marks the position of a table by two lines::

    <!-- table: strata test -->
    <!-- end of table -->

:func:`fill` inserts the table of that name. The CSV files are stored next to the document for reproducibility.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd  # type: ignore[import-untyped]

from rncarefine.nca.model import PREFERENCE
from rncarefine_training.cli.tables import bridges_table, interval, pictures_table, rounded
from rncarefine_training.evaluate.measure import FULL_REPAIR, IMAGE_ALONE, NO_MODEL, ONE_PASS
from rncarefine_training.evaluate.store import write_table
from rncarefine_training.evaluate.strata import FAULT, PLACE
from rncarefine_training.evaluate.tables import ALL

from .good_walls import UNCHANGED
from .observers import OBSERVERS
from .robustness import UNDISTURBED
from .volumetric import SMOOTHNESS

_PLACE = re.compile(r"<!-- table: (?P<name>[^>]+?) -->\n(?P<text>.*?)<!-- end of table -->", re.DOTALL)
_EVALUATION = re.compile(r"evaluation-(?P<which>(test|select)(-pool)?)(-(?P<kind>[a-z]+))?")
KEPT = ("paired", "strata", "subjects", "confidence", "reliability", "risk")
"""Tables of an evaluation to copy, besides the table by network; rows of slices are not copied."""
OPENED = "opened.csv"
"""Evaluations on the test set, see :func:`rncarefine_training.evaluate.store.open_test_subjects`. Rows of
other runs are kept."""


def keep_tables(run: Path, folder: Path) -> list[Path]:
    """Copy the tables of a run, without the column ``command``, which contains paths.

    The list of openings of the test set is completed by those of the run.

    Returns:
        The files.

    Raises:
        ValueError: The run has no tables.
    """
    kept = []
    another = run / "another-sequence" / "evaluation-select.csv"
    for path in sorted(run.glob("*.csv")) + [another] * another.is_file():
        if name_of(path) is None and not _is_curve(path) and path.name != OPENED:
            continue
        table = _read(path).drop(columns="command", errors="ignore")
        name = "another-sequence.csv" if path == another else path.name
        if name == OPENED and (folder / name).is_file():
            table = pd.concat([_read(folder / name), table]).drop_duplicates().sort_values("date", kind="stable")
        write_table(table, folder / name)
        kept.append(folder / name)
    if not kept:
        raise ValueError(f"{run} has no tables. Run `rncarefine-train evaluate` first.")
    return kept


def keep_figures(document: str, plots: Path, folder: Path) -> list[Path]:
    """Copy the figures of a document that exist in ``plots``.

    Args:
        document: Markdown text.
        plots: Folder of new plots.
        folder: Output folder; other figures in it are unchanged.

    Returns:
        The files.
    """
    shown = [plots / name for name in re.findall(r"\]\([^)]*?([\w.-]+\.png)\)", document)]
    return [Path(shutil.copy(path, folder)) for path in shown if path.is_file()]


def name_of(path: Path) -> str | None:
    """Return the name of the table in a file (``strata test``, ``horizon sax-cine-2d``); ``None`` for other files."""
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
    """Return the Markdown of all tables in a folder, by name."""
    named = {name_of(path): path for path in sorted(folder.glob("*.csv"))}
    return {name: markdown(name.split(" ")[0], _read(path)) for name, path in named.items() if name is not None}


def _read(path: Path) -> pd.DataFrame:
    # A hash may look like a number.
    return pd.read_csv(path, dtype={"sha256": str, "settings_hash": str})


def places(document: str) -> dict[str, str]:
    """Return the tables in a document, by name."""
    return {found["name"]: found["text"].rstrip("\n") for found in _PLACE.finditer(document)}


def fill(document: str, known: dict[str, str]) -> str:
    """Return the document with updated tables.

    Args:
        document: Markdown text.
        known: From :func:`tables`.

    Raises:
        ValueError: A table of the document does not exist.
    """

    def filled(found: re.Match[str]) -> str:
        name = found["name"]
        if name not in known:
            raise ValueError(f"The document refers to unknown table {name!r}. Tables: {', '.join(sorted(known))}.")
        return f"<!-- table: {name} -->\n{known[name]}\n<!-- end of table -->"

    return _PLACE.sub(filled, document)


# The tables

SHOWN_STRATA = (FAULT, PLACE)
MINOR_BASELINES = ("largest component", "closing 8 mm")
"""Baselines shown in the CSV file only."""


def markdown(kind: str, table: pd.DataFrame) -> str:
    """Return a table of a kind of :data:`TABLES` as Markdown."""
    format_table, left = TABLES[kind]
    shown = format_table(table)
    alignment = ["left"] * left + ["right"] * (len(shown.columns) - left)
    return str(shown.to_markdown(index=False, disable_numparse=True, colalign=alignment))


def networks_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return results by method, from :func:`~rncarefine_training.evaluate.tables.summarise`."""
    table = _default_first(table)
    # Baselines of the encoder are shown for the first model only, that without masks for all.
    others = ~table.model.isin([table.model.iloc[0], NO_MODEL]) & ~table.method.isin([FULL_REPAIR, IMAGE_ALONE])
    table = table[~others & ~table.method.isin(MINOR_BASELINES)]
    table = table.assign(method=_method(table))
    parts = dict(tuple(table.groupby("network", sort=False)))
    every = _with_input(parts.pop(ALL))
    repairs = (every.model.fillna(NO_MODEL) != NO_MODEL) & ~every.index.str.contains(f"(?:{IMAGE_ALONE}|{ONE_PASS})$")
    counts = {name: rounded(every[name].where(repairs), ".0f") for name in ("refused", "flagged", "silent", "worse")}
    # HD and ASSD need a wall: near the heart, the input may have none.
    fewer = [
        f" (n = {count:.0f})" if count < every.broken.iloc[-1] else ""
        for count in every.reindex(columns=["distances"]).distances
    ]
    by_network = {f"{name} (n = {part.broken.iloc[0]})": _figures(_with_input(part)) for name, part in parts.items()}
    return pd.DataFrame(
        {
            "method": every.index,
            f"Dice (n = {every.broken.iloc[-1]:.0f})": rounded(every.dice, ".3f"),
            "HD mm": [figure + n for figure, n in zip(rounded(every.hd, ".1f"), fewer, strict=True)],
            "ASSD mm": [figure + n for figure, n in zip(rounded(every.assd, ".2f"), fewer, strict=True)],
            **{name: figures.reindex(every.index).fillna("") for name, figures in by_network.items()},
            "closed rings (95 %)": every.valid.fillna("").tolist(),
            **counts,
            "closed changed": [
                f"{changed:.0f} of {correct:.0f}" if changed == changed else ""
                for changed, correct in zip(every["correct changed"], every.correct, strict=True)
            ],
        }
    )


def _preference(model: str) -> int:
    """Return the place of a model in the order of preference, 0 for the default; rows without a model are last."""
    return PREFERENCE.index(model) if model in PREFERENCE else len(PREFERENCE) + (model == NO_MODEL)


def _default_first(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a table by preference of their models."""
    return table.sort_values("model", key=lambda names: names.map(_preference), kind="stable")


def _figures(part: pd.DataFrame) -> pd.Series:
    """Return Dice, HD and ASSD of a network in one cell, by method."""
    cells = zip(rounded(part.dice, ".3f"), rounded(part.hd, ".1f"), rounded(part.assd, ".2f"), strict=True)
    return pd.Series([" / ".join(each) for each in cells], part.index)


def _with_input(part: pd.DataFrame) -> pd.DataFrame:
    """Return the lines of a network by method, with a line for the input first."""
    first = part.iloc[0]
    given = {"method": "input", **{name: first[f"{name} before"] for name in ("dice", "hd", "assd")}}
    return pd.concat([pd.DataFrame([given]), part]).set_index("method")


def _method(table: pd.DataFrame) -> pd.Series:
    # The full repair is named after the model; baselines of the encoder get the model as prefix.
    ending = ", " + table.method.str.removeprefix(f"{FULL_REPAIR}, ")
    return (table.model + ending.mask(table.method == FULL_REPAIR, "")).where(table.model != NO_MODEL, table.method)


def paired_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return gains of Dice over other methods, from :func:`rncarefine_training.evaluate.tables.against`.

    The gains of HD are over methods that always draw a wall.
    """
    drawing = table.against.isin([IMAGE_ALONE, ONE_PASS]) & (table.slices == ALL)
    table = table[(table.network == ALL) & ((table.measure == "dice") | ((table.measure == "hd") & drawing))]
    table = _default_first(table.sort_values("measure", kind="stable"))
    distance = table.measure == "hd"
    cells = interval(table, "gain", 3, ("low", "high"))
    table = table.assign(cell=pd.Series(cells, table.index).mask(distance, interval(table, "gain", 2, ("low", "high"))))
    table = table.assign(measure=table.measure.map({"dice": "Dice", "hd": "HD mm"}))
    keys = ["measure", "against", "slices"]
    lines = table[keys].drop_duplicates().reset_index(drop=True)
    for model, part in table.groupby("model", sort=False):
        own = part.rename(columns={"cell": f"{model} (95 %)"})
        lines = lines.merge(own[[*keys, f"{model} (95 %)"]], how="left")
    return lines.fillna("")


def strata_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return results of the preferred model by stratum, from :func:`rncarefine_training.evaluate.strata.stratify`."""
    table = _default_first(table)
    table = table[(table.model == table.model.iloc[0]) & table.stratum.isin(SHOWN_STRATA)]
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


def horizon_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return results over long rollouts, from :func:`experiments.horizon.summarise`."""
    return pd.DataFrame(
        {
            "steps": table.steps,
            "closed before the read-out (95 %)": interval(table, "bare", 1, form="%"),
            "closed rings (95 %)": interval(table, "ring", 1, form="%"),
            "Dice (95 %)": interval(table, "dice", 3, form=""),
            "area / true area (95 %)": interval(table, "area", 3, form=""),
            "pixels changed since the last": rounded(table.moved, ".1%"),
        }
    )


def robustness_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return results by disturbance, from :func:`experiments.robustness.summarise`."""
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
    """Return the effect of each part, from :func:`experiments.ablation.summarise`."""
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
    """Return Dice where neighbours matter, from :func:`experiments.volumetric.summarise`."""
    table = table[table.kind != SMOOTHNESS]
    table = table.assign(cell=interval(table, "gain", 3, ("low", "high")))
    lines = []
    for kind, part in table.groupby("kind", sort=False):
        dice = {f"Dice, {name}": text for name, text in zip(part.method, rounded(part.dice, ".3f"), strict=True)}
        gains = {f"gain over {row.method} (95 %)": row.cell for row in part[part.gain != 0].itertuples()}
        lines.append({"slices": kind, "n": part.n.iloc[0], **dice, **gains})
    return pd.DataFrame(lines).fillna("")


def volumetric_strata_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return the gain of a volumetric model by stratum, from :func:`experiments.volumetric.compare_strata`."""
    dice = {f"Dice, {name[5:]}": rounded(table[name], ".3f") for name in table if name.startswith("dice ")}
    shown = table[["stratum", "slices", "n"]].assign(
        **dice, **{"gain (95 %)": interval(table, "gain", 3, ("low", "high"))}
    )
    return _without_repeats(shown, 1)


def scars_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return the parts of true walls in repaired ones, from :func:`experiments.another_sequence.bright_parts`."""
    return pd.DataFrame(
        {
            "model": table.model,
            "n": table.n,
            "brightest fifth (95 %)": interval(table, "bright", 3, form=""),
            "other pixels (95 %)": interval(table, "other", 3, form=""),
            "difference (95 %)": interval(table, "difference", 3),
        }
    )


def good_walls_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return results on true walls, unchanged or with a small defect, from :func:`experiments.good_walls.summarise`."""
    # Baselines of the encoder are shown for one model only, the default.
    parts = table.method.str.partition(", ")
    default = min(parts[0][parts[2] != ""], key=_preference, default="")
    table = table[parts[2].eq("") | parts[0].eq(default)]
    table = table[~table.method.isin(MINOR_BASELINES)]
    cells = pd.Series(interval(table, "dice", 3, form=""), table.index) + "; " + table.worse.astype(str)
    table = table.assign(
        cell=cells.mask(table.defect == UNCHANGED, table.flagged.astype(str) + " flagged"),
        defect=table.defect + " (n = " + table.n.astype(str) + ")",
    )
    return (
        table.pivot(index="method", columns="defect", values="cell")
        .reindex(table.method.unique(), columns=table.defect.unique())
        .fillna("")
        .reset_index()
    )


def compare_published_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return the comparison with the published recipe, from :func:`experiments.comparison.compare.compare`."""
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


def vessels_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return results on vessels by network and method."""
    return _without_repeats(pictures_table(table), 1)


def observers_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return the shares of bridges on vessels of two observers, from :func:`experiments.observers.summarise`."""
    shown = table[["network", "method", "pictures", "bridges"]]
    for name in OBSERVERS:
        shown = shown.assign(**{f"on vessel, {name} observer": rounded(table[name] / table.bridges, ".0%")})
    return _without_repeats(shown.rename(columns={"on vessel, either observer": "on vessel, either"}), 1)


TABLES: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], int]] = {
    "networks": (networks_table, 1),
    "paired": (paired_table, 3),
    "strata": (strata_table, 3),
    "horizon": (horizon_table, 0),
    "robustness": (robustness_table, 2),
    "ablation": (ablation_table, 1),
    "ablation-rollout": (ablation_table, 1),
    "volumetric": (volumetric_table, 1),
    "volumetric-strata": (volumetric_strata_table, 2),
    "good-walls": (good_walls_table, 1),
    "another-sequence": (networks_table, 1),
    "scars": (scars_table, 1),
    "compare-published": (compare_published_table, 1),
    "vessels": (vessels_table, 2),
    "vessels-confidence": (bridges_table, 1),
    "vessels-observers": (observers_table, 2),
}
"""Formatting function and number of left-aligned columns, by kind of table."""


def _without_repeats(table: pd.DataFrame, columns: int) -> pd.DataFrame:
    """Clear the first columns where they repeat the line above."""
    names = table.columns[:columns]
    repeated = (table[names] == table[names].shift()).cummin(axis=1)
    return table.assign(**{name: table[name].mask(repeated[name], "") for name in names})
