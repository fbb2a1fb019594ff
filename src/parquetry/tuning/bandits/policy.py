"""What a routing policy is asked, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence


CLEARLY = 0.9
"""Predictions may be off by a tenth: the dataset's own layout stays unless another one takes less than
this share of its time."""


@dataclass(frozen=True, slots=True)
class Option:
    """A layout that can answer the question now, and how long that should take, if that is known."""

    layout: str
    predicted_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """The layout that answers.

    Args:
        layout: Its name.
        is_exploration: Whether another one was thought to be faster, and this one is to be learned of.
        reason: Why, in a sentence for people.
    """

    layout: str
    is_exploration: bool
    reason: str


class Policy(Protocol):
    """Somebody who chooses among layouts; an extension point."""

    def choose(
        self,
        table: str,
        cluster_id: str | None,
        options: Sequence[Option],
        rng: random.Random,
    ) -> Choice:
        """Return which of the options answers a question of a kind.

        Args:
            table: The dataset.
            cluster_id: The kind of question.
            options: At least one.
            rng: The only source of chance.
        """

    def learn(
        self,
        table: str,
        cluster_id: str | None,
        layout: str,
        predicted_seconds: float | None,
        latency_seconds: float,
    ) -> None:
        """Take note of how long a layout took to answer a question of a kind."""


class LearnsNothing:
    """What a policy inherits that chooses without having learned."""

    def learn(self, *_: Any, **__: Any) -> None:
        """Learn nothing."""
