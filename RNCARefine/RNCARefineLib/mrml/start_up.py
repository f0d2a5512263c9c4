"""Registration in other modules of Slicer at start-up; missing modules are skipped."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import slicer
from slicer.i18n import tr as _

from . import sample_data


def register_sample_data() -> None:
    """Offer the samples in the module Sample Data."""
    with _optional("SampleData"):
        sample_data.register(_load_sample)


def register_statistics() -> None:
    """Offer rings, gaps and Betti numbers for the table of the module Segment Statistics."""
    with _optional("SegmentStatistics", "SegmentStatisticsPlugins"):
        from . import statistics_plugin

        statistics_plugin.register()


def _load_sample(source: Any) -> None:
    """Called by the button of a sample in the module Sample Data, with its description."""
    with slicer.util.tryWithErrorDisplay(_("The sample cannot be loaded.")):
        sample_data.load(source.sampleName)


@contextmanager
def _optional(*modules: str) -> Iterator[None]:
    """Skip the block if the application was built without these Python modules."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in modules:
            raise
        logging.info(f"RNCARefine: this application has no {error.name}, nothing is added to it.")
