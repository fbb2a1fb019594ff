"""`ParquetCompactor`: the compaction of one folder of Parquet files, by its old name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parquetry.commits.home import Home
from parquetry.operations.compacted_copy import compact_aside
from parquetry.operations.compacting import TARGET_FILE_MB, compact, plan_compact, result_of
from parquetry.storage.local import LocalStorage

if TYPE_CHECKING:
    import os

    from parquetry.storage.protocol import Storage


class ParquetCompactor:
    """Makes the many small files of each partition of a dataset into few large ones.

    Args:
        dataset_dir: The dataset.
        target_file_size_mb: How large a file is to become, in MiB.
        compression: The codec: zstd, snappy, gzip, brotli, lz4 or none. Bytes that are compressed
            otherwise are encoded anew; with None they stay as they are.
        storage: The disk; the local one if not given.
    """

    def __init__(
        self,
        dataset_dir: str | os.PathLike[str],
        target_file_size_mb: float = TARGET_FILE_MB,
        compression: str | None = "zstd",
        *,
        storage: Storage | None = None,
    ) -> None:
        self._home = Home.of(dataset_dir)
        self._storage = storage or LocalStorage()
        self._target = target_file_size_mb
        self._compression = compression

    def compact(
        self,
        min_file_count: int = 2,
        max_file_size_mb: float | None = None,
        delete_source_files: bool = True,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Compact the dataset in one commit, and return what was done.

        **Guarantees:** every row stays. A crash leaves the dataset before or after; the old files are
        kept as history until `vacuum` forgets them, so `restore` brings them back.

        Args:
            min_file_count: How many files below the largest size a partition must have.
            max_file_size_mb: Files of this size and above stay as they are, in MiB; by default those
                of three quarters of the target.
            delete_source_files: Whether the new files take the place of the old ones. If not, the
                dataset stays as it is, since old and new files side by side would double its rows;
                a compacted copy of it is made beside it, in `<dataset>_compacted`.
            dry_run: Whether to do nothing but say what would be done; `bytes_after` is the size of
                the files before they are compacted, then.

        Returns:
            `files_before`, `files_after`, `bytes_before`, `bytes_after` of the files that were
            compacted, `rows` in them, `num_partitions` and `partitions_compacted`, `errors` (always 0),
            `dry_run`, `version` of the dataset afterwards, `target_dir` of the copy, and others.

        Raises:
            ParameterError: A size or count is not positive, or the codec is unknown.
            NotFoundError: There is no such dataset.
            AlreadyExistsError: There is a folder where the copy was to be made.
            ConflictError: A file has changed in the meantime. Nothing was changed.
            CorruptionError: A file is damaged. Nothing was changed.
            StorageError: The disk refused; `outcome` says what became of the dataset.
        """
        plan = plan_compact(
            self._home,
            self._storage,
            target_file_size_mb=self._target,
            min_file_count=min_file_count,
            max_file_size_mb=max_file_size_mb,
            compression=self._compression,
        )
        if dry_run:
            return result_of(plan).to_dict()
        if not delete_source_files:
            return compact_aside(self._home, self._storage, plan).to_dict()
        return compact(self._home, self._storage, plan).to_dict()
