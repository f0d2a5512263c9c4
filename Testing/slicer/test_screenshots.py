from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness import rendering
from screenshots.canvas import MAX_BYTES, save, title, written
from screenshots.gallery import PICTURES
from screenshots.sample import ROOT
from screenshots.slice_pictures import slices

FOLDER = ROOT / "Resources" / "Screenshots"
REMEDY = "run python Testing/screenshots/make_screenshots.py"


def test_the_folder_has_exactly_the_pictures_of_the_command() -> None:
    vessels = {"vessels-before.jpg", "vessels-after.jpg"}  # made by `experiments sample-pictures`
    assert {path.name for path in FOLDER.iterdir()} == {f"{name}.png" for name in PICTURES} | vessels, REMEDY
    sizes = [path.stat().st_size for path in FOLDER.iterdir()]
    assert max(sizes) <= MAX_BYTES
    assert sum(sizes) <= 1_500_000


@pytest.mark.slow
def test_the_slices_in_the_folder_match_the_code() -> None:
    if not rendering.can_render():
        pytest.skip(rendering.NO_RENDERING)
    kept = np.asarray(Image.open(FOLDER / "slices.png").convert("RGB")).astype(int)
    made = slices()
    assert made.shape == kept.shape, REMEDY
    assert (np.abs(made - kept).max(axis=2) > 40).mean() < 0.005, REMEDY


def test_rare_colours_are_kept_among_many(tmp_path: Path) -> None:
    levels = np.arange(256, dtype=np.uint8)
    picture = np.repeat(np.repeat(levels[:, None, None], 256, axis=1), 3, axis=2)
    picture[:, :64, 0] = 255 - picture[:, :64, 0]
    picture[:20, :20] = (255, 255, 255)
    picture[100:104, 200:230] = (86, 180, 233)
    save(picture, tmp_path / "picture.png")
    kept = np.asarray(Image.open(tmp_path / "picture.png").convert("RGB"))
    assert (kept[:20, :20] == 255).all()
    assert np.abs(kept[100:104, 200:230].astype(int) - (86, 180, 233)).max() <= 4
    assert np.abs(kept.astype(int) - picture).mean() < 3


def test_a_picture_of_few_colours_is_kept_exactly(tmp_path: Path) -> None:
    picture = title(200, [("added", (86, 180, 233))])[:, :26]
    few = np.where(picture > 100, picture, 0).astype(np.uint8)
    save(few, tmp_path / "few.png")
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "few.png").convert("RGB")), few)


def test_a_picture_too_large_for_a_readme_is_refused(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (600, 600, 1), dtype=np.uint8).repeat(3, axis=2)
    with pytest.raises(ValueError, match="noise"):
        save(noise, tmp_path / "noise.png")
    assert list(tmp_path.iterdir()) == []


def test_words_are_legible_on_black_and_on_white() -> None:
    for ground in (0, 255):
        blank = np.full((60, 200, 3), ground, np.uint8)
        picture = written(blank, "slice 6", (10, 50), size=20)
        # Bright letters with a dark rim: both are there, whatever the ground.
        assert (picture > 220).any()
        assert (picture < 30).any()
        assert (picture != blank).any()
