"""A picture from mask and model to report: what is repaired, reported and refused."""

from dataclasses import replace

import numpy as np
import pytest

from engine.model_folders import seeing_weights
from engine.vessel_models import USE, vessel_model
from engine.vessels import field_of, tree, with_gap
from rncarefine import Picture, PictureReport, RepairOptions, check_picture, load_model, repair, repair_picture
from rncarefine.anatomy.topology import betti_2d
from rncarefine.nca.architecture import PICTURE_CHANNELS, Architecture
from rncarefine.nca.rollout import Runner
from rncarefine.progress import Cancelled
from rncarefine.reasons import ReasonCode
from rncarefine.stack import Stack
from rncarefine.tasks.tubular.places import PlaceFinding
from rncarefine.tasks.tubular.settings import Settings
from rncarefine.tasks.tubular.windows import likelihood
from rncarefine.words import PlaceVerdict

WHOLE = tree()
BROKEN = with_gap(WHOLE, 30, 10)
NUMPY = RepairOptions(device="numpy")
INSIDE = np.arange(WHOLE.size).reshape(WHOLE.shape) > 0
"""A field of view with a border, of one pixel."""


def photograph(vessels=WHOLE, mask=BROKEN, **more):
    """Return a photograph in which vessels are dark on a noisy background."""
    noise = np.random.default_rng(3).normal(0, 4, (*vessels.shape, 3))
    return Picture.create(150 - 60 * vessels[..., None] + noise, mask, **more)


def test_the_automaton_joins_what_the_photograph_shows_to_be_one():
    result = repair_picture(photograph(), vessel_model(), NUMPY)
    assert betti_2d(result.mask) == betti_2d(WHOLE)
    report = result.report
    assert (report.picture.b0_before, report.picture.b0_after, report.picture.bridges) == (2, 1, 1)
    assert report.model.name == "toy-vessels"
    assert (report.run.backend, report.run.bridge_px) == ("numpy", 16.0)
    bridge = report.places[0]
    assert bridge.verdict is PlaceVerdict.BRIDGED
    assert 28 <= bridge.row <= 33
    assert 30 <= bridge.column < 40
    assert bridge.support > 1
    assert bridge.confidence == pytest.approx(bridge.likelihood, abs=1e-3)


def test_what_the_photograph_does_not_show_stays_apart():
    result = repair_picture(photograph(vessels=BROKEN), vessel_model(), NUMPY)
    assert betti_2d(result.mask)[0] == 2
    assert result.report.picture.bridges == 0


@pytest.mark.parametrize(("likely", "flagged"), [(0.63, True), (0.8, False)])
def test_uncertain_extension_is_flagged(likely, flagged):
    broken, likelihood = BROKEN.copy(), field_of(WHOLE)
    broken[45:, 20:23] = False
    likelihood[45:, 20:23] = np.minimum(likelihood[45:, 20:23], likely)
    result = repair_picture(photograph(mask=broken), vessel_model(), likelihood=likelihood)
    (longer,) = [place for place in result.report.places if place.verdict is PlaceVerdict.EXTENDED]
    assert (longer.flagged, longer.likelihood) == (flagged, pytest.approx(likely, abs=0.02))
    assert not (result.without([longer.number]) & ~broken)[46:, 20:23].any()


def test_a_rejected_edit_is_put_back_and_no_other():
    result = repair_picture(photograph(), vessel_model(), NUMPY)
    bridges = [place.number for place in result.report.places if place.verdict is PlaceVerdict.BRIDGED]
    without = result.without(bridges)
    assert betti_2d(without)[0] == 2
    window, pixels = result.edits[bridges[0]].changed
    assert not without[window][pixels].any()
    others = result.mask.copy()
    others[window][pixels] = 0
    np.testing.assert_array_equal(without, others)
    with pytest.raises(ValueError, match="no place 999"):
        result.without([999])


def test_report_round_trip_and_totals():
    result = repair_picture(photograph(), likelihood=field_of(WHOLE))
    assert PictureReport.from_dict(result.report.to_dict()) == result.report
    totals = result.report.picture
    assert (totals.added_px, totals.removed_px) == (int(result.added.sum()), int(result.removed.sum()))
    assert totals.places == len(result.report.places) == len(result.edits)


def test_picture_without_findings_is_unchanged():
    result = repair_picture(photograph(mask=WHOLE), vessel_model(), NUMPY)
    np.testing.assert_array_equal(result.mask, WHOLE)
    assert result.report.run.backend == "none"
    assert result.report.picture.flagged == 0


def test_picture_unlike_the_training_gets_short_bridges():
    far = {"mean": {"red": 5.0}, "sd": {"red": 0.1}, "most": 4.0}
    result = repair_picture(photograph(field_of_view=INSIDE), vessel_model(familiar=far), NUMPY)
    assert [doubt.code.value for doubt in result.report.doubts] == ["unlike_training"]
    assert result.report.picture.bridges == 0
    assert result.report.run.bridge_px == pytest.approx(3.2)
    assert result.report.picture.flagged == 0
    assert result.report.needs_review
    assert "needs review" in result.report.summary()
    assert not repair_picture(
        photograph(field_of_view=INSIDE, mask=WHOLE), vessel_model(familiar=far), NUMPY
    ).report.needs_review
    decided = [replace(place, accepted=True) for place in result.report.places]
    assert not replace(result.report, places=decided).needs_review
    short = repair_picture(
        photograph(field_of_view=INSIDE, mask=with_gap(WHOLE, 30, 2)), vessel_model(familiar=far), NUMPY
    )
    assert short.report.picture.bridges == 1
    assert all(place.flagged for place in short.report.places if place.verdict is PlaceVerdict.BRIDGED)
    assert short.report.picture.removed_px == 0


def test_colour_photograph_without_border_gets_short_bridges_only():
    near = vessel_model(familiar={"mean": {"red": 0.0}, "sd": {"red": 1e6}, "most": 4.0})
    result = repair_picture(photograph(), near, NUMPY)
    assert [doubt.code for doubt in result.report.doubts] == [ReasonCode.NO_BORDER]
    assert result.report.picture.bridges == 0
    assert result.report.needs_review
    assert not repair_picture(photograph(field_of_view=INSIDE), near, NUMPY).report.doubts
    assert not repair_picture(replace(photograph(), image=photograph().image[..., :1]), near, NUMPY).report.doubts


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_likelihood_mixes_the_automaton_and_the_evidence_without_the_mask(weight):
    model = vessel_model(image_weight=weight)
    model.parameters["down0a.weight"][0, PICTURE_CHANNELS.index("mask"), 1, 1] = 1
    runner, picture = Runner(model.parameters, Architecture.of(model.card.shapes), "numpy"), photograph()
    empty = photograph(mask=np.zeros_like(BROKEN))
    rolled = likelihood(picture, model, runner, everywhere=True, image_weight=0.0)
    alone = likelihood(empty, model, runner, everywhere=True, image_weight=0.0, steps=0)
    assert np.abs(rolled - alone).max() > 0.1
    mixed = likelihood(picture, model, runner, everywhere=True)
    np.testing.assert_allclose(mixed, (1 - weight) * rolled + weight * alone, atol=1e-5)


def test_the_likelihood_covers_the_places_and_nothing_far_from_them():
    large = np.zeros((400, 400), bool)
    large[200, 20:150] = large[200, 160:380] = True
    noise = np.random.default_rng(0).normal(0, 3, (400, 400))
    picture = Picture.create(150 - 60.0 * large + noise, large)
    result = repair_picture(picture, vessel_model(channel="scalar", fov_diameter_px=400.0), NUMPY)
    assert result.likelihood[195:205, 145:165].max() > 0.5
    assert not result.likelihood[:100].any()


def test_limits_scale_with_the_field_of_view():
    settings = Settings.of(vessel_model().card)
    assert settings.limits_at(160.0).bridge_px == 2 * USE["bridge_px"]
    assert settings.limits_at(160.0).hole_px == 4 * USE["hole_px"]


def test_a_check_changes_nothing_and_names_the_places():
    report = check_picture(photograph(), Settings.of(vessel_model().card))
    gaps = [place for place in report.places if place.finding is PlaceFinding.GAP]
    assert {place.verdict for place in gaps} == {PlaceVerdict.TO_REPAIR}
    assert report.picture.flagged == len(report.places)
    assert all(place.column in range(26, 44) for place in gaps)


def test_models_of_the_other_task_are_refused_both_ways(tmp_path):
    seeing_weights(tmp_path)
    with pytest.raises(ValueError, match="short-axis stack"):
        repair_picture(photograph(), load_model(tmp_path / "seeing.npz"))
    image = np.random.default_rng(0).random((3, 20, 20))
    with pytest.raises(ValueError, match="single photograph"):
        repair(Stack.create(image, image > 0.5, (8, 1.5, 1.5)), vessel_model())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"likelihood": np.full((80, 80), 2.0)}, "0 to 1"),
        ({"likelihood": np.zeros((4, 4))}, "shape"),
    ],
)
def test_a_likelihood_that_does_not_fit_is_refused(change, said):
    with pytest.raises(ValueError, match=said):
        repair_picture(photograph(), **change)


def test_empty_mask_raises_and_cancel_is_passed_on():
    seen = np.ones((80, 80), bool)
    seen[:, :60] = False
    outside = photograph(mask=with_gap(WHOLE, 50, 30), field_of_view=seen)
    specks = np.zeros((240, 240), bool)
    specks[::3, ::3] = True
    cases = (
        (photograph(mask=np.zeros((80, 80))), "empty"),
        (outside, "field of view"),
        (photograph(specks, specks), "6,400 components"),
    )
    for picture, said in cases:
        with pytest.raises(ValueError, match=said):
            repair_picture(picture, vessel_model())
        with pytest.raises(ValueError, match=said):
            check_picture(picture)

    def stop(fraction, text):
        raise Cancelled

    with pytest.raises(Cancelled):
        repair_picture(photograph(), vessel_model(), NUMPY, progress=stop)


def test_the_field_of_view_is_what_is_not_black():
    j, i = np.indices((200, 220)) - 100
    disc = np.hypot(j, i - 10) < 90
    noise = np.random.default_rng(1).normal(0, 2, (200, 220, 3))
    picture = Picture.create(np.where(disc[..., None], 120, 2) + noise, np.zeros((200, 220)))
    found = picture.field_of_view
    assert (found & disc).sum() / (found | disc).sum() > 0.95
    assert picture.diameter == pytest.approx(180, abs=4)
    assert photograph().field_of_view.all()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((np.zeros((2, 3, 4, 5)), np.zeros((2, 3))), "shape"),
        ((np.zeros((4, 5)), np.zeros((4, 5))), "constant"),
        ((np.full((4, 5), np.nan), np.zeros((4, 5))), "NaN"),
        ((np.arange(20).reshape(4, 5), np.ones((4, 5))), "100 %"),
        ((np.arange(20).reshape(4, 5), np.ones((5, 5))), "shape"),
        ((np.arange(20).reshape(4, 5), np.eye(4, 5), np.zeros((4, 5))), "field of view is empty"),
        ((np.arange(20).reshape(4, 5), np.eye(4, 5), None, np.full((4, 5), 3)), "probability"),
    ],
)
def test_unusable_pictures_are_refused_with_the_reason(arguments, said):
    with pytest.raises(ValueError, match=said):
        Picture.create(*arguments)
