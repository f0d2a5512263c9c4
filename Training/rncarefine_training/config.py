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
"""Valid name of a model, network, file or folder."""
Text = Annotated[str, Field(pattern=r"\S")]
"""Non-empty text for the model card."""
Seed = Annotated[int, Field(ge=0, lt=2**32)]


class Strict(BaseModel):
    """Section that rejects unknown fields, so that misspelt options are reported."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Subjects(Strict):
    """Subjects of training, validation and test set, as lists or as the table written by ``prepare``."""

    split: str | None = None
    """Table with the columns ``subject`` and ``split``, instead of lists; path relative to the configuration."""
    develop: list[str] = []
    """Subjects of training and validation set."""
    test: list[str] = []
    """Subjects of the test set."""
    select_every: Annotated[int, Field(ge=2)] = 5
    """Interval at which subjects of ``develop`` are assigned to the validation set, if ``select`` is not given."""
    select: list[str] = []
    """Validation set, a subset of ``develop``; every ``select_every``-th subject by default."""
    calibrate: list[str] = ["*"]
    """Patterns (``SC-*``) of the subjects of the validation set that the confidence is calibrated on."""

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
        unknown = sorted(set(self.select) - set(self.develop))
        if unknown:
            raise ValueError(f"subjects in select that are not in develop: {', '.join(unknown)}")
        for pattern in self.calibrate:
            if self.select and not any(matches(subject, [pattern]) for subject in self.select):
                raise ValueError(f"subjects.calibrate: {pattern} matches no subject of the validation set")
        if not self.train:
            raise ValueError("no subject to train on: name subjects in develop, or the table of prepare in split")
        return self

    @property
    def train(self) -> list[str]:
        """Subjects of ``develop`` that the automaton is trained on."""
        held = set(self.select)
        return [subject for subject in self.develop if subject not in held]

    @property
    def calibrated_on(self) -> list[str]:
        """Subjects of the validation set that the confidence is calibrated on."""
        return [subject for subject in self.select if matches(subject, self.calibrate)]


class BaseNetwork(Strict):
    """One kind of base network; ``members`` networks are trained, each on a random subset of subjects."""

    architecture: Literal["unet", "segresnet", "basicunet", "attentionunet"]
    channels: list[Count]
    subjects: Count
    among: list[str] = ["*"]
    """Patterns (``SC-*``) of the subjects of ``develop`` to draw from."""
    segments: list[str] = ["*"]
    """Patterns of the subjects to segment; subjects it was trained on are skipped."""
    members: Count = 1
    updates: Count
    snapshots: list[Fraction] = [1.0]
    """Fractions of the training at which failures are collected; early snapshots fail differently."""
    unseen: bool = False
    """Use its failures for testing only."""

    @model_validator(mode="after")
    def _snapshots_rise(self) -> BaseNetwork:
        if not self.snapshots or self.snapshots[0] == 0 or sorted(set(self.snapshots)) != self.snapshots:
            raise ValueError(
                f"snapshots {self.snapshots} must increase and be above 0; the last one is used for testing"
            )
        return self


class Base(Strict):
    """Training of the base networks."""

    spacing_mm: Positive = 1.5
    crop: Annotated[int, Field(ge=64, multiple_of=16)] = 128
    batch: Count = 16
    learning_rate: Positive = 2e-3
    redrawn: bool = False
    """Also segment the training subjects in a random contrast and train on these failures."""
    networks: dict[Name, BaseNetwork] = {}


class Predictions(Strict):
    """Names of external networks whose segmentations were imported by ``rncarefine-train prepare``."""

    train: list[str] = []
    """Used for training and validation."""
    test: list[str] = []
    """Used for testing; the same as ``train`` by default."""

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
    """Architecture and training of the automaton."""

    task: TaskName = "ring"
    """Closed ring, or thin structure of any topology (see :mod:`.automaton.tasks`)."""
    volumetric: bool = False
    """Cells also perceive the adjacent slices; a sample is then a stack of ``depth`` slices."""
    depth: Count = 1
    """Slices per sample: 1 for a slice-wise automaton, at least 2 for a volumetric one."""
    spacing_mm: Positive = 1.6
    size: Annotated[int, Field(ge=32, le=96, multiple_of=8)] = 96
    """Rows and columns of the crop; limited by the window that a sample is cut from (``samples.WINDOW_PIXELS``)."""
    channels: Annotated[int, Field(ge=4)] = 16
    hidden: Count = 48
    encoder: list[Count] = [24, 48, 96, 128, 128]
    fire_rate: Annotated[float, Field(gt=0, le=1)] = 0.5
    steps: Count = 16
    """Steps of a rollout at inference."""
    mask_weight: Fraction = 0.0
    """Weight of the evidence with masks (and blood pool) in the mean that a wall is read from; the evidence without
    them has the remaining weight. For rings only."""
    train_steps: tuple[Count, Count] = (8, 20)
    """Minimum and maximum number of steps of a training rollout."""
    batch: Count = 8
    buffer: Count = 128
    """Size of the replay buffer, from which the automaton learns to keep a finished state stable."""
    from_buffer: Fraction = 0.4
    """Share of a batch that is resumed from the replay buffer."""
    natural: Fraction = 0.6
    """Share of fresh samples from segmentations of a network; the others are damaged or unchanged truth."""
    already_right: Fraction = 0.08
    """Share of fresh samples with unchanged truth."""
    misled: Fraction = 0.08
    """Share of samples with a grossly wrong mask: displaced, of another structure, or far too thick or thin."""
    withheld: Annotated[float, Field(ge=0, le=0.86)] = 0.28
    """Share of samples without a mask."""
    redrawn: Fraction = 0.25
    """Share of samples whose image is synthesised from the labels in a random contrast, with scars."""
    late: Fraction = 0.5
    """Share of the synthesised images that imitate late gadolinium enhancement."""
    absent: Fraction = 0.05
    """Share of samples from slices without a true wall, beyond base or apex."""
    elsewhere: Fraction = 0.0
    """Share of samples whose window is centred off the heart; half of them keep the masks of the heart."""
    vanished: Fraction = 0.05
    """Probability that damage removes the wall of a slice completely."""
    spoiled: Fraction = 0.0
    """Share of samples in which the images of one or two adjacent slices are degraded by noise and motion ghosts."""
    inner_only: Fraction = 0.2
    """Share of samples from stacks with an inner contour only, also if completed, if there are any."""
    favoured: list[str] = []
    """Patterns of subjects to oversample, such as few real scans among many procedural hearts."""
    favour: Fraction = 0.0
    """Share of samples from ``favoured`` subjects."""
    without: list[Literal["image", "neighbours", "mask", "discs"]] = []
    """Ablations: input channels set to zero, or unsupervised discs."""
    start: Name | None = None
    """Model in the run's folder ``models`` that provides the initial weights."""
    warmup_updates: Annotated[int, Field(ge=0)] = 6000
    """Updates of the encoder alone, supervised through its evidence."""
    updates: Count = 2000
    learning_rate: Positive = 3e-3
    encoder_rate: Fraction = 0.1
    """Learning rate of the encoder after the warm-up, as a share of that of the update rule; 0 leaves it unchanged."""
    contrast: Fraction = 0.4
    """Strength of the intensity augmentation."""
    elastic: Fraction = 0.012
    """Standard deviation of the elastic deformation, as a fraction of half the crop."""
    inflated: Fraction = 0.0
    """Share of samples in which a ventricle, mostly the right one, is inflated or shrunk."""
    validate_every: Count = 400
    patience: Count | None = None
    """Stop after this many validations without a better gain of Dice; ``None`` trains to the end."""
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    """Lightning precision; bf16-mixed takes half the time on supported hardware. States stay in 32 bit."""

    @model_validator(mode="after")
    def _fits_together(self) -> Automaton:
        least, most = self.train_steps
        if least > most:
            raise ValueError(f"train_steps {self.train_steps}: the minimum is above the maximum")
        stride = 2 ** max(0, len(self.encoder) - 1)
        if not self.encoder or self.size % stride:
            raise ValueError(
                f"size {self.size} is not a multiple of {stride}, as {len(self.encoder)} encoder levels require"
            )
        if (self.depth > 1) != self.volumetric:
            raise ValueError(
                f"depth {self.depth}: a volumetric automaton needs at least 2 slices per sample, a slice-wise one "
                "exactly 1"
            )
        if self.task != "ring" and self.mask_weight:
            raise ValueError(f"mask_weight {self.mask_weight}: it is for the task ring, not {self.task}")
        if self.task != "ring" and "discs" in self.without:
            raise ValueError(f"without discs: the task {self.task} has no discs")
        total = self.warmup_updates + self.updates
        if self.validate_every > total:
            raise ValueError(f"validate_every {self.validate_every} exceeds the total of {total} updates")
        return self


class Document(Strict):
    """Base of configurations read from YAML files."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read and check a YAML configuration.

        The field ``extends`` names another file in the same folder, which provides all fields that are not given.

        Raises:
            ValueError: A field is missing, unknown or out of range; the message names file, field and reason.
        """
        try:
            values = _read_yaml(path)
            return cls.model_validate(values, context={"folder": path.parent})
        except ValidationError as error:
            raise ValueError(f"{path.name}: {explain(error, cls)}") from None
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ValueError(f"{path.name} is not YAML: {error}") from None


class Config(Document):
    """Configuration of a training, from cases to weights."""

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
                "there are no failures to train on: define base.networks, or list in predictions.train the networks "
                "whose segmentations were imported"
            )
        both = sorted({*self.predictions.train, *self.predictions.test} & set(self.base.networks))
        if both:
            raise ValueError(f"networks in both base.networks and predictions: {', '.join(both)}")
        if self.automaton.favour:
            if not self.automaton.favoured:
                raise ValueError("automaton.favour needs automaton.favoured: the subjects to oversample")
            for pattern in self.automaton.favoured:
                if not any(matches(subject, [pattern]) for subject in self.subjects.train):
                    raise ValueError(f"automaton.favoured: {pattern} matches no subject of the training set")
        return self

    @property
    def classes(self) -> int:
        """Number of classes of the task, including background."""
        return 4 if self.automaton.task == "ring" else 2

    def public(self) -> dict[str, Any]:
        """Return the configuration as plain values for a model card; for a table, subjects are only counted."""
        values = self.model_dump(mode="json")
        if self.subjects.split is not None:
            names = {"train": self.subjects.train, "select": self.subjects.select, "test": self.subjects.test}
            values["subjects"] = {"split": self.subjects.split} | {side: len(found) for side, found in names.items()}
        return values


def _read_yaml(path: Path, extending: tuple[Path, ...] = ()) -> object:
    """Read a YAML file and the files that it extends."""
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(values, dict) or "extends" not in values:
        return values
    other = path.parent / str(values.pop("extends"))
    if not other.is_file() or other in (path, *extending):
        raise ValueError(f"{path.name}: extends: {other.name} is {'no file' if not other.is_file() else 'circular'}")
    return _merged(_read_yaml(other, (path, *extending)), values)


def _merged(below: object, above: object) -> object:
    """Return the values of ``above``, completed by those of ``below``."""
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    return below | {name: _merged(below.get(name), value) for name, value in above.items()}


def _expand_names(value: object) -> object:
    """Expand ``{pattern: patient{:03d}, first: 1, last: 80}``, also inside a list, into the list of names."""
    if isinstance(value, dict):
        if set(value) != {"pattern", "first", "last"}:
            raise ValueError(
                f"subjects are a list of names, or pattern, first and last; not {', '.join(map(str, value))}"
            )
        try:
            return [value["pattern"].format(number) for number in range(value["first"], value["last"] + 1)]
        except (AttributeError, LookupError, TypeError):
            raise ValueError(
                "a range of subjects needs a pattern with one placeholder, such as patient{:03d}, and integers as "
                f"first and last; not {value}"
            ) from None
    if isinstance(value, list):
        expanded = (_expand_names(item) if isinstance(item, dict) else [item] for item in value)
        return [name for names in expanded for name in cast("list[object]", names)]
    return value
