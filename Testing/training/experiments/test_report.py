"""The report: tables of a document made from files, and the shipped document against the shipped files."""

import math
import re
from pathlib import Path

import pandas as pd
import pytest

from experiments.report import fill, keep_tables, networks_table, paired_table, places, strata_table, tables
from rncarefine.nca.model import DEFAULT_MODEL
from rncarefine_training.evaluate.measure import NEAR
from rncarefine_training.evaluate.tables import summarise
from training.evaluation_rows import made_up

ROOT = Path(__file__).parents[3]
SHIPPED, DOCUMENT = ROOT / "docs" / "figures", ROOT / "docs" / "evaluation.md"


def test_the_shipped_documents_tables_are_those_of_the_shipped_files():
    known, found, drawn = tables(SHIPPED), {}, set()
    for document in (DOCUMENT, DOCUMENT.with_name("vessels.md")):
        text = document.read_text(encoding="utf-8")
        found.update(places(text))
        drawn |= {name.split("-")[0] for name in re.findall(r"([\w-]+)\.png", text)}
        drawn |= set(re.findall(r"\(figures/([\w-]+)\.csv\)", text))
    # A table without a place is drawn, or linked as a file.
    assert {name.split(" ")[0] for name in known.keys() - found.keys()} <= drawn
    # A place is empty until its table is measured.
    for name, text in found.items():
        assert text == known.get(name, ""), f"Table {name!r}: run `experiments report`."


def test_what_is_shipped_is_small_and_names_no_folder():
    for path in SHIPPED.glob("*"):
        assert path.stat().st_size < 700_000, path
        assert not path.stem.endswith("-slices")
        if path.suffix in (".csv", ".svg"):
            text = path.read_text(encoding="utf-8")
            assert "/home/" not in text
            assert "--run" not in text


# The document


def test_unknown_table_in_a_document_raises():
    with pytest.raises(ValueError, match=r"'two'.*one"):
        fill("<!-- table: two -->\n<!-- end of table -->", {"one": ""})


def test_default_model_comes_first_in_whatever_order_the_models_were_measured():
    strata, paired = (pd.read_csv(SHIPPED / f"evaluation-test-{name}.csv") for name in ("strata", "paired"))
    default = strata[(strata.model == DEFAULT_MODEL) & (strata.stratum == "place in the stack")]
    for order in (False, True):
        shown = strata_table(strata.sort_values("model", ascending=order, kind="stable"))
        assert [f"{dice:.3f}" for dice in default.dice] == shown.Dice[-3:].tolist()
        columns = paired_table(paired.sort_values("model", ascending=order, kind="stable")).columns
        assert columns[3].startswith(DEFAULT_MODEL)


def test_distances_are_compared_with_methods_that_always_draw_a_wall():
    measured = pd.read_csv(SHIPPED / "evaluation-test-paired.csv")
    shown = paired_table(measured)
    assert set(shown.against[shown.measure == "HD mm"]) == {"image alone", "one pass"}
    assert set(shown.against[shown.measure == "Dice"]) == set(measured.against)
    row = measured[(measured.network == "all") & (measured.measure == "hd") & (measured.model == DEFAULT_MODEL)]
    row = row[(row.against == "image alone") & (row.slices == "all")].iloc[0]
    text = shown[(shown.measure == "HD mm") & (shown.against == "image alone")][f"{DEFAULT_MODEL} (95 %)"].iloc[0]
    assert text == f"{row.gain:+.2f} ({row.low:+.2f} to {row.high:+.2f})"


def test_distances_of_fewer_slices_have_their_number():
    rows = made_up()
    rows.loc[(rows.method == NEAR) & (rows.k == 1), ["hd", "assd"]] = math.nan
    shown = networks_table(summarise(rows)).set_index("method")
    assert shown.loc[NEAR, ["HD mm", "ASSD mm"]].str.endswith("(n = 36)").all()
    assert not shown.drop(NEAR)["HD mm"].str.contains("n =").any()


def test_openings_of_other_runs_are_kept(tmp_path):
    folder, rows = tmp_path / "figures", [("a", "2026-01-02"), ("b", "2026-01-01"), ("a", "2026-01-03")]
    folder.mkdir()
    for number, some in enumerate((rows[:1], rows[1:], rows[2:])):
        run = tmp_path / str(number)
        run.mkdir()
        opened = pd.DataFrame(some, columns=["model", "date"]).assign(command="x")
        opened.to_csv(run / "opened.csv", index=False)
        keep_tables(run, folder)
    kept = pd.read_csv(folder / "opened.csv")
    assert list(kept.itertuples(index=False, name=None)) == [rows[1], rows[0], rows[2]]
