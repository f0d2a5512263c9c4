"""Files of an evaluation: what is kept of other models, and the record of the test subjects' openings."""

import csv
from dataclasses import replace

import pandas as pd
import pytest

from engine.toy_models import identity_model, seeing_model
from rncarefine_training.evaluate.measure import NO_MODEL
from rncarefine_training.evaluate.store import (
    keep_other_models,
    open_test_subjects,
    read_rows,
    write_evaluation,
    write_table,
)
from training.evaluation_rows import MODELS, made_up

ROWS = made_up()
FIRST, SECOND = MODELS


def of(rows, *models):
    return rows[rows.model.isin(models)].reset_index(drop=True)


def test_tables_and_rows_are_written(tmp_path):
    tables = write_evaluation(ROWS, tmp_path, "evaluation-test")
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {
        "evaluation-test.csv",
        *(f"evaluation-test-{name}.csv" for name in ("slices", *(ending for ending in tables if ending))),
    }
    back = read_rows(tmp_path / "evaluation-test-slices.csv")
    pd.testing.assert_frame_equal(back, ROWS, check_dtype=False, rtol=1e-4)


def test_rows_of_other_models_are_kept_and_those_of_the_same_replaced(tmp_path):
    path = tmp_path / "rows.csv"
    write_table(ROWS, path)
    again = of(ROWS, FIRST, NO_MODEL).assign(dice=0.9)
    found = keep_other_models(again, path)
    assert len(found) == len(ROWS)
    assert (of(found, FIRST, NO_MODEL).dice == 0.9).all()
    pd.testing.assert_series_equal(of(found, SECOND).dice, of(ROWS, SECOND).dice, rtol=1e-4)


def test_rows_of_other_slices_cannot_be_kept(tmp_path):
    path = tmp_path / "rows.csv"
    write_table(ROWS, path)
    with pytest.raises(ValueError, match=f"{SECOND}.*--fresh"):
        keep_other_models(of(ROWS, FIRST, NO_MODEL).query("subject != 'a'"), path)


def test_without_earlier_rows_of_others_nothing_is_added(tmp_path):
    path = tmp_path / "rows.csv"
    assert keep_other_models(ROWS, path) is ROWS
    write_table(of(ROWS, FIRST, NO_MODEL), path)
    new = of(ROWS, FIRST, NO_MODEL)
    assert keep_other_models(new, path) is new


def test_rows_of_a_version_that_knew_no_models_are_dropped(tmp_path):
    path = tmp_path / "rows.csv"
    write_table(ROWS.drop(columns=["model", "sha256"]), path)
    assert keep_other_models(ROWS, path) is ROWS


def test_subjects_and_networks_that_are_numbers_keep_their_zeros(tmp_path):
    rows = ROWS.assign(subject="007", network="01")
    write_table(rows, tmp_path / "rows.csv")
    back = read_rows(tmp_path / "rows.csv")
    assert set(back.subject) == {"007"}
    assert set(back.network) == {"01"}


def test_missing_rows_raise(tmp_path):
    with pytest.raises(ValueError, match="rncarefine-train evaluate"):
        read_rows(tmp_path / "none.csv")


# The test subjects


def with_hash(model, digit):
    return replace(model, card=replace(model.card, sha256=digit * 64))


def test_repeated_test_set_evaluations_are_reported(tmp_path):
    record = tmp_path / "opened.csv"
    model, other = with_hash(seeing_model(name="one-2d"), "1"), with_hash(identity_model(name="two-2d"), "2")
    assert open_test_subjects(record, [model], "rncarefine-train evaluate --test") == []
    assert open_test_subjects(record, [other], "second") == []
    (sentence,) = open_test_subjects(record, [other, model], "third")[1:]
    with record.open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert [line["model"] for line in lines] == ["one-2d", "two-2d", "two-2d", "one-2d"]
    assert lines[0]["sha256"] == "1" * 64
    assert lines[0]["settings_hash"] == model.card.settings_hash
    assert lines[0]["command"] == "rncarefine-train evaluate --test"
    assert "one-2d (1111111)" in sentence
    assert lines[0]["date"] in sentence


def test_a_record_of_an_earlier_version_is_completed(tmp_path):
    record = tmp_path / "opened.csv"
    record.write_text("model,sha256,date,command\none-2d,11,2026-01-01,first\n")
    open_test_subjects(record, [with_hash(seeing_model(), "1")], "second")
    with record.open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert [(line["command"], line["sha256"]) for line in lines] == [("first", "11"), ("second", "1" * 64)]
    assert lines[0]["settings_hash"] == ""


def test_other_weights_of_the_same_name_have_not_opened_them(tmp_path):
    record = tmp_path / "opened.csv"
    open_test_subjects(record, [with_hash(seeing_model(), "1")], "first")
    assert open_test_subjects(record, [with_hash(seeing_model(), "2")], "second") == []
