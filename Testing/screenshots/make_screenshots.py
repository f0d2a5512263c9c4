"""Makes the pictures of README and docs/slicer.md, from the sample data, with the real engine.

Run it from anywhere, with RNCARefine installed (``pip install -e ".[cli,test,training]"``)::

    python Testing/screenshots/make_screenshots.py [--out FOLDER] [--only NAME]
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

TESTING = Path(__file__).resolve().parents[1]


def main() -> None:
    """Make the pictures that were asked for."""
    # This file's folder is imported as a package; its files must not be seen as modules of their own.
    sys.path[0:1] = [str(TESTING), str(TESTING.parent / "RNCARefine")]
    # Read when Qt starts: widgets are drawn with twice the pixels, for screens that have them.
    os.environ["QT_SCALE_FACTOR"] = "2"
    from harness.wheel import MISSING, import_slicer

    if not import_slicer():
        raise SystemExit(MISSING)
    from harness.session import install_python_modules

    install_python_modules()  # before a picture's file imports what imports them
    from harness.rendering import NO_RENDERING, can_render
    from screenshots.canvas import Skipped, save
    from screenshots.gallery import PICTURES

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=TESTING.parent / "Resources" / "Screenshots", metavar="FOLDER")
    parser.add_argument("--only", choices=PICTURES, action="append", metavar="NAME", help=", ".join(PICTURES))
    arguments = parser.parse_args()
    if not can_render():
        raise SystemExit(NO_RENDERING)
    for name in arguments.only or PICTURES:
        start = time.monotonic()
        try:
            size = save(PICTURES[name](), arguments.out / f"{name}.png")
        except Skipped as reason:
            print(f"{name}.png  skipped: {reason}", flush=True)
        else:
            print(f"{name}.png  {size / 1000:.0f} kB  {time.monotonic() - start:.1f} s", flush=True)


if __name__ == "__main__":
    main()
