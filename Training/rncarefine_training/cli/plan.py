"""The command ``plan``, and the line that long commands begin with: what they will do, and how long it will take."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from ..config import Config
from ..data.sources.entry import SPLITS
from .options import DEFAULT_CONFIG, ConfigOption, RunOption, console

if TYPE_CHECKING:
    from ..automaton.inventory import Inventory
    from ..automaton.plan import Step


def plan(run: RunOption = Path("run"), config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Say what a training has to learn from, what its steps will do, and how long they will take on this machine.

    A few updates are made for that and thrown away; nothing is written.
    """
    from ..automaton.inventory import take_stock
    from ..automaton.plan import plan_automaton, plan_base, plan_failures

    training = Config.load(config)
    with console.status("Counting real failures"):
        stock = take_stock(training, run)
    _show(training, stock)
    with console.status("Timing a few updates"):
        steps = [plan_base(training, run), plan_failures(training, run), plan_automaton(training, run, stock)]
    table = Table("command", "what it will do", "time here", "disk MB")
    for step in steps:
        table.add_row(step.command, step.does, lasting(step.seconds), f"{step.bytes / 1e6:.0f}")
    console.print(table)
    free, wanted = shutil.disk_usage(run).free, sum(step.bytes for step in steps)
    console.print(f"Together {lasting(sum(step.seconds for step in steps))}. {free / 1e9:.1f} GB of disk are free.")
    if free < 2 * wanted:
        console.print("Note: the disk may not suffice. Make room first.", style="yellow")


def announce(command: str, config: Config, run: Path) -> None:
    """Say in a line what ``base``, ``failures`` or ``automaton`` is going to do, and how long it will take here.

    Of several processes of one training only the first says it.

    Raises:
        ValueError: There is nothing to do it with.
    """
    from lightning.pytorch.utilities.rank_zero import rank_zero_only

    if getattr(rank_zero_only, "rank", 0) == 0:
        with console.status("Planning"):
            line = _line(command, config, run)
        console.print(line, markup=False)


def _line(command: str, config: Config, run: Path) -> str:
    from ..automaton.inventory import take_stock
    from ..automaton.plan import plan_automaton, plan_base, plan_failures

    if command == "base":
        return _said(plan_base(config, run))
    if command == "failures":
        return _said(plan_failures(config, run))
    stock = take_stock(config, run)
    return f"{_said(plan_automaton(config, run, stock))}. To learn from: {learnt_from(config, stock)}."


def _said(step: Step) -> str:
    if not step.seconds:
        return f"{step.command}: {step.does}"
    return f"{step.command}: {step.does}; {lasting(step.seconds)} on this machine, {step.bytes / 1e6:.0f} MB"


def learnt_from(config: Config, stock: Inventory) -> str:
    """Say what an automaton is trained and selected on."""
    from ..automaton.fit import training_sources

    sources = training_sources(config)
    return (
        f"{len(stock.subjects['train'])} subjects, {stock.slices['train']:,} slices, "
        f"{stock.failures(sources, 'train'):,} real failures of {len(sources)} networks; to select on: "
        f"{len(stock.subjects['select'])} subjects, "
        f"{stock.failures(training_sources(config, last_only=True), 'select'):,} failures"
    )


def lasting(seconds: float) -> str:
    """Say how long something takes, no more exactly than it can be known."""
    if seconds < 90:
        return "less than 2 minutes" if seconds else "no time"
    if seconds < 90 * 60:
        return f"about {seconds / 60:.0f} minutes"
    return f"about {seconds / 3600:.1f} hours"


def _show(config: Config, stock: Inventory) -> None:
    """Print what there is to learn from, and what to beware of."""
    from ..automaton.fit import training_sources
    from ..automaton.inventory import FEW

    table = Table("for", "subjects", "cases", "slices")
    for side in SPLITS:
        table.add_row(side, str(len(stock.subjects[side])), str(stock.cases[side]), f"{stock.slices[side]:,}")
    console.print(table)
    sources = training_sources(config)
    table = Table("network", "trained on", *(f"broken slices: {side}" for side in SPLITS))
    for source, network in stock.networks.items():
        counts = (f"{network.broken[side]:,}" if network.cases[side] else "-" for side in SPLITS)
        table.add_row(source, "yes" if source in sources else "no", *counts)
    console.print(table)
    if stock.without:
        console.print(
            f"Note: {len(stock.without)} subjects of the configuration have no case, such as {stock.without[0]}.",
            style="yellow",
        )
    failures = stock.failures(sources, "train")
    if failures < FEW and stock.segmentations(sources, "train"):
        console.print(
            f"Note: {failures} real failures are few; the automaton will learn mostly from damaged truth "
            f"(automaton.natural is {config.automaton.natural:g}). Bring in more networks, or weaker ones.",
            style="yellow",
        )
