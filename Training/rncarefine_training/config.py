"""The typed configuration of a training: read from YAML, checked before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, cast

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, model_validator
from typing_extensions import Self

from .data.cases import matches
from .data.sources.entry import SPLITS, check_network
from .data.sources.split import read_split
from .spelling import explain

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(gt=0)]
TaskName = Literal["ring", "tubular"]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
"""What files and folders are called, and what the engine takes for the name of a model."""
Text = Annotated[str, Field(pattern=r"\S")]
"""What a model card says; it must not be empty."""
Seed = Annotated[int, Field(ge=0, lt=2**32)]


class Strict(BaseModel):
    """A section whose unknown fields are errors, so that a misspelt option cannot go unnoticed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Subjects(Strict):
    """Subjects of training, validation and test set: lists, or the table that ``prepare`` wrote."""

    split: str | None = None
    """Table with the columns ``subject`` and ``split``, instead of lists; its path starts from the configuration."""
    develop: list[str] = []
    """Subjects that base networks and automaton may see."""
    test: list[str] = []
    """Subjects that nothing is trained or selected on."""
    select_every: Annotated[int, Field(ge=2)] = 5
    """Every how many-th of ``develop`` the automaton is selected on and not trained on, where no table says it."""
    select: list[str] = []
    """Subjects of ``develop`` that only select; every ``select_every``-th if not given."""

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, values: object, info: ValidationInfo) -> object:
        if not isinstance(values, dict):
            return values
        lists = ("develop", "test", "select")
        if values.get("split") is None:
            values = {key: _expand_names(value) if key in lists else value for key, value in values.items()}
        elif {key for key in (*lists, "select_every") if values.get(key)}:
            raise ValueError("give the table (split) or the lists (develop, test), not both")
        else:
            table = read_split(Path((info.context or {}).get("folder", ".")) / str(values["split"]))
            train, select, test = ([name for name in table if table[name] == side] for side in SPLITS)
            values = values | {"develop": [*train, *select], "select": select, "test": test}
        every, develop = values.get("select_every", 5), values.get("develop")
        if "select" not in values and isinstance(develop, list) and isinstance(every, int) and every > 0:
            values["select"] = develop[every - 1 :: every]
        return values

    @model_validator(mode="after")
    def _apart(self) -> Subjects:
        for side in ("develop", "test", "select"):
            names: list[str] = getattr(self, side)
            twice = sorted({subject for subject in names if names.count(subject) > 1})
            if twice:
                raise ValueError(f"subjects named twice in {side}: {', '.join(twice)}")
        both = sorted(set(self.develop) & set(self.test))
        if both:
            raise ValueError(f"subjects in both develop and test: {', '.join(both)}")
        strangers = sorted(set(self.select) - set(self.develop))
        if strangers:
            raise ValueError(f"subjects in select that are not in develop: {', '.join(strangers)}")
        if not self.train:
            raise ValueError("no subject to train on: name subjects in develop, or the table of prepare in split")
        return self

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
    among: list[str] = ["*"]
    """Patterns (``SC-*``) of the developing subjects that it draws from."""
    segments: list[str] = ["*"]
    """Patterns of the subjects whose failures are collected; of these, those that it has not seen."""
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
    redrawn: bool = False
    """Segment the training subjects in a random contrast, too, and learn from these failures."""
    networks: dict[Name, BaseNetwork] = {}


class Predictions(Strict):
    """External networks, by name, whose segmentations ``rncarefine-train prepare`` imported."""

    train: list[str] = []
    """Their failures are trained and selected on."""
    test: list[str] = []
    """They are measured on the test subjects; those of ``train`` if not given."""

    @model_validator(mode="before")
    @classmethod
    def _same(cls, values: object) -> object:
        return {"test": values.get("train", [])} | values if isinstance(values, dict) else values

    @model_validator(mode="after")
    def _named(self) -> Predictions:
        for name in (*self.train, *self.test):
            check_network(name)
        return self


class Automaton(Strict):
    """The automaton and how it is trained."""

    task: TaskName = "ring"
    """What is repaired: a wall that closes, or a thin structure of any topology (see :mod:`.automaton.tasks`)."""
    volumetric: bool = False
    """Cells perceive the slices below and above; a sample is then a stack of ``depth`` slices."""
    depth: Count = 1
    """Slices of a sample: 1 for a slice-wise automaton, at least 2 for a volumetric one."""
    spacing_mm: Positive = 1.6
    size: Annotated[int, Field(ge=32, le=96, multiple_of=8)] = 96
    """Rows and columns of the crop, in training and in use; there are not many more in what a sample is cut from
    (``samples.WINDOW_PIXELS``)."""
    channels: Annotated[int, Field(ge=4)] = 16
    hidden: Count = 48
    encoder: list[Count] = [24, 48, 96, 128, 128]
    fire_rate: Annotated[float, Field(gt=0, le=1)] = 0.5
    steps: Count = 16
    """Steps of a rollout when the model is used."""
    train_steps: tuple[Count, Count] = (8, 20)
    """Least and most steps of a training rollout."""
    batch: Count = 8
    buffer: Count = 128
    """Samples of the replay buffer, so that the automaton also learns to stay where it should be."""
    from_buffer: Fraction = 0.4
    """Share of a batch that is resumed from the replay buffer."""
    natural: Fraction = 0.6
    """Share of fresh samples that are segmentations of a network; the others are damaged truth, or truth as it is."""
    already_right: Fraction = 0.08
    misled: Fraction = 0.08
    """Share of samples whose masks are wrong altogether: elsewhere, another structure, another convention."""
    withheld: Annotated[float, Field(ge=0, le=0.86)] = 0.28
    """Share of samples that show no mask at all."""
    redrawn: Fraction = 0.25
    """Share of samples whose image is redrawn in a random contrast from the labels, with scars."""
    absent: Fraction = 0.05
    """Share of samples about a slice that has no wall in truth: beyond base or apex, whatever a network drew there."""
    elsewhere: Fraction = 0.0
    """Share of samples whose window lies beside the heart, over other organs; half of them show the heart's masks."""
    vanished: Fraction = 0.05
    """Probability that damage leaves nothing at all of a slice's wall."""
    spoiled: Fraction = 0.0
    """Share of samples in which the image of one slice shows next to nothing: noise, or ghosts of a moving heart."""
    inner_only: Fraction = 0.2
    """Share of samples from stacks with an inner contour only, where there are any."""
    favoured: list[str] = []
    """Patterns of subjects that are drawn more often than the others: the few real ones among many made."""
    favour: Fraction = 0.0
    """Share of samples that come from them."""
    without: list[Literal["image", "neighbours", "mask", "discs"]] = []
    """Parts left out, for ablations: channels that stay empty, or discs that are not supervised."""
    start: Name | None = None
    """Model in the run's folder ``models`` whose weights are the starting point."""
    warmup_updates: Annotated[int, Field(ge=0)] = 6000
    """Updates of the encoder alone, supervised by its evidence."""
    updates: Count = 2000
    learning_rate: Positive = 3e-3
    encoder_rate: Fraction = 0.1
    """Learning rate of the encoder in the rollout's training, as a share of that of the local rule."""
    contrast: Fraction = 0.4
    """Strength of the random change of intensities."""
    elastic: Fraction = 0.012
    """Spread of the smooth random displacement that bends samples, as a share of half the crop."""
    inflated: Fraction = 0.0
    """Share of samples in which a ventricle, most often the right one, is inflated or shrunk."""
    validate_every: Count = 400
    patience: Count | None = None
    """Stop after this many validations without a gain of Dice; ``None`` trains to the end."""
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    """bf16-mixed halves the time where the processor has it; the states stay 32-bit."""

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
        if (self.depth > 1) != self.volumetric:
            raise ValueError(
                f"depth {self.depth}: a volumetric automaton needs 2 slices or more in a sample, a slice-wise one 1"
            )
        if self.task != "ring" and "discs" in self.without:
            raise ValueError(f"without discs: the task {self.task} has none")
        total = self.warmup_updates + self.updates
        if self.validate_every > total:
            raise ValueError(f"validate_every {self.validate_every} is more than all {total} updates")
        return self


class Document(Strict):
    """The content of a YAML file."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read and check a YAML configuration.

        Raises:
            ValueError: A field is missing, unknown or out of range; the message names file, field and reason.
        """
        try:
            values = yaml.safe_load(path.read_text(encoding="utf-8"))
            return cls.model_validate(values, context={"folder": path.parent})
        except ValidationError as error:
            raise ValueError(f"{path.name}: {explain(error, cls)}") from None
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ValueError(f"{path.name} is not YAML: {error}") from None


class Config(Document):
    """One training from cases to weights."""

    name: Name
    title: Text
    seed: Seed
    training_data: Text
    licence: Text
    citation: Text
    subjects: Subjects
    base: Base = Base()
    predictions: Predictions = Predictions()
    automaton: Automaton = Automaton()

    @model_validator(mode="after")
    def _learns_from_something(self) -> Config:
        if not self.base.networks and not self.predictions.train:
            raise ValueError(
                "there are no failures to learn from: describe networks to train in base.networks, or name in "
                "predictions.train those whose segmentations were prepared"
            )
        both = sorted({*self.predictions.train, *self.predictions.test} & set(self.base.networks))
        if both:
            raise ValueError(f"networks in both base.networks and predictions: {', '.join(both)}")
        if self.automaton.favour:
            for pattern in self.automaton.favoured or ["nobody"]:
                if not any(matches(subject, [pattern]) for subject in self.subjects.train):
                    raise ValueError(f"automaton.favoured: {pattern} is none of the subjects that are trained on")
        return self

    @property
    def classes(self) -> int:
        """How many labels a case of the task has, background among them."""
        return 4 if self.automaton.task == "ring" else 2

    def public(self) -> dict[str, Any]:
        """Return the configuration as plain values for a model card; subjects of a table are counted, not named."""
        values = self.model_dump(mode="json")
        if self.subjects.split is not None:
            names = {"train": self.subjects.train, "select": self.subjects.select, "test": self.subjects.test}
            values["subjects"] = {"split": self.subjects.split} | {side: len(found) for side, found in names.items()}
        return values


def _expand_names(value: object) -> object:
    """Turn ``{pattern: patient{:03d}, first: 1, last: 80}`` into the list of names, also where it stands in a list."""
    if isinstance(value, dict):
        if set(value) != {"pattern", "first", "last"}:
            raise ValueError(
                f"subjects are a list of names, or pattern, first and last; not {', '.join(map(str, value))}"
            )
        try:
            return [value["pattern"].format(number) for number in range(value["first"], value["last"] + 1)]
        except (AttributeError, LookupError, TypeError):
            raise ValueError(
                "a range of subjects has a pattern with one place for the number, such as patient{:03d}, and whole "
                f"numbers as first and last; not {value}"
            ) from None
    if isinstance(value, list):
        expanded = (_expand_names(item) if isinstance(item, dict) else [item] for item in value)
        return [name for names in expanded for name in cast("list[object]", names)]
    return value
