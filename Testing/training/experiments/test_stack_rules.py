"""The table of the rules about stacks: own images agree with the masks, images of other slices do not."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from engine.shapes import STACK_SPACING, heart
from engine.toy_models import seeing_model
from engine.toy_stacks import grey
from experiments import stack_rules
from experiments.stack_rules import NETWORK, NEXT, OWN, REFERENCE, REMOVED, ROLLED, examine_stacks, summarise
from rncarefine.stack import Stack


def failure():
    """Return a heart that drifts, so that the images of other slices show other walls."""
    walls, pools = (
        np.stack([np.roll(part, 3 * k, axis=1) for k, part in enumerate(each)]) for each in heart(rings=6, discs=0)
    )
    image = grey(walls, pools)
    stack = Stack.create(image, walls, STACK_SPACING, name="a")
    return SimpleNamespace(load=lambda: SimpleNamespace(case=SimpleNamespace(image=image), stack=stack, truth=walls))


def test_images_of_other_slices_overlap_less_and_missing_walls_are_seen():
    rows = pd.concat(examine_stacks([failure()], seeing_model(), device="numpy")).set_index(["masks", "images"])
    own, rolled = rows.overlap[(NETWORK, OWN)], rows.overlap[(NETWORK, ROLLED)]
    assert own > 0.85
    assert rolled < 0.6
    shifted = rows.shifted[rows.index.get_level_values("images") == NEXT]
    assert (len(shifted), shifted.all()) == (2, True)
    assert not rows.shifted.xs(OWN, level="images").any()
    missed = rows.missed.xs(OWN, level="images")
    assert missed[missed].index.tolist() == [f"{REFERENCE}, {name}" for name in REMOVED]


def test_walls_are_removed_at_the_named_end(monkeypatch):
    emptied = []

    def nothing_shown(examined, evidence, k):
        emptied.append(k)
        return False

    monkeypatch.setattr(stack_rules, "wall_is_shown", nothing_shown)
    list(examine_stacks([failure()], seeing_model(), device="numpy"))
    # The toy heart tapers towards its last slice, the apex.
    assert emptied == [0, 1, 4, 5]


def test_shares_have_their_numbers():
    one = {
        "case": "a_ED",
        "masks": NETWORK,
        "images": OWN,
        "shifted": False,
        "missed": False,
        "shown": True,
        "right": True,
        "right_by_masks": False,
    }
    rows = [one | {"overlap": 0.9}, one | {"overlap": 0.5}, one | {"overlap": 0.7, "images": ROLLED}]
    own, rolled = summarise(pd.DataFrame(rows)).to_dict("records")
    assert (own["n"], own["overlap"], own["least"]) == (2, pytest.approx(0.7), 0.5)
    assert own["in doubt"].startswith("50.0 %")
    assert own["shifted"].startswith("0.0 %")
    assert own["right"] == own["apex shown"]
    assert own["right"].startswith("100.0 %")
    assert own["by masks"].startswith("0.0 %")
    assert (rolled["n"], rolled["in doubt"][:5]) == (1, "0.0 %")
