"""Numbers about latencies: percentiles, and how sure a ratio is."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_DRAWS = 2_000


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that a share of the values do not exceed, between neighbours linearly.

    Args:
        values: At least one.
        share: From 0 to 1.
    """
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def mean(values: Sequence[float]) -> float:
    """Return the mean of at least one value."""
    return math.fsum(values) / len(values)


def bootstrap_bounds(
    groups: Mapping[str, Sequence[float]],
    weights: Mapping[str, float],
    *,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Return between which values the weighted mean lies.

    Groups are drawn anew by their weights, and values within each: questions of one kind are no
    independent witnesses (Davison and Hinkley, 1997, section 3.8).

    Args:
        groups: The values of each group.
        weights: How much each group counts.
        confidence: How sure to be.
        seed: What the draws depend on.
    """
    rng = random.Random(seed)  # noqa: S311 (statistics are no secret)
    names = sorted(name for name in groups if groups[name])
    shares = [weights[name] for name in names]
    means = sorted(_drawn_mean(names, groups, shares, rng) for _ in range(_DRAWS))
    tail = (1 - confidence) / 2
    return percentile(means, tail), percentile(means, 1 - tail)


def _drawn_mean(
    names: Sequence[str],
    groups: Mapping[str, Sequence[float]],
    weights: Sequence[float],
    rng: random.Random,
) -> float:
    drawn = rng.choices(names, weights, k=len(names))
    return mean([mean(rng.choices(groups[name], k=len(groups[name]))) for name in drawn])
