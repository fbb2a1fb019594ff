"""Questions that are answered from the layout that is thought fastest, which is learned from the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.tuning.executor import QueryExecutor
from parquetry.tuning.watchers import make_watchers

if TYPE_CHECKING:
    from collections.abc import Callable

    from parquetry.access.observing import Observation
    from parquetry.tuning.config import Config
    from parquetry.tuning.metadata.store import MetadataStore


def routed_executor(
    config: Config,
    metadata: MetadataStore,
    told: Callable[[Observation], None] | None = None,
) -> QueryExecutor:
    """Return an executor whose questions are routed by a bandit that knows the log.

    Args:
        config: The settings.
        metadata: Where questions are logged.
        told: Is told of each question as well.

    Raises:
        NotFoundError: There is no folder of datasets.
    """
    watchers = make_watchers(config, lambda: metadata, told)
    watchers.logger.prepare()
    return QueryExecutor(config, metadata, watchers.logger, router=watchers.router)
