"""What was seen of a layout for one kind of question, in four numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

_MEMORY = 500  # observations after which old ones fade
_SPREAD = 0.5  # of logarithms of latencies, until two were seen
_LEAST_SPREAD = 0.05
_LEAST_SECONDS = 1e-6


@dataclass(slots=True)
class Evidence:
    """The running mean and spread of a logarithm; after 500 observations old ones fade.

    Args:
        count: How many were seen.
        mean: Their mean.
        variance: Their variance.
    """

    count: int = 0
    mean: float = 0.0
    variance: float = 0.0

    def add(self, value: float) -> None:
        """Take one more into account."""
        self.count += 1
        weight = 1 / min(self.count, _MEMORY)
        difference = value - self.mean
        self.mean += weight * difference
        self.variance = (1 - weight) * (self.variance + weight * difference * difference)

    @property
    def spread(self) -> float:
        """How far single observations lie from the mean."""
        if self.count <= 1:
            return _SPREAD
        return max(_LEAST_SPREAD, math.sqrt(self.variance * self.count / (self.count - 1)))


def log_seconds(seconds: float | None) -> float:
    """Return the logarithm of a time, 0 for one that is not known."""
    return 0.0 if seconds is None else math.log(max(seconds, _LEAST_SECONDS))
