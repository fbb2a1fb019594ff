"""A policy that threads share: one chooses while another one lets it learn."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from parquetry.tuning.bandits.policy import Choice, Option, Policy


class SharedPolicy:
    """Lets one thread at a time use a policy.

    Args:
        policy: The policy.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._guard = Lock()

    def choose(
        self, table: str, cluster_id: str | None, options: Sequence[Option], rng: random.Random
    ) -> Choice:
        """Return which of the options answers a question of a kind."""
        with self._guard:
            return self._policy.choose(table, cluster_id, options, rng)

    def learn(
        self,
        table: str,
        cluster_id: str | None,
        layout: str,
        predicted_seconds: float | None,
        latency_seconds: float,
    ) -> None:
        """Take note of how long a layout took to answer a question of a kind."""
        with self._guard:
            self._policy.learn(table, cluster_id, layout, predicted_seconds, latency_seconds)
