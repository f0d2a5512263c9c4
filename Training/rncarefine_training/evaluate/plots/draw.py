"""Draw all plots for which a run has data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pandas as pd  # type: ignore[import-untyped]
from matplotlib.figure import Figure

from rncarefine.nca.model import Model

from ..confidence import BROKEN
from . import curves, pictures
from .pictures import Shown
from .style import save, style


def draw_all(run: Path, evaluation: str, folder: Path) -> tuple[list[Path], list[str]]:
    """Draw all curves for which the run has a table or log.

    Args:
        run: Folder of the run.
        evaluation: Prefix of the files of the evaluation, for example ``evaluation-test``.
        folder: Output folder.

    Returns:
        The files, and a message for every plot that was not drawn.
    """
    written: list[Path] = []
    missing: list[str] = []
    for name, (needs, draw) in _plots(run, evaluation).items():
        absent = [str(path) for path in needs if not path.exists()]
        if absent:
            missing.append(f"{name}: {', '.join(absent)} does not exist.")
            continue
        try:
            tables = [read_log(path) if path.is_dir() else pd.read_csv(path) for path in needs]
            with style():
                written += save(draw(*tables), folder, name)
        except ValueError as error:
            # Interrupted before the first log entry, or an empty table.
            missing.append(f"{name}: {error}")
    return written, missing


def _plots(run: Path, evaluation: str) -> dict[str, tuple[list[Path], Callable[..., Figure]]]:
    """Return input files and drawing function of every plot."""

    def tables(*endings: str) -> list[Path]:
        return [run / f"{evaluation}-{ending}.csv" for ending in endings]

    found: dict[str, tuple[list[Path], Callable[..., Figure]]] = {
        "reliability": (tables("reliability"), curves.draw_reliability),
        "risk-coverage": (tables("risk", "confidence"), partial(curves.draw_risk_coverage, population=BROKEN)),
        "strata": (tables("strata"), curves.draw_strata),
    }
    for log in sorted((run / "automaton").glob("*/log")):
        found[f"training-{log.parent.name}"] = ([log], curves.draw_training)
    return found


def draw_pictures(stacks: Sequence[Shown], model: Model, folder: Path) -> list[Path]:
    """Draw film strip and gallery.

    Args:
        stacks: Stacks for the gallery; the film strip shows the first one.
        model: Model.
        folder: Output folder.
    """
    with style():
        name = model.card.name
        written = save(pictures.draw_film_strip(stacks[0], model), folder, f"film-{name}")
        return written + save(pictures.draw_gallery(stacks, model), folder, f"gallery-{name}")


def read_log(folder: Path) -> pd.DataFrame:
    """Read all TensorBoard event files below a folder; the last value of each step is used.

    Event files of a resumed training overlap.

    Returns:
        One line per value: ``name``, ``step``, ``value``.

    Raises:
        ValueError: There are no values.
    """
    parts = [_events(path) for path in sorted(folder.rglob("events.out.tfevents.*"))]
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
