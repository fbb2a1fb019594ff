"""What a bandit can know from the log alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.tuning.bandits.choosing import make_bandit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from parquetry.tuning.bandits.exploring import Bandit
    from parquetry.tuning.bandits.policy import Policy
    from parquetry.tuning.config import Config
    from parquetry.tuning.records import LoggedQuery


def learned_bandit(config: Config, queries: Iterable[LoggedQuery]) -> Bandit:
    """Return the bandit of the settings, which has learned from logged questions, oldest first."""
    bandit = make_bandit(config.bandit, config.exploration_rate)
    learn_from(bandit, queries)
    return bandit


def learn_from(policy: Policy, queries: Iterable[LoggedQuery]) -> None:
    """Let a policy learn from logged questions.

    A question that read several datasets says of each of them only that all of them together took so
    long; it counts for those that could have been read otherwise.
    """
    for query in queries:
        for scan in query.scans:
            policy.learn(
                scan.table,
                query.cluster_id,
                scan.layout,
                scan.predicted_seconds,
                query.latency_ms / 1000,
            )
