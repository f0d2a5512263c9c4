"""The report: tables of a document made from files, and the shipped document against the shipped files."""

import re
from pathlib import Path

import pandas as pd
import pytest

from experiments.report import fill, places, tables
from rncarefine_training.evaluate.store import write_evaluation, write_table
from training.evaluation_rows import made_up

ROOT = Path(__file__).parents[3]
SHIPPED, DOCUMENT = ROOT / "docs" / "figures", ROOT / "docs" / "evaluation.md"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return a run with the tables of an evaluation and a record of openings."""
    folder = tmp_path_factory.mktemp("run")
    write_evaluation(made_up(), folder, "evaluation-test")
    opened = {"model": ["one-2d"], "sha256": ["1" * 64], "date": ["2026-01-02"], "command": ["evaluate --run /x"]}
    write_table(pd.DataFrame(opened), folder / "opened.csv")
    return folder


def cells(text, start):
    """Return the cells of the first line that begins with this cell."""
    lines = ([cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines())
    return next(line for line in lines if line[0] == start)


def test_the_shipped_documents_tables_are_those_of_the_shipped_files():
    known, found, drawn = tables(SHIPPED), {}, set()
    for document in (DOCUMENT, DOCUMENT.with_name("vessels.md")):
        text = document.read_text(encoding="utf-8")
        found.update(places(text))
        drawn |= set(re.findall(r"(\w+)\.png", text))
    # A table without a place is drawn.
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


def test_places_are_filled_and_the_text_between_them_stays():
    document = "# A\n\n<!-- table: one -->\nold\n<!-- end of table -->\n\nText.\n"
    filled = fill(document, {"one": "| x |\n| --- |"})
    assert filled == "# A\n\n<!-- table: one -->\n| x |\n| --- |\n<!-- end of table -->\n\nText.\n"
    assert fill(filled, {"one": "| x |\n| --- |"}) == filled
    assert places(filled) == {"one": "| x |\n| --- |"}


def test_unknown_table_in_a_document_raises():
    with pytest.raises(ValueError, match=r"'two'.*one"):
        fill("<!-- table: two -->\n<!-- end of table -->", {"one": ""})
