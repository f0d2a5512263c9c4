"""What is guaranteed of a repaired picture, whatever the mask and whatever the likelihood."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from engine.vessels import LIMITS, SETTINGS, field_of, tree, with_gap
from rncarefine.anatomy.shape import EIGHT
from rncarefine.anatomy.thinning import thinned
from rncarefine.anatomy.topology import betti_2d, holes
from rncarefine.reasons import ReasonCode, codes_of
from rncarefine.refine.decide_places import edit
from rncarefine.refine.picture import RepairedPicture, check_picture
from rncarefine.tasks.tubular import picture as tubular_picture
from rncarefine.tasks.tubular.bridges import BridgeCandidate, bridge_confidence, rasterize
from rncarefine.tasks.tubular.edits import length_of
from rncarefine.tasks.tubular.picture import Picture
from rncarefine.tasks.tubular.pieces import Pieces
from rncarefine.tasks.tubular.places import PlaceFinding, find_places
from rncarefine.words import PlaceVerdict


def edited(mask, likelihood, field_of_view=None, image=None, limits=LIMITS, settings=SETTINGS, **options):
    shown = likelihood if image is None else image
    seen = np.ones(mask.shape, bool) if field_of_view is None else field_of_view
    picture = shown_as(shown, mask, seen)
    pieces = Pieces.of(mask)
    places = find_places(pieces, seen, limits)
    return edit(picture, pieces, places, np.asarray(likelihood, np.float32), settings, limits, **options)


def shown_as(image, mask, field_of_view=None):
    """Return a picture in which vessels are as dark as an image is bright."""
    seen = np.ones(mask.shape, bool) if field_of_view is None else field_of_view
    return Picture(-np.asarray(image, np.float32)[..., None], np.asarray(mask, np.uint8), seen)


def put_back(picture, result):
    """Return the repaired mask with all bridges rejected."""
    bridges = [number for number, each in enumerate(result.edits) if each.verdict is PlaceVerdict.BRIDGED]
    nowhere = np.zeros(picture.shape, np.float32)
    return RepairedPicture(picture, result.mask, result.edits, check_picture(picture), nowhere).without(bridges) > 0


@st.composite
def masks_and_likelihoods(draw):
    """Draw noise of every density and smoothness, lines among it, and a field of view."""
    seed = draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    shape = draw(st.tuples(st.integers(4, 40), st.integers(4, 40)))
    smooth, density = draw(st.sampled_from([0, 0.8, 1.5])), draw(st.floats(0.02, 0.6))
    noise = ndimage.gaussian_filter(random.random(shape), smooth)
    mask = noise < np.quantile(noise, density)
    likelihood = random.random(shape)
    if draw(st.booleans()):
        likelihood = ndimage.gaussian_filter(likelihood, 1.5)
        likelihood = (likelihood - likelihood.min()) / max(np.ptp(likelihood), 1e-6)
    likelihood = np.clip(likelihood * draw(st.floats(0.5, 3)), 0, 1)
    seen = np.ones(shape, bool)
    if draw(st.booleans()):
        j, i = np.indices(shape)
        seen = np.hypot(j - shape[0] / 2, i - shape[1] / 2) < max(shape) * draw(st.floats(0.3, 0.7))
    return mask, likelihood.astype(np.float32), seen if seen.any() else np.ones(shape, bool)


@settings(max_examples=100)
@given(masks_and_likelihoods())
def test_every_limit_holds_whatever_the_likelihood(case):
    mask, likelihood, seen = case
    result = edited(mask, likelihood, seen)
    after = result.mask > 0
    added, removed = after & ~mask, mask & ~after
    pieces = Pieces.of(mask)
    # Nothing changes outside the field of view.
    assert not (added | removed)[~seen].any()
    # A piece is removed whole or not at all, and none with a long centreline.
    for label in np.unique(pieces.labels[removed]):
        assert removed[pieces.labels == label].all()
        assert pieces.lengths[label] < LIMITS.keep_px
    # What is added hangs on what was there: b0 never rises, and neither does b1.
    new, _ = ndimage.label(after, structure=EIGHT)
    assert set(np.unique(new)) == set(np.unique(new[mask])) | set(np.unique(new[~after]))
    before_numbers, numbers = betti_2d(mask), betti_2d(after)
    assert numbers[0] <= before_numbers[0]
    assert numbers[1] <= before_numbers[1]
    for each in result.edits:
        if each.verdict is PlaceVerdict.BRIDGED:
            assert length_of(each.bridge.path) <= LIMITS.bridge_px
            assert each.features["support"] > 0
            assert 0 <= each.confidence <= 1
        if each.verdict is PlaceVerdict.FILLED:
            assert each.changed[1].sum() < LIMITS.hole_px
        if each.verdict is PlaceVerdict.EXTENDED:
            assert thinned(each.changed[1]).sum() <= LIMITS.extend_px
            assert each.likelihood >= SETTINGS.extend_likelihood


def longest_join(mask, after):
    """Return the longest step, in pixels, over added pixels from one piece of the mask to the next nearest."""
    labels, _ = ndimage.label(mask & after, structure=EIGHT)
    added, count = ndimage.label(after & ~mask, structure=EIGHT)
    longest = 0
    for number in range(1, count + 1):
        inside = ndimage.binary_dilation(added == number, EIGHT)
        waiting = set(np.unique(labels[inside])) - {0}
        reached = np.isin(labels, [waiting.pop()]) if waiting else mask
        steps = 0
        while waiting:
            reached = ndimage.binary_dilation(reached, EIGHT, mask=reached | (inside & after))
            found = waiting & set(np.unique(labels[reached]))
            steps += 1
            if found:
                longest, steps, waiting = max(longest, steps - 1), 0, waiting - found
                reached |= np.isin(labels, list(found))
    return longest


@settings(max_examples=60)
@given(masks_and_likelihoods())
def test_pieces_are_not_joined_over_more_than_the_longest_bridge(case):
    mask, likelihood, seen = case
    after = edited(mask, likelihood, seen).mask > 0
    assert longest_join(mask, after) <= LIMITS.bridge_px + 2 * LIMITS.thicken_px


@pytest.mark.parametrize("dips", [0, 1, 2])
@pytest.mark.parametrize(("gap", "joined"), [(14, True), (30, False), (40, False)])
def test_stretches_do_not_lengthen_a_bridge(gap, dips, joined):
    whole = np.zeros((140, 140), bool)
    whole[68:71, 4:136] = True
    broken, likelihood = whole.copy(), field_of(whole)
    broken[:, 70 - gap // 2 : 70 + gap // 2] = False
    broken[58:60, 69:73], likelihood[58:60, 69:73] = True, 0.01  # an edit nearby
    for start in (72 - gap // 2, 65 + gap // 2)[:dips]:
        likelihood[68:71, start : start + 3] = 0.35
    labels, _ = ndimage.label(edited(broken, likelihood).mask, structure=EIGHT)
    assert bool(labels[69, 10] == labels[69, 130]) is joined


@settings(max_examples=60)
@given(masks_and_likelihoods())
def test_only_small_holes_are_filled(case):
    mask, likelihood, seen = case
    after = edited(mask, likelihood, seen).mask > 0
    labels, count = holes(mask)
    for number in range(1, count + 1):
        hole = labels == number
        if hole.sum() >= LIMITS.hole_px:
            assert not after[hole].all()


@settings(max_examples=60)
@given(masks_and_likelihoods())
def test_bridges_only_removes_nothing(case):
    mask, likelihood, seen = case
    result = edited(mask, likelihood, seen, bridges_only=True)
    after = result.mask > 0
    assert (after >= mask).all()
    pieces = Pieces.of(mask)
    added, count = ndimage.label(after & ~mask, structure=EIGHT)
    for number in range(1, count + 1):
        touched = np.unique(pieces.labels[ndimage.binary_dilation(added == number, EIGHT)])
        assert (touched > 0).sum() >= 2


@settings(max_examples=30)
@given(masks_and_likelihoods())
def test_a_mask_without_findings_is_returned_unchanged(case):
    mask, likelihood, seen = case
    pieces = Pieces.of(mask)
    alone = pieces.labels == int(pieces.sizes[1:].argmax()) + 1 if pieces.count else mask
    whole = ndimage.binary_fill_holes(alone)
    np.testing.assert_array_equal(edited(whole, likelihood, seen).mask, whole)


@settings(max_examples=60)
@given(masks_and_likelihoods())
def test_changes_are_near_other_edits(case):
    mask, likelihood, seen = case
    result = edited(mask, likelihood, seen, limits=replace(LIMITS, bridge_px=3.0))
    near = np.zeros(mask.shape, bool)
    for each in result.edits:
        if each.verdict in (PlaceVerdict.BRIDGED, PlaceVerdict.REMOVED, PlaceVerdict.FILLED):
            window, pixels = each.changed
            near[window] |= pixels
    changed = (result.mask > 0) != mask
    assert not changed.any() or (ndimage.distance_transform_edt(~near)[changed] <= 2 * 3.0).all()


@settings(max_examples=40)
@given(st.integers(24, 40), st.integers(1, 14), st.booleans())
def test_a_repair_of_a_repaired_mask_changes_nothing(column, width, speck):
    whole = tree()
    broken = with_gap(whole, column, width)
    broken[8:10, 60:63] = speck
    broken[36:, 20:23] = False  # an open end, which is lengthened if an edit is near
    first = edited(broken, field_of(whole)).mask > 0
    np.testing.assert_array_equal(edited(first, field_of(whole)).mask, first)


@settings(max_examples=60)
@given(masks_and_likelihoods())
def test_rejected_bridges_leave_nothing_behind(case):
    mask, likelihood, seen = case
    picture = shown_as(likelihood, mask, seen)
    if not (mask & seen).any():
        return
    pieces = Pieces.of(mask)
    labels, count = ndimage.label(put_back(picture, edited(mask, likelihood, seen)), structure=EIGHT)
    for number in range(1, count + 1):
        assert len(np.unique(pieces.labels[(labels == number) & mask])) == 1


@pytest.mark.parametrize(("ends", "width"), [((-1, -1), 1), ((0, -1), 5), ((-1, 0), 7), ((0, 1), 7)])
def test_a_bridge_is_as_broad_as_the_vessels_that_end_at_it(ends, width):
    path = np.stack([np.arange(10, 22), np.full(12, 20)], axis=1)
    radii = (3.0, 8.0) if ends != (-1, 0) else (8.0, 4.0)
    one = BridgeCandidate(path, (1, 2), path[[0, -1]] + [[-1, 0], [1, 0]], ends, radii, 1.0)
    _, pixels = rasterize(one, np.full((40, 40), 0.4, np.float32))
    assert int(np.median(pixels.sum(axis=1)[pixels.any(axis=1)])) == width


def test_gap_is_bridged_where_the_image_shows_a_vessel():
    whole = tree()
    broken = with_gap(whole, 30, 12)
    result = edited(broken, field_of(whole))
    assert [each.verdict for each in result.edits if each.place.finding is PlaceFinding.GAP] == [PlaceVerdict.BRIDGED]
    assert betti_2d(result.mask) == betti_2d(whole)
    assert (result.mask[whole & ~broken] > 0).mean() > 0.9
    empty = edited(broken, field_of(broken))
    assert {each.verdict for each in empty.edits} == {PlaceVerdict.LEFT}
    np.testing.assert_array_equal(empty.mask, broken)


def test_rejected_bridges_have_their_code():
    whole = tree()
    broken = with_gap(whole, 30, 12)
    for change, code in (
        ({"settings": SETTINGS.__class__(least_confidence=0.999)}, ReasonCode.UNSURE),
        ({"image": -field_of(whole)}, ReasonCode.NO_SUPPORT),
    ):
        result = edited(broken, field_of(whole), **change)
        gaps = [each for each in result.edits if each.place.finding is PlaceFinding.GAP]
        assert all(each.verdict is PlaceVerdict.LEFT for each in gaps)
        assert any(code.value in codes_of(each.reasons) for each in gaps), code
    far = edited(with_gap(whole, 30, 30), field_of(whole))
    assert not [each for each in far.edits if each.verdict is PlaceVerdict.BRIDGED]


@pytest.mark.parametrize(("between", "bridges"), [(0.6, 1), (-0.2, 0)], ids=["shown", "darker than its other side"])
def test_bridge_contrast_ignores_parallel_vessels(between, bridges):
    whole = np.zeros((80, 80), bool)
    whole[29:32, 5:75] = True
    broken = with_gap(whole, 34, 12)
    broken[34:37, 5:75] = True
    image = field_of(broken)
    image[29:32, 34:46] = between
    result = edited(broken, field_of(whole | broken), image=image)
    made = [each for each in result.edits if each.verdict is PlaceVerdict.BRIDGED]
    assert len(made) == bridges
    assert all(each.features["support"] > 0.5 for each in made)


def test_bridges_to_fragments_need_more_confidence():
    whole = tree()
    broken = with_gap(whole, 30, 12)
    broken[29:32, 35:37] = True
    strict = SETTINGS.__class__(fragment_confidence=0.999)
    left = edited(broken, field_of(whole), settings=strict)
    assert not [each for each in left.edits if each.verdict is PlaceVerdict.BRIDGED]
    bridged = edited(broken, field_of(whole), settings=replace(strict, join_likelihood=1.0))
    assert [each.verdict for each in bridged.edits].count(PlaceVerdict.BRIDGED) == 1
    assert betti_2d(bridged.mask) == betti_2d(whole)
    assert (bridged.mask[broken] > 0).all()


def test_fragments_without_image_support_are_removed():
    whole = tree()
    speck = whole.copy()
    speck[10:12, 60:64] = True
    gone = edited(speck, field_of(whole))
    np.testing.assert_array_equal(gone.mask, whole)
    assert [each.verdict for each in gone.edits if each.place.finding is PlaceFinding.FRAGMENT] == [
        PlaceVerdict.REMOVED
    ]
    stays = edited(speck, field_of(speck))
    np.testing.assert_array_equal(stays.mask, speck)
    kept = edited(speck, field_of(whole), add_only=True)
    np.testing.assert_array_equal(kept.mask, speck)


def test_a_fragment_that_was_removed_does_not_come_back_in_part():
    whole = tree()
    whole[:, 60:] = False
    broken = whole.copy()
    broken[26:35, 64:68] = True
    likelihood = field_of(whole)
    likelihood[29:32, 52:78] = 0.9  # the vessel goes on through the fragment
    strict = SETTINGS.__class__(fragment_confidence=0.999, fragment_likelihood=0.8)
    result = edited(broken, likelihood, settings=strict)
    assert PlaceVerdict.REMOVED in {each.verdict for each in result.edits}
    assert not result.mask[26:35, 64:68].any()


def test_nothing_is_added_over_other_labels():
    whole = tree()
    broken = with_gap(whole, 30, 12)
    picture = Picture(-field_of(whole)[..., None], broken.astype(np.uint8), np.ones(whole.shape, bool))
    pieces, shown = Pieces.of(broken), field_of(whole)
    places = find_places(pieces, picture.field_of_view, LIMITS)

    def added(**changes):
        result = edit(replace(picture, **changes), pieces, places, shown, SETTINGS, LIMITS)
        return (result.mask > 0) & ~broken

    assert added()[29:32, 30:42].any()
    other = np.zeros(whole.shape, bool)
    other[:, 34:37] = True
    assert not added(others=other)[other].any()


@pytest.mark.parametrize(("rim", "reached"), [(0.0, True), (0.1, False)])
def test_nothing_is_added_on_the_rim_of_the_field_of_view(rim, reached, monkeypatch):
    monkeypatch.setattr(tubular_picture, "RIM", rim)
    whole = tree()
    whole[:, 60:] = False
    broken = with_gap(whole, 30, 12)
    likelihood = field_of(whole)
    likelihood[29:32, 52:80] = 0.9  # the vessel goes on to the border of the field of view
    seen = np.zeros(whole.shape, bool)
    seen[1:79, 1:72] = True
    added = (edited(broken, likelihood, seen).mask > 0) & ~broken
    assert added[29:32, 69:72].any() == reached


def test_a_pinhole_is_filled_where_the_image_shows_vessel():
    whole = tree()
    whole[26:35, 20:29] = True
    pierced = whole.copy()
    pierced[30, 24] = False
    np.testing.assert_array_equal(edited(pierced, field_of(whole)).mask, whole)
    np.testing.assert_array_equal(edited(pierced, field_of(pierced)).mask, pierced)


@pytest.mark.parametrize(
    ("likely", "between", "made"), [(0.9, 0.3, True), (0.4, 0.3, False), (0.9, 0.0, False)], ids=["", "unsure", "apart"]
)
def test_bridged_extension_goes_with_its_bridge(likely, between, made):
    given_ = tree()
    given_[:, 60:] = False
    given_[10:12, 60:64] = True  # a speck; it is removed, so that an edit is near
    likelihood = field_of(tree() & ~given_ | given_)
    likelihood[10:12, 60:64] = 0.01
    likelihood[29:32, 60:] = between
    likelihood[29:32, 64:77] = likely
    result = edited(given_, likelihood, settings=replace(SETTINGS, least_confidence=0.2))
    stretch = np.zeros(given_.shape, bool)
    stretch[29:32, 64:77] = True
    verdicts = [each.verdict for each in result.edits]
    assert verdicts.count(PlaceVerdict.BRIDGED) == verdicts.count(PlaceVerdict.EXTENDED) == made
    assert (result.mask[stretch] > 0).mean() == made
    assert betti_2d(result.mask) == (1, 0)
    if made:
        rejected = put_back(shown_as(likelihood, given_), result)
        np.testing.assert_array_equal(rejected, tree() & ~(np.indices(given_.shape)[1] >= 60))


def test_a_branch_of_a_bridge_is_added_and_goes_with_the_bridge():
    whole = tree()
    broken = with_gap(whole, 32, 12)
    shown = whole.copy()
    shown[31:50, 37:39] = True
    result = edited(broken, field_of(shown))
    assert (result.mask[36:48, 37:39] > 0).all()
    assert betti_2d(result.mask) == (1, 0)
    rejected = put_back(shown_as(field_of(shown), broken), result)
    assert not rejected[36:48, 37:39].any()
    assert betti_2d(rejected) == (2, 0)


@pytest.mark.parametrize("angle", [0, 30, 45, 90])
def test_open_ends_are_extended_without_joining(angle):
    j, i = np.indices((90, 90)) - 45.0
    along = i * np.cos(np.radians(angle)) + j * np.sin(np.radians(angle))
    across = -i * np.sin(np.radians(angle)) + j * np.cos(np.radians(angle))
    line = (np.abs(across) < 1.6) & (np.abs(along) < 35)
    given_ = line & ((along < -6) | (along > 33))
    np.testing.assert_array_equal(edited(given_, field_of(line)).mask, given_)  # no edit is near
    result = edited(given_ | ((np.abs(across - 12) < 2) & (np.abs(along - 5) < 2)), field_of(line))
    extended = [each for each in result.edits if each.verdict is PlaceVerdict.EXTENDED]
    assert len(extended) == 2
    assert result.mask[line].sum() > given_.sum() + 40
    assert betti_2d(result.mask) == (2, 0)
    pieces, _ = ndimage.label(result.mask, structure=EIGHT)
    assert ndimage.distance_transform_edt(pieces != 1)[pieces == 2].min() >= 3


def test_a_card_may_lack_features_of_the_bridges():
    features = {"likelihood": 0.5, "length": 3.0}
    sure = bridge_confidence(features, {"intercept": -1.0, "likelihood": 4.0})
    assert sure == pytest.approx(1 / (1 + np.exp(-1.0)))
    assert bridge_confidence(features, {}) == 0.5
