"""Drawing all that a run has tables, logs or stacks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pandas as pd  # type: ignore[import-untyped]
from matplotlib.figure import Figure

from rncarefine.nca.model import Model

from ..confidence import BROKEN
from ..store import UNDISTURBED
from . import curves, pictures
from .log import read_log
from .pictures import Shown
from .style import save, style


def draw_all(run: Path, evaluation: str, steps: dict[str, int], folder: Path) -> tuple[list[Path], list[str]]:
    """Draw every curve whose table is there.

    Args:
        run: Folder of the run.
        evaluation: What the names of the evaluation's files begin with, for example ``evaluation-test``.
        steps: At how many steps each model's rollout ends in use.
        folder: Gets the plots.

    Returns:
        The files, and a sentence for every plot that could not be drawn.
    """
    written: list[Path] = []
    missing: list[str] = []
    for name, (needs, draw) in _plots(run, evaluation, steps).items():
        absent = [path for path in needs if not path.exists()]
        if absent or not needs:
            missing.append(f"{name}: {', '.join(str(path) for path in absent) or 'no table'} is not there.")
            continue
        try:
            with style():
                written += save(draw(), folder, name)
        except ValueError as error:
            # A training that was cut off before it logged anything, or a table of no slices.
            missing.append(f"{name}: {error}")
    return written, missing


def _plots(run: Path, evaluation: str, steps: dict[str, int]) -> dict[str, tuple[list[Path], Callable[[], Figure]]]:
    def table(ending: str) -> Path:
        return run / f"{evaluation}-{ending}.csv"

    def read(ending: str) -> pd.DataFrame:
        return pd.read_csv(table(ending))

    horizons = {path.stem.removeprefix("horizon-"): path for path in _summaries(run, "horizon-*.csv")}
    robust = {path.stem.removeprefix("robustness-"): path for path in _summaries(run, "robustness-*.csv")}
    found: dict[str, tuple[list[Path], Callable[[], Figure]]] = {
        "reliability": (
            [table("reliability"), table("confidence")],
            lambda: curves.reliability(read("reliability"), read("confidence"), BROKEN),
        ),
        "risk-coverage": (
            [table("risk"), table("confidence")],
            lambda: curves.risk_coverage(read("risk"), read("confidence"), BROKEN),
        ),
        "strata": ([table("strata")], lambda: curves.strata(read("strata"))),
        "horizon": (
            list(horizons.values()),
            lambda: curves.horizon({name: pd.read_csv(path) for name, path in horizons.items()}, steps),
        ),
        "ablation": ([run / "ablation.csv"], lambda: _ablation(pd.read_csv(run / "ablation.csv"))),
    }
    for log in sorted((run / "automaton").glob("*/log")):
        found[f"training-{log.parent.name}"] = ([log], partial(_training, log))
    for model, path in robust.items():
        found[f"robustness-{model}"] = ([path], partial(_robustness, path, model))
    return found


def _summaries(run: Path, pattern: str) -> list[Path]:
    return sorted(path for path in run.glob(pattern) if not path.stem.endswith("-slices"))


def _training(log: Path) -> Figure:
    return curves.training(read_log(log))


def _robustness(path: Path, model: str) -> Figure:
    table = pd.read_csv(path)
    table = table[table.disturbance != UNDISTURBED]
    return curves.forest(
        table.assign(loss=-table["lost"], least=-table["lost high"], most=-table["lost low"]),
        "disturbance",
        "loss",
        "least",
        "most",
        f"{model}: Dice of disturbed stacks against the same slices undisturbed",
        "difference of Dice (95 % interval over subjects)",
        "group",
    )


def _ablation(table: pd.DataFrame) -> Figure:
    compared = table[table["over"].notna()] if "over" in table else table.iloc[:0]
    return curves.forest(
        compared,
        "variation",
        "over",
        "over low",
        "over high",
        "Dice of the automaton alone against the full design",
        "difference of Dice (95 % interval over subjects)",
    )


def draw_pictures(stacks: Sequence[Shown], model: Model, folder: Path) -> list[Path]:
    """Draw film strip and gallery.

    Args:
        stacks: Where the gallery looks for its slices; the film strip is of the first one.
        model: The weights.
        folder: Gets the plots.
    """
    with style():
        name = model.card.name
        written = save(pictures.film_strip(stacks[0], model), folder, f"film-{name}")
        return written + save(pictures.gallery(stacks, model), folder, f"gallery-{name}")
