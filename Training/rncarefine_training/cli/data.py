"""Commands that create cases: ``prepare``, ``pictures`` and ``procedural``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Annotated

import pandas as pd  # type: ignore[import-untyped]
import typer
from rich.progress import track

from ..data.sources.acdc import is_acdc, read_acdc
from ..data.sources.csv_table import read_csv
from ..data.sources.entry import SPLITS, Entry, check_network
from ..data.sources.labels import PRESETS, Labels, labels_from_names, parse_labels
from ..data.sources.nnunet import is_nnunet, read_nnunet
from ..data.sources.prepare import Shares, Summary
from ..data.sources.prepare import prepare as prepare_entries
from ..data.sources.sunnybrook import is_sunnybrook, read_inner_contours, read_sunnybrook
from .options import RunOption, console, ensure_folder
from .tables import show

HEART_COUNT = 260
"""Number of hearts in configs/sax-open-2d-first.yaml."""

Source = Annotated[
    Path,
    typer.Argument(
        exists=True,
        help="A CSV with the columns image and label, and optionally subject, phase, split and prediction:NETWORK; a "
        "raw data set of nnU-Net; the training folder of ACDC; or the Sunnybrook folder with images/ and labels/.",
    ),
]
Predictions = Annotated[
    list[str],
    typer.Option(
        "--prediction",
        metavar="NETWORK=FOLDER",
        help="With nnU-Net: segmentations by a network, as the folder of a cross-validated training or an output "
        "folder. Can be repeated.",
    ),
]
Preset = Annotated[str | None, typer.Option(help=f"Labels of the truth: {' or '.join(PRESETS)}.")]
Assignments = Annotated[
    list[str],
    typer.Option(
        "--label",
        metavar="STRUCTURE=N",
        help="Label of one structure: myocardium=2 (or 2+4 for several labels), pool=3, rv=1. Can be repeated.",
    ),
]
PredictionPreset = Annotated[
    list[str],
    typer.Option(
        metavar="[NETWORK:]PRESET",
        help="Labels of the predictions, if they differ from the truth.",
    ),
]
PredictionAssignments = Annotated[
    list[str], typer.Option("--prediction-label", metavar="[NETWORK:]STRUCTURE=N", help="The same for one structure.")
]
Pattern = Annotated[
    str | None,
    typer.Option(
        metavar="REGEX",
        help="Pattern of the subject in the name of an image or case, as a group: '(p[0-9]+)_'. Default: the part "
        "before a suffix such as _ED, _ES or _frame01.",
    ),
]


def prepare(
    source: Source,
    run: RunOption = Path("run"),
    prediction: Predictions = [],  # noqa: B006 - typer takes no tuple
    labels: Preset = None,
    label: Assignments = [],  # noqa: B006
    prediction_labels: PredictionPreset = [],  # noqa: B006
    prediction_label: PredictionAssignments = [],  # noqa: B006
    subject_pattern: Pattern = None,
    channel: Annotated[int, typer.Option(min=0, help="With nnU-Net: channel of the cine image.")] = 0,
    test_share: Annotated[float, typer.Option(help="Share of the subjects in the test set.")] = 0.2,
    select_share: Annotated[float, typer.Option(help="Share of the others in the validation set.")] = 0.2,
    seed: Annotated[int, typer.Option(help="Random seed of the split.")] = 2026,
) -> None:
    """Import labelled volumes, and segmentations by networks, as cases and predictions.

    Labels are checked for a missing myocardium and swapped ventricles. If the data define no split, it is drawn at
    random and written to RUN/subjects.csv.
    """
    given = parse_labels(labels, label)
    others = prediction_label_maps(prediction_labels, prediction_label)
    shares = Shares(test_share, select_share, seed)
    if source.is_dir() and not is_nnunet(source):
        if prediction or given or others or subject_pattern:
            raise ValueError(
                f"{source}: --prediction, --label, --subject-pattern and the like are only for CSV files and nnU-Net "
                "data. Omit them."
            )
        _prepare_known(source, run)
    elif source.is_dir():
        found = read_nnunet(source, _folders(prediction), subject_pattern, channel)
        unnamed: list[str] = []
        if given is None:
            given, unnamed = labels_from_names(found.names, str(source / "dataset.json"))
        notes = [*found.notes, *(f"Label {name} is unknown and becomes background." for name in unnamed)]
        _prepare_own(found.entries, given, others, run, shares, notes)
    else:
        if prediction:
            raise ValueError("In a CSV, predictions are columns prediction:NETWORK. Omit --prediction.")
        entries, notes = read_csv(source, subject_pattern)
        _prepare_own(entries, given or PRESETS["acdc"], others, run, shares, notes)
    _draw(run)


def prediction_label_maps(presets: list[str], assignments: list[str]) -> dict[str, Labels]:
    """Parse ``[NETWORK:]PRESET`` and ``[NETWORK:]STRUCTURE=N``.

    Returns:
        Labels by network; the key ``""`` applies to all others.
    """
    by_network: dict[str, tuple[list[str], list[str]]] = {}
    for number, values in enumerate((presets, assignments)):
        for value in values:
            network, colon, rest = value.rpartition(":")
            if colon:
                check_network(network)
            by_network.setdefault(network, ([], []))[number].append(rest)
    found = {}
    for network, (named, single) in by_network.items():
        if len(named) > 1:
            raise ValueError(f"--prediction-labels {' and '.join(named)}: use one per network, as NETWORK:PRESET.")
        labels = parse_labels(named[0] if named else None, single, "--prediction-label")
        assert labels is not None
        found[network] = labels
    return found


def _folders(predictions: list[str]) -> dict[str, Path]:
    """Parse ``NETWORK=FOLDER``."""
    found: dict[str, Path] = {}
    for prediction in predictions:
        name, equals, folder = prediction.partition("=")
        if not (name and equals and folder):
            raise ValueError(
                f"--prediction {prediction}: add the name of the network, as in --prediction nnunet={prediction}."
            )
        if check_network(name) in found:
            raise ValueError(f"--prediction {prediction}: duplicate network {name}. Rename it.")
        found[name] = Path(folder)
    return found


def _prepare_known(source: Path, run: Path) -> None:
    """Prepare ACDC or Sunnybrook."""
    if is_acdc(source):
        cases = read_acdc(source)
    elif is_sunnybrook(source):
        cases = chain(read_sunnybrook(source), read_inner_contours(source))
    else:
        raise ValueError(
            f"{source} is not a known data set: there is no dataset.json with imagesTr/ (nnU-Net), no "
            "patientNNN/patientNNN_frameFF_gt.nii.gz (ACDC), no images/SC-*.png (Sunnybrook). For other data, write a "
            "CSV with the columns image and label."
        )
    folder = ensure_folder(run / "cases")
    count = sum(1 for _ in (case.save(folder) for case in track(cases, "Cases", total=None, console=console)))
    console.print(f"{count} cases in {folder}")


def _prepare_own(
    entries: list[Entry], labels: Labels, others: dict[str, Labels], run: Path, shares: Shares, notes: list[str]
) -> None:
    """Prepare data from a CSV or nnU-Net, and print a summary."""
    networks = sorted({name for entry in entries for name in entry.predictions})
    unknown = sorted(others.keys() - {"", *networks})
    if unknown:
        raise ValueError(
            f"Prediction labels of unknown network {unknown[0]!r}. Networks: {', '.join(networks) or 'none'}."
        )
    console.print(f"{len(entries)} stacks, labels {labels}. Networks: {', '.join(networks) or 'none'}.")
    by_network = {name: others.get(name, others.get("", labels)) for name in networks}
    for name, own in by_network.items():
        if own != labels:
            console.print(f"Labels of {name}: {own}")

    def shown(values: Iterable[Entry]) -> Iterable[Entry]:
        return track(values, "Cases", total=len(entries), console=console)

    summary = prepare_entries(entries, labels, by_network, run, shares, shown)
    _print_summary(summary, run, [*notes, *summary.notes])


def _print_summary(summary: Summary, run: Path, notes: list[str]) -> None:
    """Print the summary and notes."""
    sides = Counter(summary.split.values())
    console.print(f"{summary.cases} cases, {summary.slices} slices in {run / 'cases'}")
    listed = ", ".join(f"{sides[split]} {split}" for split in SPLITS)
    console.print(f"Subjects: {listed} ({run / 'subjects.csv'}; edit it only before the training)")
    if summary.networks:
        columns = ["network", "cases", "myocardium Dice", "broken slices"]
        lines = [(name, each.cases, f"{each.dice:.3f}", each.broken) for name, each in summary.networks.items()]
        show(pd.DataFrame(lines, columns=columns), "Predictions by network")
        console.print(
            "Use out-of-fold segmentations only: by networks that were not trained on the segmented subjects.",
            style="yellow",
        )
    for note in notes:
        console.print(f"Note: {note}", markup=False, style="yellow")


def _draw(run: Path) -> None:
    from ..data.sources.overview import draw_prepared

    path = draw_prepared(run, run / "prepared.png")
    console.print(f"Check {path} before training: every outline must match its structure.")


def pictures(
    source: Annotated[
        Path,
        typer.Argument(
            exists=True,
            help="A CSV with the columns image and label, and optionally fov, subject, phase and prediction:NETWORK; "
            "or a folder with SITE/images, SITE/masks, SITE/fov and predictions/SITE/NETWORK.",
        ),
    ],
    run: RunOption = Path("run"),
    subject_pattern: Pattern = None,
) -> None:
    """Import photographs with vessel masks, and segmentations by networks, as cases and predictions."""
    from ..data.sources.pictures import EYE, TABLE, prepare_pictures, read_folders, write_picture_table

    entries, notes = (read_folders(source), []) if source.is_dir() else read_csv(source, subject_pattern or EYE)

    def shown(values: Iterable[Entry]) -> Iterable[Entry]:
        return track(values, "Pictures", total=len(entries), console=console)

    networks = prepare_pictures(entries, ensure_folder(run / "cases"), run / "predictions", shown)
    write_picture_table(entries, run / TABLE)
    console.print(f"{len(entries)} pictures in {run / 'cases'}")
    for name, count in networks.items():
        console.print(f"{name}: {count} predictions")
    for note in notes:
        console.print(f"Note: {note}", markup=False, style="yellow")


def procedural(
    count: Annotated[int, typer.Option(min=1, help="Number of hearts.")] = HEART_COUNT,
    run: RunOption = Path("run"),
    seed: Annotated[
        int | None, typer.Option(min=0, help="Random seed; by default that of the supplied weights.")
    ] = None,
) -> None:
    """Generate procedural hearts, labelled synthetic stacks, as cases heart0000 etc."""
    from ..data.procedural import SEED, write_cases

    folder = ensure_folder(run / "cases")
    found = write_cases(folder, count, SEED if seed is None else seed)
    console.print(f"{sum(1 for _ in track(found, 'Hearts', total=count, console=console))} cases in {folder}")
