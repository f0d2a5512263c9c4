"""The model card: what is written is read, and a card with anything missing, unknown or wrong is not."""

import json
from dataclasses import fields, replace

import pytest

from engine.model_samples import CARD
from engine.vessel_models import vessel_model
from rncarefine.nca.card import FORMAT, REPAIRED_FEATURES, ModelCard, is_permissive, terms_of_use
from rncarefine.tasks.tubular.settings import Settings

COMPLETE = replace(CARD, shapes={"update.weight": (6, 4), "scale": ()}, parameters=25, sha256="0a" * 32)


def changed(**changes):
    return ModelCard.from_dict({**COMPLETE.to_dict(), **changes})


@pytest.fixture
def path(tmp_path):
    """Return where a card lies under its own name."""
    written = tmp_path / f"{CARD.name}.json"
    written.write_text(json.dumps(COMPLETE.to_dict()))
    return written


def test_a_card_is_plain_json_and_comes_back_from_it(path):
    assert ModelCard.from_dict(json.loads(json.dumps(COMPLETE.to_dict()))) == COMPLETE
    assert ModelCard.read(path) == COMPLETE
    assert COMPLETE.to_dict()["shapes"] == {"update.weight": [6, 4], "scale": []}
    assert set(COMPLETE.to_dict()) == {entry.name for entry in fields(ModelCard)}


@pytest.mark.parametrize(
    "change",
    [
        {"spacing_mm": 9.0},
        {"crop": 9},
        {"steps": 9},
        {"fire_rate": 0.9},
        {"mask_weight": 0.9},
        {"confidence": {"seen": 9.0}},
        {"closed_confidence": {"seen": 9.0}},
        {"tubular": {"keep_px": 9.0}},
    ],
    ids=str,
)
def test_the_hash_of_the_settings_changes_with_what_decides_a_result(change):
    assert COMPLETE.settings_hash == replace(COMPLETE, metrics={"dice": 1.0}, sha256="1b" * 32).settings_hash
    assert COMPLETE.settings_hash != replace(COMPLETE, **change).settings_hash


def test_the_format_is_2_and_another_is_refused():
    assert COMPLETE.format == FORMAT == 2
    for other in (1, 3, "2", None):
        with pytest.raises(ValueError, match="'format'"):
            changed(format=other)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "../evil"),
        ("name", ""),
        ("title", ""),
        ("mode", "3D"),
        ("licence", None),
        ("spacing_mm", 0),
        ("spacing_mm", "1.6"),
        ("spacing_mm", True),
        ("spacing_mm", float("nan")),
        ("crop", 0),
        ("crop", 96.0),
        ("crop", None),
        ("channels", 1.5),
        ("hidden", -1),
        ("steps", 0),
        ("fire_rate", 0),
        ("fire_rate", 1.2),
        ("mask_weight", -0.1),
        ("mask_weight", 1.1),
        ("mask_weight", None),
        ("metrics", [1]),
        ("metrics", {"dice": float("nan")}),
        ("confidence", {"intercept": 1.0}),
        ("created_by", {"config": {1, 2}}),
        ("shapes", {}),
        ("shapes", {"w": [-1]}),
        ("parameters", 3),
        ("sha256", "ABC"),
        ("colour", "blue"),
    ],
)
def test_a_wrong_field_is_named(field, value):
    with pytest.raises(ValueError, match=f"'{field}'"):
        changed(**{field: value})


@pytest.mark.parametrize("field", OLDER := ["mask_weight", "tubular"])
def test_a_field_that_older_cards_do_not_have_may_be_missing(field):
    values = COMPLETE.to_dict()
    del values[field]
    assert ModelCard.from_dict(values) == COMPLETE


@pytest.mark.parametrize("field", [name for name in COMPLETE.to_dict() if name not in OLDER])
def test_a_missing_field_is_named(field):
    values = COMPLETE.to_dict()
    del values[field]
    with pytest.raises(ValueError, match=f"'{field}' is missing"):
        ModelCard.from_dict(values)


def test_the_confidence_is_empty_or_has_known_weights():
    weights = {name: float(number) for number, name in enumerate(("intercept", *REPAIRED_FEATURES))}
    assert changed(confidence=weights).confidence == weights
    assert changed(confidence={}).confidence == {}
    earlier = {"intercept": 0.5, "seen": 2.0}
    assert changed(confidence=earlier).confidence == earlier
    for wrong in (
        {"seen": 1.0},
        {**weights, "more": 1.0},
        {**weights, "intercept": float("inf")},
        {**weights, "intercept": "1"},
    ):
        with pytest.raises(ValueError, match="'confidence'"):
            changed(confidence=wrong)


# Files


@pytest.mark.parametrize("text", ["", "[1]", '{"name": ', "\x00"])
def test_a_file_that_is_no_json_object_is_refused_with_its_name(path, text):
    path.write_text(text)
    with pytest.raises(ValueError, match=path.name):
        ModelCard.read(path)


def test_a_card_under_another_name_is_refused(path):
    with pytest.raises(ValueError, match=f"'{CARD.name}'.*'other'"):
        ModelCard.read(path.rename(path.with_name("other.json")))


# Licences


@pytest.mark.parametrize(
    "licence",
    [
        *("Apache-2.0", "Apache 2.0", "MIT", "BSD-3-Clause", "CC0-1.0", "CC0 1.0", "CC BY 4.0", "CC-BY-4.0", "cc by"),
        "MIT AND CC0-1.0",
    ],
)
def test_a_licence_that_asks_only_to_be_named_is_permissive(licence):
    assert is_permissive(licence)


@pytest.mark.parametrize(
    "licence",
    [
        *("CC BY-NC 4.0", "CC BY-NC-SA 4.0", "CC-BY-SA-4.0", "CC BY-ND 4.0", "GPL-3.0", "Mitre", "proprietary", ""),
        "Apache-2.0 AND CC BY-NC-SA 4.0",
    ],
)
def test_every_other_licence_is_not(licence):
    assert not is_permissive(licence)


@pytest.mark.parametrize("licence", ["CC BY-NC-SA 4.0", "CC-BY-NC-4.0", "cc-by-nc-4.0"])
def test_terms_of_non_commercial_licences(licence):
    assert terms_of_use("heart", licence) == (
        f"heart may be used under {licence}, which does not allow commercial use."
    )
    assert terms_of_use("heart", "GPL-3.0") == "heart may be used under GPL-3.0."


def test_a_vessel_card_without_image_weight_has_none():
    card = vessel_model(image_weight=0.3).card
    given = replace(card, shapes=COMPLETE.shapes, parameters=COMPLETE.parameters, sha256=COMPLETE.sha256).to_dict()
    older = given | {"tubular": {name: value for name, value in given["tubular"].items() if name != "image_weight"}}
    assert [Settings.of(ModelCard.from_dict(values)).image_weight for values in (given, older)] == [0.3, 0.0]
    for wrong in (-0.1, 1.5, None, "0.3"):
        with pytest.raises(ValueError, match="'tubular'"):
            ModelCard.from_dict(given | {"tubular": given["tubular"] | {"image_weight": wrong}})
