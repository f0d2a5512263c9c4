"""The entry of the command line ``rncarefine``, which needs no Slicer.

Exit status: 0 when every slice is as expected afterwards, 1 when some need review, 2 on bad input,
130 when stopped by Ctrl-C, and 3 when the program itself failed.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence

FINE, FLAGGED, BAD_INPUT, FAILED, STOPPED = 0, 1, 2, 3, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status.

    Args:
        arguments: What follows the program's name; by default what this process was started with.
    """
    try:
        # Here, not above: the engine must import without typer.
        from .commands import app
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("typer", "rich"):
            raise
        print(
            f'The command line needs {error.name}. In the clone: .venv/bin/pip install -c constraints.txt ".[cli]"',
            file=sys.stderr,
        )
        return BAD_INPUT
    try:
        app(list(sys.argv[1:] if arguments is None else arguments), prog_name="rncarefine")
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else FINE
    except KeyboardInterrupt:
        return STOPPED
    except Exception:
        # Not Python's own status 1, which means that slices are flagged.
        traceback.print_exc()
        return FAILED
    return FINE


if __name__ == "__main__":
    sys.exit(main())
