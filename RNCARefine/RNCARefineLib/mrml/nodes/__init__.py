"""Nodes to arrays and back: guards, volume and segments, reader and writer.

Importing this package shows reasons in the application's language. When Slicer starts, neither it nor the engine is
loaded.
"""

from __future__ import annotations

from slicer.i18n import tr

from rncarefine.sentences import use_translation

use_translation(tr)
