"""`LayoutExplorer`: finds a better layout for a dataset, and keeps it if it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.tuning.candidates.proposing import RULES
from parquetry.tuning.loop import tune_table
from parquetry.tuning.round import Aim
from parquetry.tuning.tools import Tools

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.tuning.candidates.proposing import Rule
    from parquetry.tuning.config import Config
    from parquetry.tuning.metadata.store import MetadataStore
    from parquetry.tuning.query_log import QueryLogger
    from parquetry.tuning.records import JobMode, Role
    from parquetry.tuning.rewriting.task import Rewriter
    from parquetry.tuning.round import Round


class LayoutExplorer:
    """Goes through the loop of tuning for the datasets of `config.data_dir`.

    Args:
        config: The settings.
        metadata_store: What is remembered, the logged questions among it.
        query_logger: What logs the questions of this process, to be written before they are looked at.
        rules: How candidates are found.
        rewriter: Who writes rows in a layout; this process, if left out.
    """

    def __init__(
        self,
        config: Config,
        metadata_store: MetadataStore,
        query_logger: QueryLogger | None = None,
        *,
        rules: Sequence[Rule] = RULES,
        rewriter: Rewriter | None = None,
    ) -> None:
        self._tools = Tools(config, metadata_store, query_logger, rules, rewriter)

    def optimize_table(
        self, table: str, *, role: Role = "replica", mode: JobMode = "full"
    ) -> Round:
        """Write the layout that is predicted to be fastest for what was asked, and keep it if it is.

        **Guarantees:** answers never change, and the dataset is whole whatever happens in between.

        **Cost:** footers, a sample, and one rewriting of the dataset.

        Args:
            table: The dataset.
            role: Whether the dataset's own folder gets the layout, or files beside it.
            mode: All at once, or a few files at a time.

        Raises:
            NotFoundError: There is no such dataset.
        """
        return tune_table(table, self._tools, Aim(is_asked=True, role=role, mode=mode))

    def tune_table(self, table: str, *, mode: JobMode = "full", waits: bool = True) -> Round:
        """Move a dataset to another layout if that would have paid already.

        Args:
            table: The dataset.
            mode: All at once, or a few files at a time.
            waits: Whether a migration is carried out here; otherwise it is left to a worker.

        Raises:
            NotFoundError: There is no such dataset.
        """
        role: Role = "active" if self._tools.config.max_replicas == 0 else "replica"
        return tune_table(table, self._tools, Aim(role=role, mode=mode, waits=waits))
