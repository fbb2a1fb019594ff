"""What a tuned store does with each question: it is answered from the best layout, and logged."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.access.observing import Observation, Question, Route, Router
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


class TunedRouter:
    """Reroutes the questions to some datasets.

    Args:
        router: Who knows the layouts.
        tables: The datasets; None for all.
    """

    def __init__(self, router: Router, tables: Sequence[str] | None = None) -> None:
        self._router = router
        self._tables = None if tables is None else frozenset(tables)

    def route(self, question: Question) -> Route | None:
        """Return the files to read, or None for the dataset's own."""
        if self._tables is not None and question.source.home.name not in self._tables:
            return None
        return self._router.route(question)

    def failed(self, question: Question, route: Route) -> None:
        """Take note that files of a route could not be read."""
        self._router.failed(question, route)
