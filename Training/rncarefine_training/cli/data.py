"""Commands that make cases: ``prepare`` from labelled volumes, ``procedural`` from drawn anatomy."""

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
"""As many as configs/sax-open-2d.yaml names."""

Source = Annotated[
    Path,
    typer.Argument(
        exists=True,
        help="A CSV with the columns image, label, subject, phase, split, prediction:NETWORK (the first two are "
        "enough); nnU-Net's raw data set; ACDC's training folder; or Sunnybrook's folder of images/ and labels/.",
    ),
]
Predictions = Annotated[
    list[str],
    typer.Option(
        "--prediction",
        metavar="NETWORK=FOLDER",
        help="With nnU-Net: what a network made of the cases. The folder of a cross-validated training, or an output "
        "folder. May be given more than once.",
    ),
]
Preset = Annotated[str | None, typer.Option(help=f"What the labels of the truth are: {' or '.join(PRESETS)}.")]
Assignments = Annotated[
    list[str],
    typer.Option(
        "--label",
        metavar="STRUCTURE=N",
        help="The same, one by one: myocardium=2 (or 2+4: all of them are myocardium), pool=3, rv=1.",
    ),
]
PredictionPreset = Annotated[
    list[str],
    typer.Option(
        metavar="[NETWORK:]PRESET",
        help="What the labels of the predictions are, where they are others than the truth's.",
    ),
]
PredictionAssignments = Annotated[
    list[str], typer.Option("--prediction-label", metavar="[NETWORK:]STRUCTURE=N", help="The same, one by one.")
]
Pattern = Annotated[
    str | None,
    typer.Option(
        metavar="REGEX",
        help="Where the subject stands in the name of an image or case, in brackets: '(p[0-9]+)_'. By default, what "
        "stands before an ending like _ED, _ES or _frame01.",
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
    channel: Annotated[int, typer.Option(min=0, help="With nnU-Net: which channel is the cine image.")] = 0,
    test_share: Annotated[float, typer.Option(help="Share of the subjects to draw for the test set.")] = 0.2,
    select_share: Annotated[float, typer.Option(help="Share of the others to draw for the validation set.")] = 0.2,
    seed: Annotated[int, typer.Option(help="Decides the draw of the subjects.")] = 2026,
) -> None:
    """Turn labelled volumes, and segmentations by networks, into cases and predictions.

    Labels are checked: a missing myocardium and swapped ventricles are errors. Where the data do not name the test set,
    it is drawn once and written to RUN/subjects.csv.
    """
    said = parse_labels(labels, label)
    others = prediction_label_maps(prediction_labels, prediction_label)
    shares = Shares(test_share, select_share, seed)
    if source.is_dir() and not is_nnunet(source):
        if prediction or said or others or subject_pattern:
            raise ValueError(
                f"{source} is no raw data set of nnU-Net and no CSV: its labels and subjects are known. Leave out "
                "--prediction, --label, --subject-pattern and the like."
            )
        _prepare_known(source, run)
    elif source.is_dir():
        found = read_nnunet(source, _folders(prediction), subject_pattern, channel)
        unnamed: list[str] = []
        if said is None:
            said, unnamed = labels_from_names(found.names, str(source / "dataset.json"))
        notes = [*found.notes, *(f"Label {name} stands for nothing and becomes background." for name in unnamed)]
        _prepare_own(found.entries, said, others, run, shares, notes)
    else:
        if prediction:
            raise ValueError("A CSV names its predictions in columns prediction:NETWORK. Leave out --prediction.")
        entries, notes = read_csv(source, subject_pattern)
        _prepare_own(entries, said or PRESETS["acdc"], others, run, shares, notes)
    _draw(run)


def prediction_label_maps(presets: list[str], assignments: list[str]) -> dict[str, Labels]:
    """Read ``[NETWORK:]PRESET`` and ``[NETWORK:]STRUCTURE=N``.

    Returns:
        The labels of every network that was named; under ``""`` those of all others, if they were given.
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
            raise ValueError(
                f"--prediction-labels {' and '.join(named)}: give one for each network, as NETWORK:PRESET."
            )
        labels = parse_labels(named[0] if named else None, single, "--prediction-label")
        assert labels is not None
        found[network] = labels
    return found


def _folders(predictions: list[str]) -> dict[str, Path]:
    """Read ``NETWORK=FOLDER``."""
    found: dict[str, Path] = {}
    for prediction in predictions:
        name, equals, folder = prediction.partition("=")
        if not (name and equals and folder):
            raise ValueError(
                f"--prediction {prediction}: give the network a name, as in --prediction nnunet={prediction}."
            )
        if check_network(name) in found:
            raise ValueError(f"--prediction {prediction}: there is a network {name} already. Give it another name.")
        found[name] = Path(folder)
    return found


def _prepare_known(source: Path, run: Path) -> None:
    """Prepare ACDC or Sunnybrook, whose labels and subjects are known."""
    if is_acdc(source):
        cases = read_acdc(source)
    elif is_sunnybrook(source):
        cases = chain(read_sunnybrook(source), read_inner_contours(source))
    else:
        raise ValueError(
            f"{source} is none of what can be prepared: no dataset.json with imagesTr/ (nnU-Net), no "
            "patientNNN/patientNNN_frameFF_gt.nii.gz (ACDC), no images/SC-*.png (Sunnybrook). For anything else, write "
            "a CSV with the columns image and label."
        )
    folder = ensure_folder(run / "cases")
    count = sum(1 for _ in (case.save(folder) for case in track(cases, "Cases", total=None, console=console)))
    console.print(f"{count} cases in {folder}")


def _prepare_own(
    entries: list[Entry], labels: Labels, others: dict[str, Labels], run: Path, shares: Shares, notes: list[str]
) -> None:
    """Prepare a lab's own data and print a summary."""
    networks = sorted({name for entry in entries for name in entry.predictions})
    strangers = sorted(others.keys() - {"", *networks})
    if strangers:
        raise ValueError(
            f"There is no network {strangers[0]!r} whose labels could be others; there are: "
            f"{', '.join(networks) or 'none'}."
        )
    console.print(f"{len(entries)} stacks, labels {labels}. Networks: {', '.join(networks) or 'none'}.")
    for name in networks:
        if others.get(name, others.get("", labels)) != labels:
            console.print(f"Labels of {name}: {others.get(name, others.get('', labels))}")
    every = {name: others.get(name, others.get("", labels)) for name in networks}

    def shown(values: Iterable[Entry]) -> Iterable[Entry]:
        return track(values, "Cases", total=len(entries), console=console)

    summary = prepare_entries(entries, labels, every, run, shares, shown)
    _print_summary(summary, run, [*notes, *summary.notes])


def _print_summary(summary: Summary, run: Path, notes: list[str]) -> None:
    """Print what was prepared, and warnings."""
    sides = Counter(summary.split.values())
    console.print(f"{summary.cases} cases, {summary.slices} slices in {run / 'cases'}")
    listed = ", ".join(f"{sides[split]} {split}" for split in SPLITS)
    console.print(f"Subjects: {listed} ({run / 'subjects.csv'}; change it before the training, not after)")
    if summary.networks:
        columns = ["network", "cases", "myocardium Dice", "slices really broken"]
        lines = [(name, each.cases, f"{each.dice:.3f}", each.broken) for name, each in summary.networks.items()]
        show(pd.DataFrame(lines, columns=columns), "What the networks made of the cases")
        console.print(
            "Files do not show whether a network was trained on the subjects that it segmented. Use out-of-fold "
            "segmentations only.",
            style="yellow",
        )
    for note in notes:
        console.print(f"Note: {note}", markup=False, style="yellow")


def _draw(run: Path) -> None:
    from ..data.sources.overview import draw_prepared

    path = draw_prepared(run, run / "prepared.png")
    console.print(f"Check {path} before you train: every outline must lie on its structure.")


def pictures(
    source: Annotated[
        Path,
        typer.Argument(
            exists=True,
            help="A CSV with the columns image, label, fov, subject, phase, prediction:NETWORK (the first two are "
            "enough), or a folder of SITE/images, SITE/masks, SITE/fov and predictions/SITE/NETWORK.",
        ),
    ],
    run: RunOption = Path("run"),
    subject_pattern: Pattern = None,
) -> None:
    """Turn photographs with vessel masks, and what networks made of them, into cases and predictions."""
    from ..data.sources.pictures import TABLE, prepare_pictures, read_folders, write_table

    entries, notes = (read_folders(source), []) if source.is_dir() else read_csv(source, subject_pattern)

    def shown(values: Iterable[Entry]) -> Iterable[Entry]:
        return track(values, "Pictures", total=len(entries), console=console)

    networks = prepare_pictures(entries, ensure_folder(run / "cases"), run / "predictions", shown)
    write_table(entries, run / TABLE)
    console.print(f"{len(entries)} pictures in {run / 'cases'}")
    for name, count in networks.items():
        console.print(f"{name}: {count} predictions")
    for note in notes:
        console.print(f"Note: {note}", markup=False, style="yellow")


def procedural(
    count: Annotated[int, typer.Option(min=1, help="How many hearts.")] = HEART_COUNT,
    run: RunOption = Path("run"),
    seed: Annotated[
        int | None, typer.Option(min=0, help="Another collection of hearts; the shipped one if left out.")
    ] = None,
) -> None:
    """Make hearts: labelled stacks drawn from general anatomy, written as cases heart0000 onwards."""
    from ..data.procedural import SEED, write_cases

    folder = ensure_folder(run / "cases")
    found = write_cases(folder, count, SEED if seed is None else seed)
    console.print(f"{sum(1 for _ in track(found, 'Hearts', total=count, console=console))} cases in {folder}")
