"""What the steps of a training will do, and how long they will take on this machine."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from rncarefine.anatomy.topology import betti_2d

from ..config import Config
from ..data.cases import MYOCARDIUM, Case
from ..networks.base import members, predict, snapshot_paths, updates_kept
from ..networks.failures import due
from ..networks.networks import build_network
from ..resume import updates_done
from .fit import VALIDATION_SLICES, training_sources
from .inventory import Inventory
from .trial import AutomatonTrial, try_automaton, try_base

TRIED_CASES = 3
PREDICTION_BYTES = 4_000
"""What a compressed label map takes, about."""


@dataclass(frozen=True)
class Step:
    """One command of a training.

    Attributes:
        command: Its name.
        does: What is left for it to do.
        seconds: How long that takes here.
        bytes: What it adds on disk, about.
    """

    command: str
    does: str
    seconds: float
    bytes: int = 0


def plan_base(config: Config, run: Path) -> Step:
    """Plan the training of the base networks, those that are done left out."""
    left: dict[str, int] = defaultdict(int)
    count = size = 0
    for member in members(config):
        network = config.base.networks[member.kind]
        folder = run / "base" / member.name
        if not all(path.exists() for path in snapshot_paths(network, folder)):
            count += 1
            # Weights and AdamW's two moments, and the weights of every snapshot.
            size += parameters(config, member.kind) * 4 * (3 + len(network.snapshots))
            left[member.kind] += network.updates - updates_kept(network, folder)
    if not left:
        return Step("base", "nothing: " + ("all are trained" if config.base.networks else "no base networks"), 0.0)
    cases = some_cases(run, config.subjects.develop)
    seconds = sum(updates * try_base(config, config.base.networks[kind], cases) for kind, updates in left.items())
    return Step("base", f"{count} base networks, {sum(left.values()):,} updates", seconds, size)


def plan_failures(config: Config, run: Path) -> Step:
    """Plan the segmentations by the base networks, those that are there left out."""
    missing = [step for step in due(config, run / "cases", run / "predictions") if not step[3].exists()]
    if not missing:
        there = "all are there" if config.base.networks else "no base networks"
        return Step("failures", f"nothing: {there}", 0.0)
    (case,) = some_cases(run, config.subjects.develop, 1)
    each = {}
    for kind in {member.kind for member, *_ in missing}:
        network = build_network(config.base.networks[kind]).eval()
        began = time.perf_counter()
        predict(network, case, config.base.spacing_mm)
        each[kind] = time.perf_counter() - began
    seconds = sum(each[member.kind] for member, *_ in missing)
    return Step("failures", f"{len(missing):,} segmentations", seconds, PREDICTION_BYTES * len(missing))


def plan_automaton(config: Config, run: Path, stock: Inventory) -> Step:
    """Plan the training of the automaton, what a checkpoint has done left out."""
    settings = config.automaton
    total = settings.warmup_updates + settings.updates
    done = min(total, updates_done(run / "automaton" / config.name / "last.ckpt"))
    if done == total:
        return Step("automaton", f"nothing: all {total:,} updates are done", 0.0)
    trial = try_automaton(config, some_cases(run, config.subjects.train, slices=settings.depth))
    does = f"{total - done:,} updates" + (f" after {done:,} that are done" if done else "")
    if settings.patience:
        does += f", or fewer if {settings.patience} validations bring nothing"
    return Step("automaton", does, automaton_seconds(config, stock, trial, done), trial.checkpoint_bytes)


def automaton_seconds(config: Config, stock: Inventory, trial: AutomatonTrial, done: int = 0) -> float:
    """Add up what a trial measured.

    Args:
        config: The training.
        stock: What there is to load.
        trial: What the parts take.
        done: Updates that a checkpoint has done already.
    """
    settings = config.automaton
    total = settings.warmup_updates + settings.updates
    warmup = max(0, settings.warmup_updates - done)
    validations = total // settings.validate_every - done // settings.validate_every
    last = training_sources(config, last_only=True)
    failures = stock.failures(last, "select")
    shown = float(min(VALIDATION_SLICES, failures))
    if settings.volumetric and failures:
        # The broken slices come with the rest of their stacks.
        shown *= stock.segmentations(last, "select") * stock.slices["select"] / stock.cases["select"] / failures
    loaded = stock.cases["train"] + stock.cases["select"]
    segmented = stock.segmentations(training_sources(config), "train") + stock.segmentations(last, "select")
    return (
        loaded * trial.case
        + segmented * trial.prediction
        + warmup * trial.warmup
        + (total - done - warmup) * trial.rollout
        + validations * shown * trial.validated
    )


def some_cases(run: Path, subjects: list[str], count: int = TRIED_CASES, slices: int = 1) -> list[Case]:
    """Return the first cases of some subjects that have a closed ring and so many slices.

    Raises:
        ValueError: None has.
    """
    found: list[Case] = []
    for subject in subjects:
        for path in sorted((run / "cases").glob(f"{subject}_*.npz")):
            case = Case.load(path)
            closed = any(betti_2d(piece == MYOCARDIUM) == (1, 1) for piece in case.labels)
            if closed and len(case.labels) >= slices and len(found) < count:
                found.append(case)
        if len(found) == count:
            return found
    if not found:
        raise ValueError(
            f"No cases in {run / 'cases'} with a closed ring and {slices} slices. Run `rncarefine-train prepare` first."
        )
    return found


def parameters(config: Config, kind: str) -> int:
    """Return how many numbers a base network is made of."""
    return sum(values.numel() for values in build_network(config.base.networks[kind]).parameters())
