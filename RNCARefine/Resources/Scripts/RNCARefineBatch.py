"""Repair a cohort of segmentations inside Slicer, without a window.

    Slicer --no-splash --no-main-window --python-script RNCARefineBatch.py -- \\
        --input cases --output results --segment myocardium --pool "blood pool"

The same command resumes an interrupted batch and retries failed cases. Exit status: 0 if every case was repaired, 1 if
slices need review or cases failed, 2 for bad arguments or if the results cannot be written, 3 for an internal error,
130 if stopped by Ctrl-C.
"""

# Slicer executes a script inside its own main module and reads it in the system's encoding: plain ASCII, few names.

from __future__ import annotations

import argparse
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args, get_type_hints

FINE, FLAGGED, BAD_INPUT, BROKEN, STOPPED = 0, 1, 2, 3, 130


def use_library() -> None:
    """Add the folder of the library to the search path, so that the script also runs from source."""
    library = str(Path(__file__).resolve().parents[2])
    if library not in sys.path:
        sys.path.insert(0, library)  # first, before a library of another version


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the arguments; it needs neither Slicer nor installed packages."""
    use_library()
    from rncarefine.refine.options import Group, RepairOptions, default_of, stack_options

    summary, _, rest = __doc__.partition("\n")
    parser = argparse.ArgumentParser(
        prog="RNCARefineBatch.py",
        description=summary,
        epilog=rest,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    cases = parser.add_argument_group("cases")
    source = cases.add_mutually_exclusive_group(required=True)
    source.add_argument("--input", metavar="FOLDER", help="folder with the cases; see --image and --segmentation")
    source.add_argument("--cases", metavar="CSV", help="list of the cases: columns image, segmentation; also case, ...")
    cases.add_argument(
        "--image",
        metavar="PATTERN",
        help="images in FOLDER, with {case} for the name of a case (default: {case}/image.*)",
    )
    cases.add_argument(
        "--segmentation",
        metavar="PATTERN",
        help="segmentations in FOLDER, .seg.nrrd or label maps (default: {case}/segmentation.*)",
    )
    cases.add_argument("--segment", metavar="NAME", help="the myocardium: name or ID of a segment, or label")
    cases.add_argument("--pool", metavar="NAME", help="the blood pool, given like --segment")
    cases.add_argument("--rv", metavar="NAME", help="the right ventricle, for the AHA segments in the reports")
    output = parser.add_argument_group("results")
    output.add_argument("--output", metavar="FOLDER", required=True, help="folder for the results; created if missing")
    groups = {Group.METHOD: parser.add_argument_group("method"), Group.OUTPUT: output}
    hints = get_type_hints(RepairOptions)
    for name, info in stack_options().items():
        flags = [info.flag.partition("/")[0], *(["--max-change-mm2"] if name == "max_change_mm2" else [])]
        kinds: dict[str, Any] = {"action": "store_true"}
        if info.flag != flags[0]:
            kinds = {"action": argparse.BooleanOptionalAction}
        elif hints[name] is not bool:
            number = next((kind for kind in (int, float) if kind in (hints[name], *get_args(hints[name]))), str)
            kinds = {"type": number, "choices": info.choices or None, "metavar": info.metavar}
        groups[info.group].add_argument(*flags, dest=name, default=default_of(name), help=info.help, **kinds)
    return parser


def run(arguments: argparse.Namespace, interrupts: list[int]) -> int:
    """Repair the cohort and return the exit status; an entry in ``interrupts`` stops the batch."""
    from rncarefine.batch.cases import find_cases, read_cases
    from rncarefine.batch.sequential import repair_cases
    from rncarefine.nca.model import choose_model
    from rncarefine.refine.options import options_of, stack_options

    if arguments.cases and (arguments.image or arguments.segmentation):
        raise ValueError("--image and --segmentation are patterns for --input; a list of cases names its files.")
    infos = stack_options()
    options = options_of({name: getattr(arguments, name) for name in infos}, lambda name: infos[name].flag)
    model = choose_model(options.model, options.mode)
    if arguments.cases:
        cases = read_cases(arguments.cases)
    else:
        cases = find_cases(arguments.input, arguments.image, arguments.segmentation, leave_out=arguments.output)
    print(f"{len(cases)} cases. Model {model.card.name}: {model.card.licence}. For research use.", flush=True)
    outcome = repair_cases(
        cases,
        arguments.output,
        model,
        options,
        segment=arguments.segment,
        pool=arguments.pool,
        right_ventricle=arguments.rv,
        progress=lambda fraction, text: not interrupts,
        on_case=lambda outcome: print(outcome.line(), flush=True),
    )
    print(f"{outcome.summary()}. Table: {outcome.table}", flush=True)
    if outcome.stopped:
        print("Stopped. Run the same command again to resume.", file=sys.stderr, flush=True)
        return STOPPED
    return FLAGGED if outcome.flagged or outcome.failed else FINE


def main(arguments: Sequence[str]) -> int:
    """Run the script with its arguments and return the exit status."""
    # Slicer passes on the "--" that separates its own options from those of the script.
    own = [argument for argument in arguments if argument != "--"]
    # By default Ctrl-C kills Slicer at once, and VTK aborts if an exception is raised inside an observer: the interrupt
    # is only recorded here, and the batch stops at its next step.
    interrupts: list[int] = []
    signal.signal(signal.SIGINT, lambda number, frame: interrupts.append(number))
    try:
        return run(make_parser().parse_args(own), interrupts)
    except SystemExit as wanted:  # --help or bad arguments
        return wanted.code if isinstance(wanted.code, int) else BAD_INPUT
    except (ValueError, OSError) as error:
        print(f"RNCARefineBatch.py: {' '.join(str(error).split())}", file=sys.stderr, flush=True)
        return BAD_INPUT
    except Exception:
        # Slicer keeps running, without a window, after a script that raises.
        traceback.print_exc()
        return BROKEN


def end(status: int) -> None:
    """Exit the application, or this process if there is none."""
    import importlib.util

    if importlib.util.find_spec("slicer") is not None:
        import slicer

        if hasattr(slicer, "app"):
            slicer.util.exit(status)
            return
    raise SystemExit(status)


if __name__ == "__main__":
    end(main(sys.argv[1:]))
