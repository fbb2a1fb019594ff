"""Moving a dataset to another layout: a migration job, carried out here or by a worker elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.tuning.migrations.enqueuing import enqueue_migration
from parquetry.tuning.migrations.worker import Worker

if TYPE_CHECKING:
    from parquetry.dataset import Dataset
    from parquetry.tuning.moving_rule import Decision
    from parquetry.tuning.records import MigrationJob
    from parquetry.tuning.round import Aim
    from parquetry.tuning.tools import Tools


def carry_out(decision: Decision, dataset: Dataset, tools: Tools, aim: Aim) -> MigrationJob | None:
    """Queue the migration that was decided on, carry it out, and return it as it ended.

    Where it is left to a worker, or one elsewhere has taken it, it is returned as it stands.

    Raises:
        UnknownColumnError: The layout needs a column that the dataset has no more.
        CorruptionError: A file of the dataset is no Parquet file.
    """
    if decision.move is None or decision.move.layout is None:
        return None
    job = enqueue_migration(
        tools.metadata,
        tools.config.data_dir,
        dataset.name,
        decision.move.layout,
        mode=aim.mode,
        role=aim.role,
    )
    worker = Worker(tools.metadata, tools.config, rewriter=tools.rewriter, storage=tools.storage)
    while aim.waits and (ended := worker.run_once(dataset.name)) is not None:
        if ended.job_id == job.job_id:
            return ended
    return next(one for one in tools.metadata.jobs(dataset.name) if one.job_id == job.job_id)
