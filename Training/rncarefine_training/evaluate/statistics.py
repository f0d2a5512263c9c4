"""Estimates with their uncertainty. Slices of one subject are alike, so the bootstrap draws subjects, not slices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest, rankdata, wilcoxon

Values = NDArray[np.float64]
DRAWS = 2000
MIN_SUBJECTS = 5
"""With fewer subjects the bootstrap gives no interval."""


@dataclass(frozen=True)
class Interval:
    """A proportion with its 95 % Wilson interval."""

    hits: int
    n: int

    @property
    def share(self) -> float:
        """Hits / n; nan if n is 0."""
        return self.hits / self.n if self.n else float("nan")

    @property
    def bounds(self) -> tuple[float, float]:
        """Lower and upper bound (Wilson 1927)."""
        if not self.n:
            return 0.0, 1.0
        interval = binomtest(self.hits, self.n).proportion_ci(method="wilson")
        return float(interval.low), float(interval.high)

    def __str__(self) -> str:
        low, high = self.bounds
        return f"{100 * self.share:.1f} % ({100 * low:.1f}-{100 * high:.1f})"


@dataclass(frozen=True)
class Estimate:
    """A number with the 95 % bootstrap interval over subjects; nan where there are too few subjects."""

    value: float
    low: float
    high: float
    n: int
    """Slices."""
    subjects: int

    def columns(self, name: str, of_bounds: str | None = None) -> dict[str, float]:
        """Return the number and its bounds as columns of a table; ``of_bounds`` begins the names of the bounds."""
        start = f"{name} " if of_bounds is None else of_bounds
        return {name: self.value, f"{start}low": self.low, f"{start}high": self.high}


def mean(values: ArrayLike, subjects: ArrayLike) -> Estimate:
    """Return the mean of what is not nan."""
    numbers, owners = _complete(subjects, values)
    return bootstrap(owners, lambda weights: weights @ numbers / weights.sum(1))


def relative_change(before: ArrayLike, after: ArrayLike, subjects: ArrayLike) -> Estimate:
    """Return the relative change of a mean (-0.2: a fifth less), where both numbers are known."""
    first, second, owners = _complete(subjects, before, after)
    return bootstrap(owners, lambda weights: weights @ second / (weights @ first) - 1)


def bootstrap(
    subjects: NDArray[np.generic], statistic: Callable[[Values], Values], draws: int = DRAWS, seed: int = 0
) -> Estimate:
    """Estimate a statistic and draw subjects with replacement for its interval (percentiles).

    Args:
        subjects: Whose each slice is, shape ``(n,)``.
        statistic: From weights of the slices, shape ``(draws, n)``, to numbers, shape ``(draws,)``.
        draws: How often to draw.
        seed: Decides the draws.
    """
    names, owner = np.unique(subjects, return_inverse=True)
    if not len(names):
        return Estimate(float("nan"), float("nan"), float("nan"), 0, 0)
    value = float(statistic(np.ones((1, len(owner))))[0])
    if len(names) < MIN_SUBJECTS:
        return Estimate(value, float("nan"), float("nan"), len(owner), len(names))
    counts = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), draws)
    drawn = statistic(counts[:, owner].astype(np.float64))
    drawn = drawn[np.isfinite(drawn)]
    low, high = np.percentile(drawn, [2.5, 97.5]) if len(drawn) else (float("nan"), float("nan"))
    return Estimate(value, float(low), float(high), len(owner), len(names))


@dataclass(frozen=True)
class Paired:
    """Two methods compared on the same slices; positive: the first is better."""

    gain: Estimate
    better: float
    """Share of the slices in which the first is better."""
    p: float
    """Wilcoxon signed-rank test over slices."""
    p_subjects: float
    """The same over the subjects' means, which are independent."""
    effect: float
    """Matched-pairs rank-biserial correlation (Kerby 2014): -1 to 1, 0 no difference."""


def paired(gains: ArrayLike, subjects: ArrayLike) -> Paired:
    """Test whether gains differ from 0.

    Args:
        gains: One number per slice, nan where one of the two methods has none.
        subjects: Whose slice it is.
    """
    numbers, owners = _complete(subjects, gains)
    by_subject = np.array([numbers[owners == name].mean() for name in np.unique(owners)])
    return Paired(
        mean(numbers, owners),
        float((numbers > 0).mean()) if len(numbers) else float("nan"),
        signed_rank(numbers),
        signed_rank(by_subject),
        rank_biserial(numbers),
    )


def signed_rank(gains: Values) -> float:
    """Return the p-value of the Wilcoxon signed-rank test; 1 where nothing differs."""
    return float(wilcoxon(gains).pvalue) if len(gains) and gains.any() else 1.0


def rank_biserial(gains: Values) -> float:
    """Return how much more the ranks of the gains weigh than those of the losses, as a share of all; ties dropped."""
    differing = gains[gains != 0]
    if not len(differing):
        return 0.0
    ranks = rankdata(np.abs(differing))
    return float((ranks * np.sign(differing)).sum() / ranks.sum())


def _complete(subjects: ArrayLike, *columns: ArrayLike) -> tuple[NDArray, ...]:
    """Return the columns, and the subjects last, without the slices in which a number is missing."""
    arrays = [np.asarray(column, np.float64) for column in columns]
    known = np.isfinite(arrays).all(axis=0)
    return (*(array[known] for array in arrays), np.asarray(subjects, str)[known])
