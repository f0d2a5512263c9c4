"""Run a script in the headless Slicer as ``Slicer --no-main-window --python-script SCRIPT ARGUMENTS`` does.

    python Testing/harness/run_script.py SCRIPT [ARGUMENT ...]

The exit status is the one that the script asks the application for. A script that asks for none leaves Slicer running
for ever; here it ends with ``STILL_RUNNING``.
"""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from types import SimpleNamespace

STILL_RUNNING = 99


def main(script: str, *arguments: str) -> int:
    """Run the script and return the exit status of the application."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from harness.wheel import MISSING, import_slicer

    if not import_slicer():
        print(MISSING, file=sys.stderr)
        return STILL_RUNNING
    from harness.session import Session

    session = Session()
    statuses: list[int] = []
    options = SimpleNamespace(runPythonAndExit=True)
    session.application.commandOptions = lambda: options  # type: ignore[method-assign, return-value, assignment]
    session.application.exit = statuses.append  # type: ignore[attr-defined]
    sys.argv = [script, *arguments]
    names = {"__name__": "__main__", "__file__": script}
    try:
        exec(compile(Path(script).read_text(encoding="ascii"), "<string>", "exec"), names)
    except SystemExit as wanted:  # the application ends with its status, too
        statuses.append(wanted.code if isinstance(wanted.code, int) else 1)
    except Exception:
        traceback.print_exc()  # and continues
    session.close()
    return statuses[-1] if statuses else STILL_RUNNING


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
