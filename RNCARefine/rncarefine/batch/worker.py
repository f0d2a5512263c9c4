"""Prepare a worker process of a batch on this machine; Dask calls :func:`dask_setup` in its main thread."""

from __future__ import annotations

import signal

import SimpleITK as sitk


def dask_setup(worker: object) -> None:
    """Leave Ctrl-C to the process that runs the batch, use one thread, and keep ITK's warnings off the progress bar.

    Args:
        worker: Dask's worker, which needs nothing.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # on Windows nothing else keeps it away
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
