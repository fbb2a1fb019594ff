"""`ParquetCRUD`: delete, update and upsert on one folder, with results as plain dictionaries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parquetry.dataset import Dataset
from parquetry.operations.backups import restore_backup

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    import polars as pl

    from parquetry.model.frames import Rows
    from parquetry.model.records import CommitRecord
    from parquetry.storage.protocol import Storage


class ParquetCRUD:
    """Deletes, updates and upserts rows of a folder of Parquet files, ours or not.

    **Guarantees:** each call is one commit: whatever crashes, and whoever reads, the rows are as before
    or as after.

    Args:
        dataset_dir: The folder.
        compression: The codec of what is encoded anew.
        backup_dir: Where backups go; without it none are made, and `Dataset.restore` is the way back.
        storage: The disk; the local one if not given.
    """

    def __init__(
        self,
        dataset_dir: str | os.PathLike[str],
        compression: str = "zstd",
        backup_dir: str | os.PathLike[str] | None = None,
        *,
        storage: Storage | None = None,
    ) -> None:
        self._dataset = Dataset(dataset_dir, storage=storage)
        self._storage = storage
        self._compression = compression
        self._backup_dir = backup_dir

    def delete(
        self,
        filter_expr: pl.Expr | bool,
        partition_filter: Mapping[str, Any] | None = None,
        dry_run: bool = False,
        create_backup: bool = True,
    ) -> dict[str, Any]:
        """Remove the rows of which an expression is true, and return what was done.

        Args:
            filter_expr: The rows; one of which it is false or NULL stays.
            partition_filter: A value, or a list of values, for some partition keys: no row elsewhere
                is touched.
            dry_run: Whether only to report what would be done.
            create_backup: Whether to back up the files that change, if there is a `backup_dir`.
        """
        return self._dataset.delete(
            filter_expr,
            partition_filter,
            dry_run=dry_run,
            backup_dir=self._backup(wanted=create_backup),
            compression=self._compression,
        ).to_dict()

    def update(
        self,
        filter_expr: pl.Expr | bool,
        update_expr: Mapping[str, Any],
        partition_filter: Mapping[str, Any] | None = None,
        dry_run: bool = False,
        create_backup: bool = True,
    ) -> dict[str, Any]:
        """Set columns in the rows of which an expression is true, and return what was done.

        Args:
            filter_expr: The rows; one of which it is false or NULL stays as it is.
            update_expr: By column, a value or an expression over the row as it was.
            partition_filter: A value, or a list of values, for some partition keys: no row elsewhere
                is touched.
            dry_run: Whether only to report what would be done.
            create_backup: Whether to back up the files that change, if there is a `backup_dir`.
        """
        return self._dataset.update(
            filter_expr,
            update_expr,
            partition_filter,
            dry_run=dry_run,
            backup_dir=self._backup(wanted=create_backup),
            compression=self._compression,
        ).to_dict()

    def upsert(
        self,
        new_data: Rows,
        key_cols: Sequence[str],
        partition_cols: Sequence[str],
        update_cols: Sequence[str] | None = None,
        dry_run: bool = False,
        create_backup: bool = True,
    ) -> dict[str, Any]:
        """Update rows by their keys, insert the others, and return what was done.

        Rows of the dataset that share a key of the new data are replaced by one row, so that writing
        deduplicated rows back removes the duplicates; they count as deleted. (The function `upsert`
        refuses them unless told otherwise.)

        Args:
            new_data: The rows.
            key_cols: The columns that identify a row.
            partition_cols: The columns that the dataset is partitioned by.
            update_cols: The columns that a match may change; all but the keys if not given.
            dry_run: Whether only to report what would be done.
            create_backup: Whether to back up the files that change, if there is a `backup_dir`.
        """
        return self._dataset.upsert(
            new_data,
            key_cols,
            update_columns=update_cols,
            partition_by=partition_cols,
            on_duplicate_target="replace",
            dry_run=dry_run,
            backup_dir=self._backup(wanted=create_backup),
            compression=self._compression,
        ).to_dict()

    def restore_backup(self, backup: str | os.PathLike[str]) -> CommitRecord:
        """Bring the files of a backup back, in one commit; see `operations.backups.restore_backup`."""
        return restore_backup(backup, self._dataset.path, storage=self._storage)

    def _backup(self, *, wanted: bool) -> str | os.PathLike[str] | None:
        return self._backup_dir if wanted else None

    def __repr__(self) -> str:
        return f"ParquetCRUD({self._dataset.path!r})"
