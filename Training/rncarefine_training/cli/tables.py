"""Print an evaluation to the terminal, in 80 columns."""

from __future__ import annotations

import math

import pandas as pd  # type: ignore[import-untyped]

from .options import console


def show(table: pd.DataFrame, title: str) -> None:
    """Print a table with its title, unless it is empty."""
    if len(table):
        console.print(f"\n{title}", style="bold", markup=False, highlight=False)
        alignment = ["left", *["right"] * (len(table.columns) - 1)]
        text = table.to_markdown(index=False, tablefmt="simple", disable_numparse=True, colalign=alignment)
        console.print(text, markup=False, highlight=False, soft_wrap=True)


def interval(
    table: pd.DataFrame, value: str, digits: int, bounds: tuple[str, str] | None = None, form: str = "+"
) -> list[str]:
    """Format a column with its intervals; missing values are empty.

    Args:
        table: Table with the columns.
        value: Column of the values.
        digits: Number of decimals.
        bounds: Columns of the bounds; ``<value> low`` and ``<value> high`` by default.
        form: "+" for signs, "%" for percentages, "+%" for both, "" for neither.
    """
    spec = f"{form.replace('%', '')}.{digits}{'%' if '%' in form else 'f'}"
    known = table.reindex(columns=[value, *(bounds or (f"{value} low", f"{value} high"))])
    number, low, high = (rounded(known[name], spec) for name in known)
    return [a + f" ({b} to {c})" * bool(a and b) for a, b, c in zip(number, low, high, strict=True)]


def rounded(values: pd.Series, spec: str) -> list[str]:
    """Format numbers, for example as ``.3f``; missing values are empty."""
    return ["" if math.isnan(value) else format(value, spec).replace("%", " %") for value in values.astype(float)]


def pictures_table(table: pd.DataFrame) -> pd.DataFrame:
    """Format an evaluation on pictures: one line per group and method, with intervals over all networks.

    Args:
        table: From :func:`rncarefine_training.evaluate.pictures.tables.summarise_pictures`.
    """
    from ..evaluate.pictures.tables import METRICS, PRECISION
    from ..evaluate.tables import ALL

    columns = {
        "site, network": [f"{line.group} (n={line.n})" for line in table.itertuples()],
        "method": table.method.tolist(),
    }
    digits = {"Dice": 3, "clDice": 3, "b0 error": 0, "b1 error": 0}
    *metrics, removed = METRICS.values()
    for name in (*metrics, PRECISION):
        bounds = f"{name} low", f"{name} high"
        known = table.assign(**{bound: table[bound].where(table.group == ALL) for bound in bounds})
        columns[name] = interval(known, name, digits.get(name, 2), form="")
    columns[f"{removed} %"] = rounded(100 * table[removed], ".2f")
    return pd.DataFrame(columns)


def bridges_table(table: pd.DataFrame) -> pd.DataFrame:
    """Format the confidence of candidate bridges by site.

    Args:
        table: From :func:`rncarefine_training.evaluate.pictures.tables.summarise_bridges`.
    """
    return pd.DataFrame(
        {
            "site": table.site,
            "candidate bridges": table.n,
            "on vessel": rounded(table.share, ".0%"),
            "AUROC (95 %)": interval(table, "auroc", 2, ("low", "high"), ""),
            "ECE": rounded(table.ece, ".2f"),
            "confidence of 0.75 or more": table.sure,
            "of these on vessel": rounded(table["sure share"], ".0%"),
        }
    )


def show_evaluation(tables: dict[str, pd.DataFrame]) -> None:
    """Print repairs and baselines by network, and a summary of each model over all networks.

    Args:
        tables: From :func:`rncarefine_training.evaluate.store.write_evaluation`.
    """
    from ..evaluate.confidence import BROKEN, GOOD
    from ..evaluate.measure import FULL_REPAIR
    from ..evaluate.tables import ALL

    for network, part in tables[""].groupby("network", sort=False):
        first = part.iloc[0]
        given = {"method": "input", "distances": first.broken} | {
            name: first[f"{name} before"] for name in ("dice", "hd", "assd")
        }
        names = part.model.where(part.method == FULL_REPAIR, part.method)
        lines = pd.concat([pd.DataFrame([given]), part.assign(method=names)])
        columns = {"method": lines.method, "rings % (95 % CI)": lines.valid.fillna("").str.replace(" %", "")}
        for name, heading, spec in (("dice", "Dice", ".3f"), ("hd", "HD mm", ".1f"), ("assd", "ASSD mm", ".2f")):
            columns[heading] = rounded(lines[name], spec)
        columns["n"] = lines.distances
        counted = f"{first.broken} broken slices, n with HD and ASSD, {first.correct} closed ones"
        show(pd.DataFrame(columns), f"{network}: {counted}")
    paired = tables["paired"][(tables["paired"].network == ALL) & (tables["paired"].measure == "dice")]
    other = paired.against.where(paired.slices == ALL, paired.against + ", " + paired.slices)
    gains = {"model": paired.model, "against": other, "n": paired.n}
    gains |= {"mean gain (95 % CI)": interval(paired, "gain", 3, ("low", "high"))}
    show(pd.DataFrame(gains), "Paired gain of Dice, all networks; positive is better")
    trust = tables["confidence"]
    trust = trust[(trust.network == ALL) & (trust.slices == BROKEN) & (trust.question == GOOD)]
    figures = {"model": trust.model, "n": trust.n, "AUROC (95 % CI)": interval(trust, "auroc", 2, ("low", "high"), "")}
    show(pd.DataFrame(figures | {"ECE": rounded(trust.ece, ".3f")}), "Confidence: does it discriminate good repairs?")
    ours = tables[""][(tables[""].network == ALL) & (tables[""].method == FULL_REPAIR)]
    counts = {name: ours[name] for name in ("model", "broken", "refused", "flagged", "silent", "worse")}
    counts["closed changed"] = [f"{row['correct changed']} of {row['correct']}" for row in ours.to_dict("records")]
    show(pd.DataFrame(counts), "Slices of all networks")
    rest = {"model": ours.model, "n": ours.other, "changed": ours["other changed"], "silent": ours["other silent"]}
    show(pd.DataFrame(rest), "Other slices: the truth is no ring, or the mask only a speck")
