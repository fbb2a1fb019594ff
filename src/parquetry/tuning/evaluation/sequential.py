"""A test that may be looked at after every question: has a layout become slower than it was?

The mixture sequential probability ratio test (Robbins, 1970; Johari and others, 2017): the likelihood
of "slower by some factor", mixed over factors, against "as fast". Whenever it is looked at, and
however often, it cries wolf with at most the chance that is given.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Verdict: TypeAlias = Literal["slower", "undecided"]
_MIXED = 0.2  # spread of the logarithms of factors that are thought possible
_LEAST = 10  # questions before which the spread is not known
_LEAST_VARIANCE = 1e-4


@dataclass(frozen=True, slots=True)
class Watch:
    """What was seen so far: the running mean and variance of logarithms of latency ratios.

    Args:
        count: Questions.
        mean: The mean of `ln(latency / expected latency)`.
        squares: The sum of squared differences from it.
        is_slower: Whether the layout was ever found slower; that stays.
    """

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    is_slower: bool = False

    def after(self, log_ratio: float, alpha: float = 0.01) -> Watch:
        """Return the state after one more question.

        Args:
            log_ratio: `ln(latency / expected latency)` of the question.
            alpha: The chance that a layout that is as fast as expected is ever called slower.
        """
        count = self.count + 1
        difference = log_ratio - self.mean
        mean = self.mean + difference / count
        squares = self.squares + difference * (log_ratio - mean)
        found = self.is_slower or _log_evidence(count, mean, squares) >= math.log(1 / alpha)
        return Watch(count, mean, squares, found)

    @property
    def verdict(self) -> Verdict:
        """What can be said."""
        return "slower" if self.is_slower else "undecided"

    def describe(self) -> str:
        """Return the state for people."""
        if not self.count:
            return "not watched yet"
        factor = f"{math.exp(self.mean):.2f} times what was expected over {self.count:,} queries"
        return f"slower: {factor}" if self.is_slower else factor

    def to_json(self) -> dict[str, Any]:
        """Return the state as plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any] | None) -> Watch:
        """Return the state of plain values; nothing is the beginning."""
        return cls(**document) if document else cls()


def _log_evidence(count: int, mean: float, squares: float) -> float:
    """Return the logarithm of the likelihood ratio, minus infinity while nothing speaks for slower."""
    if count < _LEAST or mean <= 0:
        return -math.inf
    variance = max(squares / (count - 1), _LEAST_VARIANCE)
    mixed = _MIXED**2
    spread = variance + count * mixed
    return 0.5 * math.log(variance / spread) + count**2 * mixed * mean**2 / (2 * variance * spread)
