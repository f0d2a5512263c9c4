"""The printed tables fit 80 columns, in a terminal and in a pipe, and no word is lost."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from rich.measure import Measurement

from engine.report_samples import broken_report, broken_stack, slice_record
from engine.vessel_models import vessel_model
from engine.vessels import tree, with_gap
from rncarefine.batch.cohort import Totals
from rncarefine.batch.runs import BatchOutcome
from rncarefine.cli import picture_jobs, tables
from rncarefine.cli.cohort import outcome_table
from rncarefine.nca.model import available_models
from rncarefine.refine.metrics import evaluate
from rncarefine.refine.picture import check_picture, repair_picture
from rncarefine.refine.picture_metrics import evaluate_picture
from rncarefine.tasks.tubular.picture import Picture
from rncarefine.tasks.tubular.places import PlaceFinding
from rncarefine.words import Expectation, Finding, PlaceVerdict, Verdict

WIDTH = 80
CODE = "import sys; from rncarefine.cli.main import main; sys.exit(main(sys.argv[1:]))"
LARGEST = {"gap_deg_before": 359.6, "confidence": 0.987, "added_mm2": 9876.4, "removed_mm2": 98765.4}


def printed(table, width=WIDTH):
    """Return the lines of a table on a console of that width."""
    console = Console(width=width, file=StringIO(), highlight=False)
    console.print(table)
    return console.file.getvalue().splitlines()


def natural_width(table):
    """Return the width of a table in which no cell is wrapped."""
    console = Console(width=1000)
    return Measurement.get(console, console.options, table).maximum


def slices():
    """Return one record per pair of findings and verdict, with the largest plausible numbers."""
    pairs = [(finding, verdict) for finding in Finding for verdict in Verdict]
    return [
        slice_record(
            k,
            finding_before=finding,
            finding_after=finding,
            expectation=list(Expectation)[k % 4],
            verdict=verdict,
            flagged=k % 2 == 0,
            b0_before=12,
            b1_before=10,
            **LARGEST,
        )
        for k, (finding, verdict) in enumerate(pairs)
    ]


def picture_reports():
    """Return the reports of a check and of a repair of a picture, with one place per pair of finding and verdict."""
    image = np.repeat((150 - 60 * tree()[..., None]).astype(np.uint8), 3, axis=2)
    picture = Picture.create(image, with_gap(tree(), 30, 2), name="photo")
    for report in (check_picture(picture), repair_picture(picture, vessel_model()).report):
        place = replace(report.places[0], row=2345, column=2345, size_px=1234.5, flagged=True, confidence=0.5)
        place = replace(place, support=-12.34, added_px=9876, removed_px=9876)
        pairs = [(finding, verdict) for finding in PlaceFinding for verdict in PlaceVerdict]
        yield replace(report, places=[replace(place, finding=one, verdict=two) for one, two in pairs])


def test_a_row_of_a_repair_or_of_metrics_fits_one_line_whatever_it_says():
    assert natural_width(tables.slice_table(broken_report(slices=slices()))) <= WIDTH
    for report in picture_reports():
        assert natural_width(picture_jobs.place_table(report)) <= WIDTH
    stack, after = broken_stack()
    metrics, total = evaluate(after, stack.mask, stack.spacing)
    assert natural_width(tables.slice_metrics_table(metrics)) <= WIDTH
    assert natural_width(tables.metrics_table({"before": total, "after": total})) <= WIDTH
    ours = evaluate_picture(with_gap(tree(), 30, 2), tree())
    assert natural_width(picture_jobs.picture_metrics_table({"before": ours, "after": ours})) <= WIDTH
    outcome = BatchOutcome(Path("cohort.csv"), [f"{n}" for n in range(12_345)], totals=Totals(slices=1_234_567))
    assert natural_width(outcome_table(outcome, 12_345.0)) <= WIDTH
    assert natural_width(tables.model_table(available_models())) <= WIDTH


def test_one_of_a_kind_is_singular():
    checked, _ = picture_reports()
    one = replace(checked, picture=replace(checked.picture, b0_before=1, places=1, flagged=1))
    assert one.summary() == "1 component; 1 place, 1 to repair"
    several = replace(checked, picture=replace(checked.picture, b0_before=2, places=3, flagged=3))
    assert several.summary() == "2 components; 3 places, 3 to repair"


def test_the_flag_has_its_own_column():
    report = broken_report()
    rows = [line.split() for line in printed(tables.slice_table(report)) if re.match(r" *\d", line)]
    assert [(row[0], "yes" in row) for row in rows] == [("0", False), ("1", False), ("2", True), ("3", False)]
    (repaired,) = [report for report in picture_reports() if report.model is not None]
    (row, *_) = [line.split() for line in printed(picture_jobs.place_table(repaired)) if re.match(r" *\d", line)]
    assert row.count("yes") == 1


def test_long_texts_are_wrapped_between_words_and_long_names_are_kept():
    checked = tables.slice_table(broken_report(model=None))
    cards = available_models()
    for table in (checked, tables.training_table(cards)):
        assert max(map(len, printed(table))) <= WIDTH
    words = set(" ".join(printed(tables.training_table(cards))).split())
    assert {word for card in cards for word in f"{card.title}. {card.training_data}".split()} <= words
    assert {word for record in broken_report().slices for word in record.reason.split()} <= set(
        " ".join(printed(checked)).split()
    )
    name = "a-very-long-name-of-a-prediction" * 4
    stack, after = broken_stack()
    lines = printed(tables.metrics_table({name: evaluate(after, stack.mask, stack.spacing)[1]}))
    assert max(map(len, lines)) <= WIDTH
    assert name in "".join(line.strip() for line in lines)


@pytest.mark.parametrize("width", [40, 60])
def test_in_a_narrow_terminal_words_are_broken_and_not_shortened(width):
    lines = printed(tables.slice_table(broken_report(slices=slices())), width)
    assert max(map(len, lines)) <= width
    assert "…" not in "".join(lines)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_a_terminal_and_a_pipe_of_80_columns_show_the_same():
    import fcntl
    import pty
    import struct
    import termios

    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": str(WIDTH), "TERM": "xterm"}
    command = [sys.executable, "-c", CODE, "models"]
    piped = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout.decode()
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, WIDTH, 0, 0))
    with subprocess.Popen(command, env=environment, stdin=slave, stdout=slave) as process:
        os.close(slave)
        shown = b""
        while part := _read(master):
            shown += part
    os.close(master)
    assert process.returncode == 0
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode()).replace("\r\n", "\n")
    assert plain.splitlines() == piped.splitlines()
    assert max(map(len, piped.splitlines())) <= WIDTH
    assert "…" not in piped


def _read(master):
    """Return the next bytes of a pseudo-terminal; none at its end, which Linux reports as an error."""
    try:
        return os.read(master, 65536)
    except OSError:
        return b""
