"""Entry point of the installed command ``rncarefine``: until :func:`main` runs, Ctrl-C ends the process at once."""

# Python's own handler prints a traceback. Nothing else is imported before this.
import signal

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from .main import main as _main


def main() -> int:
    """Run the command line and return its exit status; see :func:`rncarefine.cli.main.main`."""
    return _main()
