"""What all bandits have in common: exploit what is thought fastest, explore seldom and near it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from parquetry.errors import ParameterError
from parquetry.tuning.bandits.evidence import Evidence, log_seconds
from parquetry.tuning.bandits.policy import CLEARLY, Choice

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from parquetry.tuning.bandits.policy import Option

NEAR = 1.5
"""Only layouts predicted to take at most so many times the shortest are explored."""
CLEAR_GAIN = -math.log(CLEARLY)
"""By how much, in logarithms, another layout must be faster than the first, the dataset's own."""
_DOUBT = 2  # observations that a prediction counts for


class Bandit(ABC):
    """Chooses the layout that is thought fastest; explores others at most at a given rate.

    **Guarantees:** of n questions to a table, at most `exploration_rate` · n are explorations, at every
    n; a layout that is predicted to take over 1.5 times the shortest is never explored. The same
    questions, options, latencies and seed give the same choices.

    Args:
        exploration_rate: From 0, which never explores, to 1.

    Raises:
        ParameterError: The rate is no share.
    """

    name = ""

    def __init__(self, exploration_rate: float) -> None:
        if not 0 <= exploration_rate <= 1:
            raise ParameterError(
                f"exploration_rate={exploration_rate}: expected a share from 0 to 1. Nothing was run."
            )
        self.exploration_rate = exploration_rate
        self._residuals: dict[tuple[str, str | None, str], Evidence] = {}
        self._latencies: dict[tuple[str, str | None, str], Evidence] = {}
        self._asked: dict[str, int] = {}
        self._explored: dict[str, int] = {}

    def choose(
        self,
        table: str,
        cluster_id: str | None,
        options: Sequence[Option],
        rng: random.Random,
    ) -> Choice:
        """Return which of the options answers a question of a kind; see `Policy.choose`."""
        asked = self._asked[table] = self._asked.get(table, 0) + 1
        if len(options) == 1:
            only = options[0].layout
            return Choice(only, is_exploration=False, reason="the only layout there is")
        expected = [self.expected(table, cluster_id, option) for option in options]
        first = _best(expected)
        best = options[first]
        explored = self._explored.get(table, 0)
        may_explore = explored + 1 <= self.exploration_rate * asked
        if may_explore and rng.random() < self.exploration_rate:
            near = _near(options)
            tried, why = (
                (best, "") if near == [best] else self.try_one(table, cluster_id, near, rng)
            )
            if tried.layout != best.layout:
                self._explored[table] = explored + 1
                return Choice(tried.layout, is_exploration=True, reason=why)
        others = [number for number in range(len(options)) if number != first]
        second = min(others, key=expected.__getitem__)
        reason = (
            f"expected fastest: {self._told(table, cluster_id, expected[first], best)}; next "
            f"{options[second].layout}: "
            f"{self._told(table, cluster_id, expected[second], options[second])}"
        )
        return Choice(best.layout, is_exploration=False, reason=reason)

    def learn(
        self,
        table: str,
        cluster_id: str | None,
        layout: str,
        predicted_seconds: float | None,
        latency_seconds: float,
    ) -> None:
        """Take note of how long a layout took; see `Policy.learn`."""
        arm = (table, cluster_id, layout)
        latency = log_seconds(latency_seconds)
        self._latencies.setdefault(arm, Evidence()).add(latency)
        if predicted_seconds is not None:
            off = latency - log_seconds(predicted_seconds)
            self._residuals.setdefault(arm, Evidence()).add(off)

    @abstractmethod
    def try_one(
        self,
        table: str,
        cluster_id: str | None,
        options: Sequence[Option],
        rng: random.Random,
    ) -> tuple[Option, str]:
        """Return the option that is worth a try, and why."""

    def expected(self, table: str, cluster_id: str | None, option: Option) -> float:
        """Return the logarithm of how long an option is thought to take."""
        prior, seen = self.seen(table, cluster_id, option)
        return prior + seen.mean * seen.count / (seen.count + _DOUBT)

    def seen(self, table: str, cluster_id: str | None, option: Option) -> tuple[float, Evidence]:
        """Return the logarithm of what was predicted, and what was seen of how far that is off.

        Where latencies were seen without predictions, they are compared with the present one.
        """
        arm = (table, cluster_id, option.layout)
        prior = log_seconds(option.predicted_seconds)
        if option.predicted_seconds is not None and arm in self._residuals:
            return prior, self._residuals[arm]
        latencies = self._latencies.get(arm, Evidence())
        if not latencies.count:
            return prior, latencies
        return prior, Evidence(latencies.count, latencies.mean - prior, latencies.variance)

    def _told(self, table: str, cluster_id: str | None, logarithm: float, option: Option) -> str:
        _, seen = self.seen(table, cluster_id, option)
        expected = milliseconds(math.exp(logarithm))
        if option.predicted_seconds is None:
            return f"{expected} over {seen.count:,} queries" if seen.count else "nothing known"
        predicted = milliseconds(option.predicted_seconds)
        if not seen.count:
            return f"{predicted} predicted, not tried yet"
        return f"{expected} ({predicted} predicted, {seen.count:,} queries seen)"


def _best(expected: Sequence[float]) -> int:
    """Return the number of the option that is thought fastest; the first where that is no clear gain."""
    best = min(range(len(expected)), key=expected.__getitem__)
    return best if expected[0] - expected[best] > CLEAR_GAIN else 0


def milliseconds(seconds: float) -> str:
    """Return a time as people read it."""
    return f"{seconds * 1000:.3g} ms"


def _near(options: Sequence[Option]) -> list[Option]:
    """Return the options that may be explored: all whose prediction is near the shortest."""
    known = [o.predicted_seconds for o in options if o.predicted_seconds is not None]
    limit = NEAR * min(known, default=math.inf)
    return [o for o in options if o.predicted_seconds is None or o.predicted_seconds <= limit]
