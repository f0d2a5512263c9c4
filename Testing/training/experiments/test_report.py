"""The report: tables of a document made from files, and the shipped document against the shipped files."""

import re
from pathlib import Path

import pandas as pd
import pytest

from experiments.report import SHOWN_STRATA, fill, keep_figures, keep_tables, markdown, name_of, places, tables
from rncarefine_training.evaluate.measure import ONE_PASS
from rncarefine_training.evaluate.store import write_evaluation, write_table
from rncarefine_training.evaluate.strata import FAULT
from rncarefine_training.evaluate.tables import BOTH_DRAW
from training.evaluation_rows import MODELS, made_up

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


def test_small_tables_are_kept_and_the_rows_and_commands_are_not(run, tmp_path):
    kept = {path.name for path in keep_tables(run, tmp_path)}
    assert "evaluation-test-slices.csv" not in kept
    assert {"evaluation-test.csv", "evaluation-test-strata.csv", "evaluation-test-risk.csv", "opened.csv"} <= kept
    assert "command" not in (tmp_path / "opened.csv").read_text()
    assert tables(tmp_path) == tables(run)


def test_a_run_without_tables_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="has no tables"):
        keep_tables(tmp_path, tmp_path)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("evaluation-test.csv", "networks test"),
        ("evaluation-select-pool.csv", "networks select-pool"),
        ("evaluation-test-pool-strata.csv", "strata test-pool"),
        ("evaluation-test-risk.csv", None),
        ("evaluation-test-slices.csv", None),
        ("horizon-sax-cine-2d.csv", "horizon sax-cine-2d"),
        ("horizon-sax-cine-2d-slices.csv", None),
        ("robustness-sax-cine-3d.csv", "robustness sax-cine-3d"),
        ("ablation.csv", "ablation"),
        ("ablation-rollout.csv", "ablation-rollout"),
        ("compare-published.csv", "compare-published"),
        ("opened.csv", "opened"),
        ("something.csv", None),
    ],
)
def test_a_table_is_named_after_its_file(file, name):
    assert name_of(Path(file)) == name


def test_every_table_has_as_many_cells_in_every_line(run):
    for name, text in tables(run).items():
        assert len({line.count("|") for line in text.splitlines()}) == 1, name


def test_the_table_of_methods_has_the_figures_before_and_after_and_the_dice_of_every_network(run):
    text = tables(run)["networks test"]
    heading = cells(text, "method")
    assert heading[1:4] == ["Dice (n = 48)", "Dice, weak (n = 24)", "Dice, unseen (n = 24)"]
    assert cells(text, "input")[1:] == ["0.500"] * 3 + ["20.0", "4.00", *[""] * 6]
    ours = dict(zip(heading, cells(text, MODELS[0]), strict=True))
    assert [ours[name] for name in heading[1:5]] == ["0.604", "0.604", "0.604", "10.0"]
    assert [ours[name] for name in heading[7:]] == ["0"] * 4 + ["0 of 12"]


def test_the_worst_subjects_are_shown_and_the_others_are_one_line(run):
    text = tables(run)["subjects test"]
    assert [line.split("|")[1].strip() for line in text.splitlines()[2:]] == ["a", "b", "c", "the other 3"]
    slices, near, one_pass, ours = map(float, cells(text, "the other 3")[1:5])
    assert slices == 24
    assert (near, one_pass, ours) == pytest.approx((0.5055, 0.6055, 0.6055), abs=0.001)


def test_the_comparison_has_a_column_per_model(run):
    text = tables(run)["paired test"]
    last = text.splitlines()[-1]
    assert [cell.strip() for cell in last.strip("|").split("|")][:2] == [ONE_PASS, BOTH_DRAW]
    assert cells(text, "polar interpolation")[2:] == ["+0.050 (+0.050 to +0.050)", "+0.150 (+0.150 to +0.150)"]


def test_figures_that_a_document_shows_are_kept(tmp_path):
    for name in ("plots", "kept"):
        (tmp_path / name).mkdir()
    for name in ("strata.png", "other.png"):
        (tmp_path / "plots" / name).touch()
    kept = keep_figures("![One](figures/strata.png)\n![Two](figures/old.png)", tmp_path / "plots", tmp_path / "kept")
    assert [path.name for path in kept] == ["strata.png"]
    assert kept[0].is_file()


def test_what_the_line_above_says_is_left_out(run):
    lines = tables(run)["strata test"].splitlines()[2:]
    kinds = [line.split("|")[1].strip() for line in lines]
    assert set(kinds) - {""} <= set(SHOWN_STRATA)
    assert kinds[0] == FAULT
    assert [kind for kind in kinds if kind] == list(dict.fromkeys(kind for kind in kinds if kind))


def test_the_other_kinds_of_tables_are_written():
    steps = {"steps": [8], "moved": [0.01]}
    for name in ("ring", "dice", "area"):
        steps |= {name: [0.95], f"{name} low": [0.9], f"{name} high": [1.0]}
    assert cells(markdown("horizon", pd.DataFrame(steps)), "8") == [
        "8",
        "95.0 % (90.0 % to 100.0 %)",
        "0.950 (0.900 to 1.000)",
        "0.950 (0.900 to 1.000)",
        "1.0 %",
    ]
    line = {"group": "image", "disturbance": "noise", "n": 9, "valid": "90.0 % (80.0-95.0)", "flagged": 1, "dice": 0.7}
    line |= {"gain": 0.1, "low": 0.05, "high": 0.2, "lost": 0.02, "lost low": 0.01, "lost high": 0.03}
    line |= {"hd": 9.0, "hd low": 8.0, "hd high": 10.0, "assd": 2.0, "assd low": 1.0, "assd high": 3.0}
    found = cells(markdown("robustness", pd.DataFrame([line])), "image")
    assert found[7:] == ["-0.020 (-0.030 to -0.010)", "9.0 (8.0 to 10.0)", "2.00 (1.00 to 3.00)"]
    reference = {"variation": "as it is", "n": 9, "rings": "90.0 % (80.0-95.0)", "gain": 0.1, "low": 0.0, "high": 0.2}
    reference |= {"hd": 9.0, "assd": 2.0}
    other = reference | {"variation": "no image", "over": -0.1, "over low": -0.2, "over high": -0.05, "p": 0.01}
    text = markdown("ablation", pd.DataFrame([reference, other | {"effect": -0.8}]))
    assert cells(text, "as it is")[6:] == ["", "", ""]
    assert cells(text, "no image")[6:] == ["-0.100 (-0.200 to -0.050)", "1.0e-02", "-0.80"]
    figures = {"mse": 0.01, "dice": 0.9, "b0 error": 0.5, "b1 error": 1.0, "ring": 0.95, "cldice": 0.9}
    figures |= {f"{name} {end}": value for name, value in figures.items() for end in ("low", "high")}
    costs = {"parameters": 12_977, "updates": 15_360, "training s": 2_900.4, "ms per picture": 10.04}
    lines = [figures | costs | {"method": "published"}, figures | dict.fromkeys(costs, 0) | {"method": "input"}]
    text = markdown("compare-published", pd.DataFrame(lines))
    assert cells(text, "published")[1:6] == ["12,977", "15,360", "2,900", "10.0", "0.01000 (0.01000 to 0.01000)"]
    assert cells(text, "input")[1:5] == [""] * 4


# The document


def test_places_are_filled_and_the_text_between_them_stays():
    document = "# A\n\n<!-- table: one -->\nold\n<!-- end of table -->\n\nText.\n"
    filled = fill(document, {"one": "| x |\n| --- |"})
    assert filled == "# A\n\n<!-- table: one -->\n| x |\n| --- |\n<!-- end of table -->\n\nText.\n"
    assert fill(filled, {"one": "| x |\n| --- |"}) == filled
    assert places(filled) == {"one": "| x |\n| --- |"}


def test_an_empty_place_is_filled_too():
    assert places(fill("<!-- table: one -->\n<!-- end of table -->", {"one": "| x |"})) == {"one": "| x |"}


def test_a_place_for_a_table_that_is_not_there_is_an_error_that_names_those_that_are():
    with pytest.raises(ValueError, match=r"'two'.*one"):
        fill("<!-- table: two -->\n<!-- end of table -->", {"one": ""})
