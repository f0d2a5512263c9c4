"""A record of every time the test subjects were looked at: the more often, the less a figure on them is worth."""

from __future__ import annotations

import csv
import datetime
from collections.abc import Sequence
from pathlib import Path

from rncarefine.nca.model import Model

COLUMNS = ("model", "sha256", "date", "command")


def open_test_subjects(record: Path, models: Sequence[Model], command: str) -> list[str]:
    """Write down that the test subjects are opened now, before anything is measured.

    Args:
        record: The CSV that is added to; made if it is not there.
        models: Whose figures will be known afterwards.
        command: What was called.

    Returns:
        A sentence for every model whose weights had been measured on them before.
    """
    earlier: list[dict[str, str]] = []
    if record.exists():
        with record.open(newline="", encoding="utf-8") as file:
            earlier = list(csv.DictReader(file))
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    with record.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if not earlier:
            writer.writeheader()
        for model in models:
            values = (model.card.name, model.card.sha256, now, command)
            writer.writerow(dict(zip(COLUMNS, values, strict=True)))
    sentences = []
    for model in models:
        dates = [line["date"] for line in earlier if line["sha256"] == model.card.sha256]
        if dates:
            sentences.append(
                f"The test subjects were opened before for {model.card.name} ({model.card.sha256[:7]}): "
                f"{', '.join(dates)}."
            )
    return sentences
