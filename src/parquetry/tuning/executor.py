"""`QueryExecutor`: SQL over a folder of datasets, with every query logged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parquetry.store import Store
from parquetry.tuning.query_log import QueryLogger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parquetry.access.observing import Router
    from parquetry.access.results import QueryResult
    from parquetry.tuning.config import Config
    from parquetry.tuning.metadata.store import MetadataStore


class QueryExecutor:
    """Runs SQL over the datasets of `config.data_dir` and logs every query.

    Args:
        config: The settings.
        metadata_store: Where queries are logged.
        query_logger: What logs them; one with the settings' buffer if left out.
        router: Knows better files for a query than a dataset's own; without one, those are read.

    Raises:
        NotFoundError: The folder does not exist.
    """

    def __init__(
        self,
        config: Config,
        metadata_store: MetadataStore,
        query_logger: QueryLogger | None = None,
        *,
        router: Router | None = None,
    ) -> None:
        self.query_logger = query_logger or QueryLogger(
            metadata_store,
            buffer_rows=config.log_buffer_rows,
            buffer_seconds=config.log_buffer_seconds,
        )
        self.store = Store(config.data_dir, create=False, observer=self.query_logger, router=router)

    def run_query(
        self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None
    ) -> QueryResult:
        """Return the answer to a query; `Store.sql` says what is guaranteed and raised."""
        return self.store.sql(sql, parameters)

    def flush(self) -> None:
        """Write what is not logged yet.

        Raises:
            ParquetryError: The metadata database cannot be written.
        """
        self.query_logger.flush()
