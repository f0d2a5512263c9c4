"""Tables of an evaluation: figures of made-up rows that one can tell beforehand."""

import math

import numpy as np
import pytest

from rncarefine_training.evaluate.measure import FULL_REPAIR, NEAR, NO_MODEL, ONE_PASS
from rncarefine_training.evaluate.statistics import proportion
from rncarefine_training.evaluate.strata import FAULT, GAP, HAS, PLACE, SPACING, stratify
from rncarefine_training.evaluate.tables import ALL, BOTH_DRAW, against, by_subject, card_metrics, summarise
from training.evaluation_rows import MODELS, NETWORKS, POLAR, made_up

ROWS = made_up()
FIRST, SECOND = MODELS
# The first of four slices of the first of six subjects is no ring.
VALID, SIX = [False] + [True] * 23, np.repeat(list("abcdef"), 4)


def where(rows, **values):
    chosen = np.ones(len(rows), bool)
    for name, value in values.items():
        chosen &= (rows[name] == value).to_numpy()
    return chosen


# By network and method


def test_the_table_has_a_line_per_network_model_and_method():
    table = summarise(ROWS)
    assert len(table) == len([*NETWORKS, ALL]) * (2 * 5 + 2)
    (line,) = table[where(table, network="weak", model=FIRST, method=FULL_REPAIR)].to_dict("records")
    assert (line["broken"], line["flagged"], line["correct"], line["correct changed"]) == (24, 0, 6, 0)
    assert line["valid"] == "100.0 %"
    assert line["dice"] == pytest.approx(0.6 + 0.001 * (2.5 + 1.5))
    assert (line["dice before"], line["hd before"], line["hd"]) == (0.5, 20, 10)
    assert line["sha256"] == "one-2d-hash"


def test_refused_and_flagged_slices_are_counted():
    rows = ROWS.copy()
    chosen = where(rows, model=FIRST, method=FULL_REPAIR, network="weak", subject="a", k=0)
    rows.loc[chosen, ["verdict", "valid"]] = "refused", False
    rows.loc[where(rows, model=FIRST, method=FULL_REPAIR, network="weak", subject="a"), "flagged"] = True
    table = summarise(rows)
    (line,) = table[where(table, network="weak", model=FIRST, method=FULL_REPAIR)].to_dict("records")
    assert (line["refused"], line["flagged"], line["valid"]) == (1, 4, proportion(VALID, SIX).percent)
    assert line["valid of not refused"] == "100.0 %"


def test_card_metrics_by_network():
    table = summarise(ROWS)
    found = card_metrics(table, table[table.model == SECOND].sha256.iloc[0])
    assert set(found) == set(NETWORKS)
    assert found["weak"]["dice"] == 0.704
    assert found["weak"]["broken"] == 24
    assert card_metrics(table, "0" * 64) == {}


def test_all_networks_are_summed_up_for_each_model():
    rows = ROWS.copy()
    chosen = where(rows, model=FIRST, method=FULL_REPAIR, network="weak", subject="a")
    rows.loc[chosen & where(rows, k=0), ["verdict", "dice"]] = "refused", 0.1
    rows.loc[chosen & where(rows, k=1), "flagged"] = True
    rows.loc[chosen & where(rows, k=2), "dice"] = 0.4
    table = summarise(rows)
    line, other = (table[where(table, network=ALL, model=model, method=FULL_REPAIR)].iloc[0] for model in MODELS)
    counts = ["broken", "refused", "flagged", "silent", "worse", "correct", "correct changed"]
    assert list(line[counts]) == [48, 1, 1, 1, 1, 12, 0]
    assert list(other[counts]) == [48, 0, 0, 0, 0, 12, 0]
    assert line.dice == pytest.approx(rows[where(rows, model=FIRST, method=FULL_REPAIR, broken=True)].dice.mean())


def test_changes_of_slices_without_a_true_ring_are_counted():
    rows = ROWS.copy()
    rows.loc[rows.k >= 3, ["broken", "correct"]] = False
    ours = where(rows, model=FIRST, method=FULL_REPAIR, network="weak")
    rows.loc[ours & where(rows, k=3, subject="a"), "flagged"] = True
    table = summarise(rows)
    lines = table[where(table, model=FIRST, method=FULL_REPAIR)].set_index("network")
    counts = ["broken", "correct", "other", "other changed", "other silent"]
    # Slice 4 is not changed; of the others, one is flagged.
    assert lines.loc["weak", counts].tolist() == [18, 0, 12, 6, 5]
    assert lines.loc[ALL, counts].tolist() == [36, 0, 24, 12, 11]


def test_means_of_distances_have_the_number_of_their_slices():
    rows = ROWS.copy()
    rows.loc[where(rows, method=NEAR, k=1), ["hd", "assd"]] = math.nan
    table = summarise(rows).set_index(["network", "model", "method"])
    assert table.distances[("weak", NO_MODEL, NEAR)] == 18
    assert table.distances[(ALL, NO_MODEL, NEAR)] == 36
    assert (table.drop(NEAR, level="method").eval("distances == broken")).all()


def test_the_worst_subject_comes_first():
    rows = ROWS.copy()
    rows.loc[where(rows, model=FIRST, method=FULL_REPAIR, subject="c", broken=True), ["verdict", "dice"]] = (
        "refused",
        0.3,
    )
    table = by_subject(rows)
    assert len(table) == len(MODELS) * 6
    worst = table.iloc[0]
    assert list(worst[["model", "subject", "n", "refused", "flagged", "silent"]]) == [FIRST, "c", 8, 8, 0, 0]
    assert list(worst[["near", "one pass", "dice"]]) == pytest.approx([0.5035, 0.6035, 0.3])
    assert list(table[table.model == FIRST].subject) == ["c", "a", "b", "d", "e", "f"]


# Paired


def test_paired_comparison_by_slice():
    table = against(ROWS)
    (dice,) = table[where(table, model=FIRST, network="weak", measure="dice")].to_dict("records")
    assert (dice["n"], dice["subjects"], dice["better"], dice["effect"]) == (24, 6, 1, 1)
    assert dice["gain"] == pytest.approx(0.05)
    assert (dice["low"], dice["high"]) == pytest.approx((0.05, 0.05))
    assert dice["p"] < 1e-5
    assert dice["p subjects"] == pytest.approx(2 / 64)
    (assd,) = table[where(table, model=FIRST, network="all", measure="assd")].to_dict("records")
    # A smaller distance is a gain.
    assert assd["gain"] == pytest.approx(0.5)
    assert assd["n"] == 48


def test_slices_without_a_distance_are_left_out_of_it():
    rows = ROWS.copy()
    rows.loc[where(rows, method=POLAR, network="weak", k=0), "assd"] = math.nan
    table = against(rows)
    assert list(table[where(table, model=FIRST, network="weak")].n) == [24, 18, 24]


def test_unchanged_slices_are_not_compared():
    rows = ROWS.copy()
    rows.loc[where(rows, model=FIRST, method=FULL_REPAIR, network="weak", k=0), "changed"] = False
    rows.loc[where(rows, model=FIRST, method=ONE_PASS, network="weak", k=1), "changed"] = False
    table = against(rows, ONE_PASS, slices=BOTH_DRAW)
    assert set(table.slices) == {BOTH_DRAW}
    assert list(table[where(table, model=FIRST, measure="dice")].n) == [12, 24, 36]
    assert list(table[where(table, model=SECOND, measure="dice")].n) == [24, 24, 48]


# Strata


@pytest.fixture(scope="module")
def strata():
    """Return the strata of the made-up rows."""
    return stratify(ROWS)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (HAS, {"none": 12, "up to 25 %": 12, "25 to 50 %": 12, "more than 75 %": 12}),
        (GAP, {"none": 12, "up to 30 deg": 12, "30 to 90 deg": 12, "more than 180 deg": 12}),
        (FAULT, {"the wall itself": 36, "only components elsewhere": 12}),
        (PLACE, {"base": 12, "middle": 12, "apex": 24}),
        (SPACING, {"up to 7.5 mm": 16, "more than 7.5 mm": 32}),
    ],
)
def test_edges_belong_to_the_lower_stratum(strata, kind, expected):
    part = strata[where(strata, stratum=kind, model=FIRST)]
    assert dict(zip(part.slices, part.n, strict=True)) == expected


def test_strata_compare_models_with_the_first(strata):
    part = strata[where(strata, stratum=HAS, slices="none")]
    assert list(zip(part.model, part.method, strict=True)) == [
        (FIRST, FULL_REPAIR),
        (SECOND, FULL_REPAIR),
        (NO_MODEL, POLAR),
    ]
    assert part["over first"].iloc[1] == pytest.approx(0.1)
    assert part["over first"].isna().iloc[[0, 2]].all()
    assert part.gain.iloc[0] == pytest.approx(0.1 + 0.001 * 2.5)
    assert part["hd change"].iloc[0] == pytest.approx(-0.5)


def test_shares_of_a_stratum_have_intervals_over_subjects(strata):
    rows = ROWS[ROWS.model != SECOND].copy()
    rows.loc[where(rows, model=FIRST, method=FULL_REPAIR, subject="a"), "valid"] = False
    table = stratify(rows)
    for line in table[where(table, model=FIRST, stratum=HAS)].to_dict("records"):
        # One of six subjects is drawn up to three times in 95 % of the draws.
        assert (line["valid share"], line["valid low"], line["valid high"]) == pytest.approx((5 / 6, 0.5, 1))
    assert set(strata["valid share"]) == {1}
    assert strata[["valid low", "valid high"]].isna().all(axis=None)


def test_a_stratum_without_a_slice_has_no_line():
    table = stratify(ROWS[ROWS.slice_mm > 7.5])
    assert "up to 7.5 mm" not in set(table.slices)
