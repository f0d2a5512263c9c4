"""Repair tasks: the models that belong to a task and the inputs it accepts."""

from __future__ import annotations

from dataclasses import dataclass

from ..nca.card import TUBULAR, ModelCard


@dataclass(frozen=True)
class RepairTask:
    """A repair task.

    Attributes:
        name: "ring" or "tubular".
        structure: Repaired structure, for messages.
        input: Accepted input, for messages.
        places: Rows of the report: slices or places.
        remedy: Advice for an input of the other task, for messages.
    """

    name: str
    structure: str
    input: str
    places: str
    remedy: str


RING = RepairTask(
    "ring",
    "the myocardium",
    "a short-axis stack",
    "slices",
    "Choose a model of vessels (task tubular, see 'rncarefine models'), or give a short-axis stack.",
)
VESSELS = RepairTask(
    TUBULAR,
    "vessels",
    "a single photograph or slice",
    "places",
    "Choose a model of rings, or give one picture: vessels in 3D are not repaired.",
)


def task_of_model(card: ModelCard) -> RepairTask:
    """Return the task of a model."""
    return VESSELS if card.task == TUBULAR else RING


def check_task(card: ModelCard, wanted: RepairTask, name: str) -> None:
    """Check that a model fits the task of an input.

    Args:
        card: Model card.
        wanted: Task of the input.
        name: Name of the input in messages.

    Raises:
        ValueError: The model belongs to the other task.
    """
    task = task_of_model(card)
    if task is not wanted:
        raise ValueError(
            f"{name} is {wanted.input}, and model {card.name!r} repairs {task.structure} in {task.input}. {task.remedy}"
        )
