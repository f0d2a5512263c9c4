"""Setup of a local worker process; Dask calls :func:`dask_setup` in its main thread."""

from __future__ import annotations

import signal

import SimpleITK as sitk


def dask_setup(worker: object) -> None:
    """Ignore Ctrl-C, use one thread, and suppress warnings of ITK, which would garble the progress bar.

    Args:
        worker: The Dask worker, not used.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # on Windows the mask of dask_backend does not exist
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
