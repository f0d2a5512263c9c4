"""Windows of pictures: where they lie, what the encoder sees in them, and that image, mask and truth stay together."""

import numpy as np
import pytest
import torch

from rncarefine.nca.architecture import PICTURE_CHANNELS
from rncarefine_training.automaton.pictures import windows
from rncarefine_training.automaton.pictures.damage import damage_vessels
from rncarefine_training.automaton.pictures.windows import WindowSamples, load_pictures, validation_windows
from training.toy_data import automaton_settings
from training.toy_vessels import SIDE, toy_pictures, vessels

IMAGE, MASK, SEEN = range(3)
SPACING = 1000 / 112
"""About the pixels of the toy photographs: their field of view is 112 pixels wide."""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return toy_pictures(tmp_path_factory.mktemp("pictures"), SPACING)


def settings(**changes):
    return automaton_settings(**{"task": "tubular", "size": 48, "contrast": 0.0, "misled": 0.0} | changes)


def samples(pictures, n=30, seed=0, **changes):
    made = WindowSamples(pictures, settings(**changes), n, seed)
    return [made[number] for number in range(n)]


def test_pictures_are_scaled_with_their_masks(pictures):
    assert [picture.name for picture in pictures] == ["eyes01_L", "eyes01_R", "eyes02h_eye", "eyes03h_eye"]
    first = pictures[0]
    assert first.truth.shape == first.grey.shape == first.field_of_view.shape == (SIDE, SIDE)
    true = vessels(0)
    assert 2 * ((first.truth >= 128) & true).sum() / ((first.truth >= 128).sum() + true.sum()) > 0.95
    inside = first.truth >= 250
    grey = first.grey.astype(np.float32)
    assert grey[inside].mean() > 1 > grey[(first.truth < 5) & (first.field_of_view == 255)].mean()
    assert not first.field_of_view[:3].any()
    assert first.field_of_view[SIDE // 2, SIDE // 2] == 255


def test_places_are_gaps_and_what_was_made_up_and_not_edges(pictures):
    for picture in pictures:
        made = picture.predictions[0]
        for j, i in made.places:
            around = np.s_[max(j - 1, 0) : j + 2, max(i - 1, 0) : i + 2]
            missed = picture.truth[j, i] >= 128 and (made.mask[around] < 128).all()
            made_up = made.mask[j, i] >= 128 and (picture.truth[around] < 128).all()
            assert missed or made_up


def test_a_sample_depends_on_seed_and_number_alone(pictures):
    one, again = samples(pictures, 5, contrast=0.5)[4], samples(pictures, 9, contrast=0.5)[4]
    assert all(torch.equal(a, b) for a, b in zip(one, again, strict=True))
    assert not torch.equal(one.channels, samples(pictures, 5, seed=1, contrast=0.5)[4].channels)


def test_the_encoder_sees_image_mask_and_field_of_view(pictures):
    for sample in samples(pictures, withheld=0.0):
        assert sample.channels.shape == (1, len(PICTURE_CHANNELS), 48, 48)
        assert sample.target.shape == (1, 1, 48, 48)
        image, mask, seen = sample.channels[0]
        assert 0 <= float(mask.min()) <= float(mask.max()) <= 1
        assert not image[seen == 0].any()
        assert float(image.abs().max()) <= 3


def test_image_mask_and_truth_are_moved_alike(pictures):
    agreement, contrast = [], []
    for sample in samples(pictures, withheld=0.0, natural=0.0, already_right=1.0):
        image, mask, seen = sample.channels[0].numpy()
        truth = sample.target[0, 0].numpy()
        if truth.sum() > 40:
            agreement.append(np.abs(mask - truth)[seen == 1].mean())
            contrast.append(image[(truth > 0.9) & (seen == 1)].mean() - image[(truth < 0.1) & (seen == 1)].mean())
    assert np.mean(agreement) < 0.05
    assert np.mean(contrast) > 1


def test_masks_are_withheld_as_often_as_configured(pictures):
    shares = [
        np.mean([not sample.channels[0, MASK].any() for sample in samples(pictures, 60, withheld=share)])
        for share in (0.0, 0.5)
    ]
    assert shares[0] < 0.1
    assert 0.35 < shares[1] < 0.65


def test_real_failures_show_their_gaps(pictures):
    """Where a network's mask is given, the truth has vessels that the mask lacks."""
    lacking = [
        float(((sample.target[0, 0] > 0.9) & (sample.channels[0, MASK] < 0.1)).sum())
        for sample in samples(pictures, withheld=0.0, natural=1.0)
    ]
    assert np.mean(np.array(lacking) > 10) > 0.7


def test_favoured_subjects_have_the_configured_share(pictures, monkeypatch):
    drawn = []

    def cut(picture, *args):
        drawn.append(picture.subject)
        return real(picture, *args)

    real = windows._cut
    monkeypatch.setattr(windows, "_cut", cut)
    for favour in (0.0, 0.6):
        samples(pictures, 60, natural=1.0, favoured=["eyes03h"], favour=favour)
    shares = [np.mean([subject == "eyes03h" for subject in part]) for part in (drawn[:60], drawn[60:])]
    assert shares[0] < 0.4
    assert 0.55 < shares[1] < 0.85


def test_damage_leaves_most_vessels_and_adds_little():
    truth = vessels(0).astype(np.float32)
    shares, added = [], []
    for seed in range(40):
        result = damage_vessels(truth, np.random.default_rng(seed))
        assert result.shape == truth.shape
        assert set(np.unique(result)) <= {0, 1}
        shares.append((result * truth).sum() / truth.sum())
        added.append((result * (1 - truth)).sum() / truth.sum())
    assert 0.5 < np.mean(shares) < 0.97
    assert 0 < np.mean(added) < 0.3
    np.testing.assert_array_equal(truth, vessels(0))


def test_windows_to_validate_on_lie_around_failures(pictures):
    drawn = validation_windows(pictures, settings(), 12, seed=0)
    assert drawn.channels.shape == (12, len(PICTURE_CHANNELS), 48, 48)
    given = drawn.channels[:, MASK].numpy() >= 0.5
    middle = np.s_[:, 22:27, 22:27]
    assert (given[middle] != drawn.truth[middle]).any(axis=(1, 2)).all()


def test_subjects_without_predictions_are_an_error(pictures, tmp_path):
    (tmp_path / "cases").mkdir()
    with pytest.raises(ValueError, match="rncarefine-train failures"):
        load_pictures(tmp_path / "cases", tmp_path, ["nobody"], SPACING, ["ours@1"])
