"""The HTML report, as Chromium shows it."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from harness.rendering import Pixels
from RNCARefineLib.mrml.review.decisions import Review

from .canvas import Skipped
from .sample import open_sample

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
PAGE = (940, 1330)
"""Width and height of the part of the page that is shown, in its own pixels."""
SCALE = 1.1


def report() -> Pixels:
    """Return the top of the report's page.

    Raises:
        Skipped: There is no Chromium.
    """
    browser = next((path for path in map(shutil.which, BROWSERS) if path), None)
    if browser is None:
        raise Skipped(f"none of {', '.join(BROWSERS)} is on the PATH")
    with open_sample() as sample, tempfile.TemporaryDirectory() as folder:
        repaired = sample.repaired()
        page, picture = Path(folder, "report.html"), Path(folder, "report.png")
        Review.of(repaired).export(page)
        width, height = PAGE
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        command += [f"--user-data-dir={folder}/profile", f"--window-size={width},{height}"]
        command += [f"--force-device-scale-factor={SCALE}", f"--screenshot={picture}", page.as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        return np.asarray(Image.open(picture).convert("RGB"))
