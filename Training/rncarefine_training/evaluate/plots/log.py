"""Reading what a training logged for TensorBoard, or as CSV."""

from __future__ import annotations

from pathlib import Path

import pandas as pd  # type: ignore[import-untyped]


def read_log(folder: Path) -> pd.DataFrame:
    """Read every event file and every ``metrics.csv`` below a folder; of a value logged twice the last one counts.

    A training that went on after a cut-off has several event files, whose last steps overlap.

    Returns:
        One line a value: ``name``, ``step``, ``value``.

    Raises:
        ValueError: Nothing was logged there.
    """
    parts = [_events(path) for path in sorted(folder.rglob("events.out.tfevents.*"))]
    parts += [_csv(path) for path in sorted(folder.rglob("metrics.csv"))]
    found = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    if found.empty:
        raise ValueError(f"No training was logged in {folder}. Run `rncarefine-train automaton` first.")
    return found.drop_duplicates(["name", "step"], keep="last").reset_index(drop=True)


def _events(path: Path) -> pd.DataFrame:
    from tensorboard.backend.event_processing.event_accumulator import (  # type: ignore[import-untyped]
        EventAccumulator,
    )

    events = EventAccumulator(str(path), size_guidance={"scalars": 0})
    events.Reload()
    rows = [(name, event.step, event.value) for name in events.Tags()["scalars"] for event in events.Scalars(name)]
    return pd.DataFrame(rows, columns=["name", "step", "value"])


def _csv(path: Path) -> pd.DataFrame:
    """Read Lightning's own CSV log: a column a value, empty where it was not logged."""
    wide = pd.read_csv(path).drop(columns="epoch", errors="ignore")
    long = wide.melt(id_vars="step", var_name="name").dropna()
    return long[["name", "step", "value"]]
