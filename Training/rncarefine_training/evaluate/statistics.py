"""Estimates with confidence intervals. The bootstrap draws subjects, since slices of a subject are correlated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest, rankdata, wilcoxon

Values = NDArray[np.float64]
DRAWS = 2000
MIN_SUBJECTS = 5
"""Minimum number of subjects for a bootstrap interval."""


@dataclass(frozen=True)
class Interval:
    """A proportion of independent samples with its 95 % Wilson interval; for slices see :func:`proportion`."""

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


@dataclass(frozen=True)
class Estimate:
    """Estimate with its 95 % bootstrap interval over subjects; bounds are nan for too few subjects."""

    value: float
    low: float
    high: float
    n: int
    """Slices."""
    subjects: int

    def columns(self, name: str, of_bounds: str | None = None) -> dict[str, float]:
        """Return estimate and bounds as columns of a table; ``of_bounds`` is the prefix of the bounds."""
        start = f"{name} " if of_bounds is None else of_bounds
        return {name: self.value, f"{start}low": self.low, f"{start}high": self.high}

    @property
    def percent(self) -> str:
        """The estimate in percent, with its interval if there is one."""
        bounds = f" ({100 * self.low:.1f}-{100 * self.high:.1f})" if np.isfinite(self.low) else ""
        return f"{100 * self.value:.1f} %{bounds}"


def mean(values: ArrayLike, subjects: ArrayLike) -> Estimate:
    """Return the mean, ignoring nan."""
    numbers, owners = _complete(subjects, values)
    return bootstrap(owners, lambda weights: weights @ numbers / weights.sum(1))


def proportion(hits: ArrayLike, subjects: ArrayLike) -> Estimate:
    """Return the share of hits; if all are hits, or none, there is no interval, since all draws are the same."""
    found = mean(hits, subjects)
    return found if 0 < found.value < 1 else replace(found, low=float("nan"), high=float("nan"))


def relative_change(before: ArrayLike, after: ArrayLike, subjects: ArrayLike) -> Estimate:
    """Return the relative change of the mean (-0.2: 20 % less), ignoring pairs with nan."""
    first, second, owners = _complete(subjects, before, after)
    return bootstrap(owners, lambda weights: weights @ second / (weights @ first) - 1)


def bootstrap(
    subjects: NDArray[np.generic], statistic: Callable[[Values], Values], draws: int = DRAWS, seed: int = 0
) -> Estimate:
    """Estimate a statistic with its percentile bootstrap interval over subjects.

    Args:
        subjects: Subject of each slice, shape ``(n,)``.
        statistic: Function from weights of the slices, shape ``(draws, n)``, to values, shape ``(draws,)``.
        draws: Number of bootstrap samples.
        seed: Random seed.
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
    """Paired comparison of two methods; positive gains favour the first."""

    gain: Estimate
    better: float
    """Share of the slices in which the first is better."""
    p: float
    """Wilcoxon signed-rank test over slices."""
    p_subjects: float
    """Wilcoxon signed-rank test over the means of subjects, which are independent."""
    effect: float
    """Matched-pairs rank-biserial correlation (Kerby 2014): -1 to 1, 0 no difference."""


def paired(gains: ArrayLike, subjects: ArrayLike) -> Paired:
    """Test whether gains differ from 0.

    Args:
        gains: Difference per slice, nan if one of the methods has no value; shape ``(n,)``.
        subjects: Subject of each slice, same shape.
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
    """Return the p-value of the Wilcoxon signed-rank test; 1 if all gains are 0."""
    return float(wilcoxon(gains).pvalue) if len(gains) and gains.any() else 1.0


def rank_biserial(gains: Values) -> float:
    """Return the matched-pairs rank-biserial correlation; ties are dropped."""
    differing = gains[gains != 0]
    if not len(differing):
        return 0.0
    ranks = rankdata(np.abs(differing))
    return float((ranks * np.sign(differing)).sum() / ranks.sum())


def _complete(subjects: ArrayLike, *columns: ArrayLike) -> tuple[NDArray, ...]:
    """Return columns and subjects without the slices that have a nan."""
    arrays = [np.asarray(column, np.float64) for column in columns]
    known = np.isfinite(arrays).all(axis=0)
    return (*(array[known] for array in arrays), np.asarray(subjects, str)[known])
