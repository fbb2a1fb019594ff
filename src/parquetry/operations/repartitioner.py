"""`Repartitioner`: a folder of Parquet files written anew by other keys, by its old name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parquetry.commits.home import Home
from parquetry.operations.repartition_plan import BATCH_ROWS, forecast, plan_repartition
from parquetry.operations.repartitioned_copy import repartition_to
from parquetry.operations.repartitioning import foresee
from parquetry.storage.local import LocalStorage

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from parquetry.operations.proving import Validation
    from parquetry.operations.repartition_plan import RepartitionPlan
    from parquetry.operations.transforming import Transform
    from parquetry.storage.protocol import Storage


class Repartitioner:
    """Makes a new dataset with the rows of another, by other keys.

    To change a dataset in its place: `Dataset(path).repartition(keys)`.

    Args:
        source_dir: The dataset.
        target_dir: The new dataset; the folder must be absent or empty.
        new_partition_cols: Its keys, outermost first.
        compression: The codec: zstd, snappy, gzip, brotli, lz4 or none. Bytes that are compressed
            otherwise are encoded anew; with None they stay as they are.
        batch_size: How many rows are taken at a time, at most.
        storage: The disk; the local one if not given.
    """

    def __init__(
        self,
        source_dir: str | os.PathLike[str],
        target_dir: str | os.PathLike[str],
        new_partition_cols: Sequence[str],
        compression: str | None = "zstd",
        batch_size: int = BATCH_ROWS,
        *,
        storage: Storage | None = None,
    ) -> None:
        self._source, self._target = Home.of(source_dir), Home.of(target_dir)
        self._storage = storage or LocalStorage()
        self._keys = tuple(new_partition_cols)
        self._compression, self._batch_rows = compression, batch_size

    def repartition(
        self,
        delete_source: bool = False,
        validate: Validation = True,
        dry_run: bool = False,
        transform_fn: Transform | None = None,
    ) -> dict[str, Any]:
        """Make the new dataset in one commit, and return what was done.

        Every column is stored in the files, those that name folders as well.

        **Guarantees:** a crash leaves the whole new dataset or none, and the source as it is.

        Args:
            delete_source: Whether to retire the files of the source once the new dataset is durable
                and proved. They are kept as history: `Dataset(source).restore(...)` brings them back
                until `vacuum` forgets them.
            validate: Whether to hold the number of rows against the source before the new dataset is
                made true; with `"content"` all values, too.
            dry_run: Whether to do nothing but say what would be done: rows, partitions and files as
                they will be, `bytes_after` as large as the source. With a function it is called.
            transform_fn: A function that gets all rows, `batch_size` at most at a time, as Polars
                frames, and gives them back; rows of different values of keys that stay come in
                batches of their own. It is called by one thread at a time.

        Returns:
            `files_before`, `files_after`, `bytes_before`, `bytes_after`, `rows`, `num_partitions`,
            `errors` (always 0: what goes wrong is raised), `dry_run`, `target_dir`,
            `source_deleted`, `version` of the new dataset, and others.

        Raises:
            UnknownColumnError: Partition columns are not in the data.
            RequestError: The function has dropped or added rows. Nothing was made.
            ExecutorError: The function failed. Nothing was made.
            AlreadyExistsError: There is data in the target folder.
            NotFoundError: There is no such source.
            ConflictError: The source has changed in the meantime.
            CorruptionError: A file is damaged. Nothing was made.
            StorageError: The disk refused; `outcome` says what became of it.
        """
        plan = self._plan(transform_fn)
        if dry_run:
            return foresee(plan, self._storage).to_dict()
        return repartition_to(
            self._source,
            self._storage,
            plan,
            self._target,
            validate=validate,
            delete_source=delete_source,
        ).to_dict()

    def estimate_size(self, transform_fn: Transform | None = None) -> dict[str, Any]:
        """Return how many partitions and files there will be, exactly, and about how large.

        **Cost:** footers are read; where they do not tell, the columns of the new keys.

        Args:
            transform_fn: The function that the rows will pass through; it is called for all of them.

        Returns:
            `num_partitions`, `files_before`, `files_after`, `rows`, `bytes_before`, `bytes_after` (as
            large as before), `rows_per_partition` with `min`, `mean` and `max`.

        Raises:
            UnknownColumnError: Partition columns are not in the data.
            NotFoundError: There is no such source.
        """
        plan = self._plan(transform_fn)
        found = forecast(plan, self._storage)
        sizes = sorted(found.rows.values()) or [0]
        return {
            "num_partitions": len(found.rows),
            "files_before": len(plan.retire),
            "files_after": found.files,
            "rows": sum(found.rows.values()),
            "bytes_before": plan.bytes_before,
            "bytes_after": plan.bytes_after,
            "rows_per_partition": {
                "min": sizes[0],
                "mean": sum(sizes) / len(sizes),
                "max": sizes[-1],
            },
        }

    def _plan(self, transform_fn: Transform | None) -> RepartitionPlan:
        return plan_repartition(
            self._source,
            self._storage,
            self._keys,
            transform=transform_fn,
            batch_rows=self._batch_rows,
            compression=self._compression,
            in_place=False,
        )
