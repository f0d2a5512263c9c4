"""Reasons are shown in the application's language; imported by what reads nodes and what writes tables.

Not by the package itself: when Slicer starts, the engine is not loaded.
"""

from __future__ import annotations

from slicer.i18n import tr

from rncarefine.report.sentences import use_translation

use_translation(tr)
