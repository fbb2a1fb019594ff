"""Who watches questions: a logger and a router that share a policy, which learns from what is logged."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from parquetry.tuning.bandits.choosing import make_bandit
from parquetry.tuning.bandits.learning import learn_from
from parquetry.tuning.bandits.shared import SharedPolicy
from parquetry.tuning.query_log import QueryLogger
from parquetry.tuning.questions.clustering import Classifier
from parquetry.tuning.routing.router import ReplicaRouter

if TYPE_CHECKING:
    from collections.abc import Callable

    from parquetry.access.observing import Observation
    from parquetry.tuning.config import Config
    from parquetry.tuning.metadata.store import MetadataStore


@dataclass(frozen=True, slots=True)
class Watchers:
    """A logger and a router for the same questions, and the policy by which these are routed."""

    logger: QueryLogger
    router: ReplicaRouter
    policy: SharedPolicy


def make_watchers(
    config: Config,
    open_metadata: Callable[[], MetadataStore],
    told: Callable[[Observation], None] | None = None,
) -> Watchers:
    """Return who logs questions and who routes them, by the bandit of the settings.

    When the database is opened the bandit learns from the questions of one window, and then from each
    that is written.

    Args:
        config: The settings.
        open_metadata: Opens the database when the first question is written.
        told: Is told of each question as well, in the caller's thread.
    """
    policy = SharedPolicy(make_bandit(config.bandit, config.exploration_rate))
    classifier = Classifier()

    def opened() -> MetadataStore:
        metadata = open_metadata()
        since = dt.datetime.now(dt.UTC) - dt.timedelta(hours=config.window_hours)
        learn_from(policy, metadata.queries(since=since))
        return metadata

    logger = QueryLogger(
        opened,
        classifier=classifier,
        learner=lambda queries: learn_from(policy, queries),
        told=told,
        buffer_rows=config.log_buffer_rows,
        buffer_seconds=config.log_buffer_seconds,
    )
    router = ReplicaRouter(
        policy,
        own_layout=logger.own_layout,
        cluster_of=classifier.cluster_of,
        seed=config.seed,
    )
    return Watchers(logger, router, policy)
