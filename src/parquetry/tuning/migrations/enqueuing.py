"""A migration asked for: checked against the dataset, then queued."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.commits.home import Home
from parquetry.operations.surveying import take_survey
from parquetry.storage.local import LocalStorage
from parquetry.tuning.records import MigrationJob
from parquetry.tuning.rewriting.row_order import RowOrder

if TYPE_CHECKING:
    from parquetry.model.layouts import Layout
    from parquetry.storage.protocol import Storage
    from parquetry.tuning.metadata.store import MetadataStore
    from parquetry.tuning.records import JobMode, Role


def enqueue_migration(
    metadata: MetadataStore,
    data_dir: str,
    table: str,
    layout: Layout,
    *,
    mode: JobMode = "full",
    role: Role = "replica",
    storage: Storage | None = None,
) -> MigrationJob:
    """Queue the writing of a layout, and return the job; one that does the same already is returned.

    **Cost:** the footers of the dataset are read.

    Args:
        metadata: Where the queue is.
        data_dir: The folder of datasets.
        table: The dataset.
        layout: How its rows are to be laid out.
        mode: All at once, or a few files at a time.
        role: Whether the dataset's own folder gets the layout, or files beside it.
        storage: The disk; the local one if not given.

    Raises:
        NotFoundError: There is no such dataset.
        UnknownColumnError: The layout needs a column that the dataset does not have.
        CorruptionError: A file of it is no Parquet file.
    """
    survey = take_survey(Home.of(f"{data_dir}/{table}"), storage or LocalStorage())
    RowOrder.of(layout, survey.columns.names)
    return metadata.enqueue_job(MigrationJob(table, layout, mode, role))
