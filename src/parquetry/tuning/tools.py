"""What the steps of the loop work with; one's own extensions are handed in here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from parquetry.errors import NotFoundError, did_you_mean
from parquetry.storage.local import LocalStorage
from parquetry.store import Store
from parquetry.tuning.candidates.proposing import RULES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.dataset import Dataset
    from parquetry.storage.protocol import Storage
    from parquetry.tuning.candidates.proposing import Rule
    from parquetry.tuning.config import Config
    from parquetry.tuning.metadata.store import MetadataStore
    from parquetry.tuning.query_log import QueryLogger
    from parquetry.tuning.rewriting.task import Rewriter


@dataclass(frozen=True, slots=True)
class Tools:
    """What the steps of the loop work with.

    Args:
        config: The settings.
        metadata: What is remembered.
        logger: What logs the questions of this process, to be written before they are looked at.
        rules: How candidates are found.
        rewriter: Who writes rows in a layout; this process, if left out.
        storage: The disk.
    """

    config: Config
    metadata: MetadataStore
    logger: QueryLogger | None = None
    rules: Sequence[Rule] = RULES
    rewriter: Rewriter | None = None
    storage: Storage = field(default_factory=LocalStorage)

    def dataset(self, table: str) -> Dataset:
        """Return a dataset that is there.

        Raises:
            NotFoundError: It is not.
        """
        store = Store(self.config.data_dir, create=False)
        names = store.datasets()
        if table not in names:
            raise NotFoundError(
                f"There is no dataset {table!r} in {store.path}.{did_you_mean(table, names)} Its "
                f"datasets are: {', '.join(names) or '(none)'}. Nothing was changed.",
                path=f"{store.path}/{table}",
            )
        return store.dataset(table)

    def observe(self) -> None:
        """Write what this process has asked and not logged yet."""
        if self.logger is not None:
            self.logger.flush()
