"""The typed configuration of a training: read from YAML, checked before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(gt=0)]


class Strict(BaseModel):
    """A section whose unknown fields are errors, so that a misspelt option cannot go unnoticed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Subjects(Strict):
    """Who is trained on, who selects, who is only tested on."""

    develop: list[str]
    """Subjects that base networks and automaton may see."""
    test: list[str]
    """Subjects that nothing is trained or selected on."""
    select_every: Annotated[int, Field(ge=2)] = 5
    """Every how many-th of ``develop`` the automaton is selected on and not trained on."""

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, values: object) -> object:
        if not isinstance(values, dict):
            return values
        return {key: _expand_names(value) if key in ("develop", "test") else value for key, value in values.items()}

    @model_validator(mode="after")
    def _apart(self) -> Subjects:
        both = sorted(set(self.develop) & set(self.test))
        if both:
            raise ValueError(f"subjects in both develop and test: {', '.join(both)}")
        return self

    @property
    def select(self) -> list[str]:
        """Subjects of ``develop`` that only select."""
        return self.develop[self.select_every - 1 :: self.select_every]

    @property
    def train(self) -> list[str]:
        """Subjects of ``develop`` that the automaton is trained on."""
        held = set(self.select)
        return [subject for subject in self.develop if subject not in held]


class BaseNetwork(Strict):
    """One kind of base network; ``members`` of it are trained, each on its own draw of subjects."""

    architecture: Literal["unet", "segresnet", "basicunet", "attentionunet"]
    channels: list[Count]
    subjects: Count
    members: Count = 1
    updates: Count
    snapshots: list[Fraction] = [1.0]
    """Fractions of the training after which the network's failures are collected: an early one fails otherwise."""
    unseen: bool = False
    """Its failures are kept for the test and never trained on."""

    @model_validator(mode="after")
    def _snapshots_rise(self) -> BaseNetwork:
        if not self.snapshots or self.snapshots[0] == 0 or sorted(set(self.snapshots)) != self.snapshots:
            raise ValueError(f"snapshots {self.snapshots} must rise, from above 0: the last one is tested with")
        return self


class Base(Strict):
    """How the base networks are trained."""

    spacing_mm: Positive = 1.5
    crop: Annotated[int, Field(ge=64, multiple_of=16)] = 128
    batch: Count = 16
    learning_rate: Positive = 2e-3
    networks: dict[str, BaseNetwork]


class Automaton(Strict):
    """The automaton and how it is trained."""

    spacing_mm: Positive = 1.6
    size: Annotated[int, Field(ge=32, le=112, multiple_of=8)] = 80
    """Rows and columns of a sample; there are not more in what is kept of a slice (``samples.FRAME_PIXELS``)."""
    channels: Annotated[int, Field(ge=4)] = 16
    hidden: Count = 48
    encoder: list[Count] = [24, 32, 48, 64]
    fire_rate: Annotated[float, Field(gt=0, le=1)] = 0.5
    steps: Count = 24
    """Steps of a rollout when the model is used."""
    train_steps: tuple[Count, Count] = (10, 22)
    """Least and most steps of a training rollout."""
    batch: Count = 8
    pool: Count = 256
    """States kept between updates, so that the automaton also learns to stay where it should be."""
    from_pool: Fraction = 0.4
    """Share of a batch that goes on from the pool."""
    natural: Fraction = 0.55
    """Share of fresh samples that are real failures; the others are damaged truth, or truth as it is."""
    already_right: Fraction = 0.12
    warmup_updates: Annotated[int, Field(ge=0)] = 1200
    """Updates of the encoder alone, with an auxiliary head: cheap, and the rollout starts from good features."""
    updates: Count = 3200
    learning_rate: Positive = 2e-3
    contrast: Fraction = 1.0
    validate_every: Count = 400

    @model_validator(mode="after")
    def _fits_together(self) -> Automaton:
        least, most = self.train_steps
        if least > most:
            raise ValueError(f"train_steps {self.train_steps}: the least number of steps is above the most")
        stride = 2 ** max(0, len(self.encoder) - 1)
        if not self.encoder or self.size % stride:
            raise ValueError(
                f"size {self.size} is not a multiple of {stride}, which {len(self.encoder)} levels ask for"
            )
        total = self.warmup_updates + self.updates
        if self.validate_every > total:
            raise ValueError(f"validate_every {self.validate_every} is more than all {total} updates")
        return self


class Config(Strict):
    """One training from cases to weights."""

    name: str
    title: str
    seed: int
    training_data: str
    licence: str
    citation: str
    subjects: Subjects
    base: Base
    automaton: Automaton = Automaton()

    @classmethod
    def load(cls, path: Path) -> Config:
        """Read and check a YAML configuration.

        Raises:
            ValueError: A field is missing, unknown or out of range; the message names file, field and reason.
        """
        try:
            return cls.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"]) or "the whole"
            raise ValueError(f"{path.name}: {field}: {first['msg']}") from None
        except yaml.YAMLError as error:
            raise ValueError(f"{path.name} is not YAML: {error}") from None


def _expand_names(value: object) -> object:
    """Turn ``{pattern: patient{:03d}, first: 1, last: 80}`` into the list of names; leave anything else as it is."""
    if isinstance(value, dict):
        if set(value) != {"pattern", "first", "last"}:
            raise ValueError(
                f"subjects are a list of names, or pattern, first and last; not {', '.join(map(str, value))}"
            )
        return [value["pattern"].format(number) for number in range(value["first"], value["last"] + 1)]
    return value
