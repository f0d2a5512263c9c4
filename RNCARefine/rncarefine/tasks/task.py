"""What a task is to the rest of the engine: which models belong to it, and which inputs it takes."""

from __future__ import annotations

from dataclasses import dataclass

from ..nca.card import TUBULAR, ModelCard


@dataclass(frozen=True)
class Task:
    """A task that models are made for. Both tasks fill this.

    Attributes:
        name: "ring" or "tubular".
        structure: What is repaired, for messages.
        input: What it is repaired in, for messages.
        places: What a report has rows for: slices or places.
        remedy: What to do with an input of the other kind.
    """

    name: str
    structure: str
    input: str
    places: str
    remedy: str


RING = Task(
    "ring",
    "the myocardium",
    "a short-axis stack",
    "slices",
    "Choose a model of vessels (task tubular, see 'rncarefine models'), or give a short-axis stack.",
)
VESSELS = Task(
    TUBULAR,
    "vessels",
    "a single photograph or slice",
    "places",
    "Choose a model of rings, or give one picture: vessels in 3D are not repaired.",
)


def task_of(card: ModelCard) -> Task:
    """Return the task that a model is made for."""
    return VESSELS if card.task == TUBULAR else RING


def check_task(card: ModelCard, wanted: Task, name: str) -> None:
    """Check that a model is made for an input.

    Args:
        card: The model.
        wanted: The task that the input belongs to.
        name: What the input is called.

    Raises:
        ValueError: It is made for the other task.
    """
    task = task_of(card)
    if task is not wanted:
        raise ValueError(
            f"{name} is {wanted.input}, and model {card.name!r} repairs {task.structure} in {task.input}. {task.remedy}"
        )
