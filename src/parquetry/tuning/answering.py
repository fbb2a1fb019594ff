"""Questions answered from the layout that is thought fastest, which learns from how long they take."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from parquetry.model.layouts import INITIAL
from parquetry.tuning.bandits.learning import learned_bandit
from parquetry.tuning.executor import QueryExecutor
from parquetry.tuning.query_log import QueryLogger
from parquetry.tuning.questions.clustering import Classifier
from parquetry.tuning.routing.router import ReplicaRouter

if TYPE_CHECKING:
    from collections.abc import Callable

    from parquetry.access.observing import Observation, Question
    from parquetry.tuning.bandits.policy import Policy
    from parquetry.tuning.config import Config
    from parquetry.tuning.metadata.store import MetadataStore

_REMEMBERED = 4_096


class Kinds:
    """The kind of each question, told when it is routed and remembered until it is answered.

    Args:
        classifier: What tells the kind.
    """

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        self._known: dict[str, str] = {}

    def of(self, question: Question) -> str:
        """Return the kind of a question that is about to be answered."""
        kind = self._known.get(question.text)
        if kind is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            kind = self._known[question.text] = self._classifier.cluster_of(question)
        return kind

    def find(self, observation: Observation) -> str | None:
        """Return the kind of a question that was answered, None if nobody routed it."""
        return self._known.get(observation.text)


class LearningLogger(QueryLogger):
    """A logger that lets a policy learn from each question as well.

    Args:
        metadata: Where questions are logged.
        policy: Who learns.
        kinds: The kinds of questions.
        config: The settings.
        told: Is told of each question, too.
    """

    def __init__(
        self,
        metadata: MetadataStore,
        policy: Policy,
        kinds: Kinds,
        config: Config,
        told: Callable[[Observation], None] | None = None,
    ) -> None:
        super().__init__(
            metadata,
            buffer_rows=config.log_buffer_rows,
            buffer_seconds=config.log_buffer_seconds,
        )
        self.policy = policy
        self._kinds = kinds
        self._told = told

    def observed(self, observation: Observation) -> None:
        """Take note of a question."""
        super().observed(observation)
        kind = self._kinds.find(observation)
        if kind is not None:
            for read in observation.datasets:
                self.policy.learn(
                    read.name,
                    kind,
                    read.layout,
                    read.predicted_seconds,
                    observation.stats.latency_seconds,
                )
        if self._told is not None:
            self._told(observation)


def routed_executor(
    config: Config,
    metadata: MetadataStore,
    told: Callable[[Observation], None] | None = None,
) -> QueryExecutor:
    """Return an executor whose questions are routed by a bandit that knows the log.

    The bandit is that of the settings. It has learned from the questions of one window, and goes on
    learning; it explores at most at the settings' rate.

    Args:
        config: The settings.
        metadata: Where questions are logged.
        told: Is told of each question as well.

    Raises:
        NotFoundError: There is no folder of datasets.
    """
    since = dt.datetime.now(dt.UTC) - dt.timedelta(hours=config.window_hours)
    policy = learned_bandit(config, metadata.queries(since=since))
    own = {
        record.table: record.layout_id
        for record in metadata.layouts()
        if record.role == "active" and record.state == "ready"
    }
    kinds = Kinds(Classifier())
    router = ReplicaRouter(
        policy,
        own_layout=lambda table: own.get(table, INITIAL),
        cluster_of=kinds.of,
        seed=config.seed,
    )
    logger = LearningLogger(metadata, policy, kinds, config, told)
    return QueryExecutor(config, metadata, logger, router=router)
