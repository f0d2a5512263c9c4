"""What the extension adds to other modules of Slicer when all of them are there; without them it does without."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import slicer
from slicer.i18n import tr as _

from . import sample_data


def register_sample_data() -> None:
    """Offer the sample in the module Sample Data."""
    with _optional("SampleData"):
        sample_data.register(_load_sample)


def register_statistics() -> None:
    """Offer rings, gaps and Betti numbers for the table of the module Segment Statistics."""
    with _optional("SegmentStatistics", "SegmentStatisticsPlugins"):
        from . import statistics_plugin

        statistics_plugin.register()


def _load_sample(source: Any) -> None:
    """Called by the button of the sample in the module Sample Data."""
    with slicer.util.tryWithErrorDisplay(_("The sample cannot be loaded.")):
        sample_data.load()


@contextmanager
def _optional(*modules: str) -> Iterator[None]:
    """Do without what needs these Python modules in an application that was built without them."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in modules:
            raise
        logging.info(f"RNCARefine: this application has no {error.name}, nothing is added to it.")
