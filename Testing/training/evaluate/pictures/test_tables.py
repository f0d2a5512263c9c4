"""Tables of an evaluation on pictures, and which pictures are measured."""

from types import SimpleNamespace

import pandas as pd
import pytest

from rncarefine_training.cli.tables import bridges_table, pictures_table
from rncarefine_training.evaluate.pictures.measure import INPUT, REPAIRED, segmented
from rncarefine_training.evaluate.pictures.tables import (
    METRICS,
    PRECISION,
    picture_card_metrics,
    summarise_bridges,
    summarise_pictures,
)
from rncarefine_training.evaluate.tables import ALL


def rows():
    lines = []
    for number in range(8):
        for method, gain in ((INPUT, 0.0), (REPAIRED, 0.02)):
            line = dict.fromkeys(METRICS, 0.5 + gain) | {"dice": 0.7 + gain + 0.01 * number}
            line |= {"bridges": 4 * (method == REPAIRED), "true_bridges": 3 * (method == REPAIRED)}
            line |= {"site": "eyes", "network": "ours", "case": f"s{number}_L", "subject": f"s{number}"}
            lines.append(line | {"method": method, "sha256": "abc"})
    return pd.DataFrame(lines)


def test_means_have_intervals_and_changes():
    table = summarise_pictures(rows())
    assert table.group.unique().tolist()[0] == "eyes, ours"
    ours = table[table.method == REPAIRED].iloc[0]
    assert (ours.n, ours.subjects, ours.bridges) == (8, 8, 32)
    assert ours.Dice == pytest.approx(0.755)
    assert ours["Dice low"] < ours.Dice < ours["Dice high"]
    assert ours["Dice change"] == pytest.approx(0.02)
    assert ours["Dice worst"] == pytest.approx(0.02)
    assert ours[PRECISION] == pytest.approx(0.75)
    shown = pictures_table(table)
    assert shown["site, network"].tolist() == ["eyes, ours (n=8)"] * 2 + [f"{ALL} (n=8)"] * 2
    assert shown.Dice.tolist()[1] == "0.755"
    assert shown.Dice.tolist()[-1].startswith("0.755 (0.7")


def test_the_card_holds_figures_of_its_own_weights_alone():
    found = picture_card_metrics(rows(), "abc")
    assert found["eyes, ours"]["dice"] == pytest.approx(0.755)
    assert found["eyes, ours"]["dice_before"] == pytest.approx(0.735)
    assert found["eyes, ours"]["bridge_precision"] == 0.75
    assert picture_card_metrics(rows(), "other") == {}


def test_bridge_confidence_is_summarised_by_site():
    lines = [
        {"site": site, "subject": f"{site}{n % 4}", "true": true, "confidence": 0.9 if true or wrong else 0.3}
        for site, wrong in (("one", False), ("two", True))
        for n, true in enumerate([True] * 6 + [False] * 2)
    ]
    table = summarise_bridges(pd.DataFrame(lines)).set_index("site")
    assert table.auroc.tolist() == pytest.approx([1.0, 0.5, 0.75])
    assert table["sure share"].tolist() == pytest.approx([1.0, 0.75, 12 / 14])
    assert bridges_table(table.reset_index())["of these on vessel"].tolist() == ["100 %", "75 %", "86 %"]


def test_only_segmented_pictures_of_the_subjects_are_measured():
    entries = [SimpleNamespace(subject=name, predictions={"ours": None}) for name in ("a", "b")]
    assert [(job.entry.subject, job.network) for job in segmented(entries, ["ours", "other"], ["b"])] == [("b", "ours")]
    with pytest.raises(ValueError, match="No network"):
        segmented(entries, ["other"], ["b"])
