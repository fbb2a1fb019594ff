"""What a tuned store does with each question that was answered."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.access.observing import Observation
    from parquetry.tuning.query_log import QueryLogger


class TunedObserver:
    """Logs the questions that read one of some datasets.

    Args:
        logger: Where to.
        tables: The datasets; None for all.
    """

    def __init__(self, logger: QueryLogger, tables: Sequence[str] | None = None) -> None:
        self.logger = logger
        self._tables = None if tables is None else frozenset(tables)

    def observed(self, observation: Observation) -> None:
        """Take note of a question."""
        if self._tables is not None:
            reads = tuple(read for read in observation.datasets if read.name in self._tables)
            if len(reads) != len(observation.datasets):
                observation = replace(observation, datasets=reads)
        self.logger.observed(observation)
