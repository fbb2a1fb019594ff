"""What can be chosen about a verb, in one place for the functions and the handles."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from parquetry.operations.transforming import Transform
    from parquetry.operations.upsert_edits import OnDuplicateTarget


class ChangeOptions(TypedDict, total=False):
    """How rows are changed.

    Args:
        dry_run: Whether only to say what would be done.
        retries: How often to plan anew where others change the same files.
        backup_dir: Where to keep a standalone copy of the files that leave.
        compression: The codec of what is written.
    """

    dry_run: bool
    retries: int
    backup_dir: str | os.PathLike[str] | None
    compression: str


class UpsertOptions(TypedDict, total=False):
    """What an upsert may do.

    Args:
        update_columns: The columns that a match may change; all if left out.
        partition_by: The keys of a new dataset.
        on_duplicate_target: What to do where the dataset has several rows of one key.
        evolve: Whether columns that the dataset lacks are added.
    """

    update_columns: Sequence[str] | None
    partition_by: Sequence[str] | None
    on_duplicate_target: OnDuplicateTarget
    evolve: bool


class UpsertChangeOptions(ChangeOptions, UpsertOptions, total=False):
    """What an upsert may do, and how."""


class CompactOptions(TypedDict, total=False):
    """Which files are merged, and into what.

    Args:
        target_file_size_mb: The size that files are brought to, in MiB.
        min_file_count: How many files a partition must have.
        max_file_size_mb: Only files smaller than this are merged.
        compression: The codec; without one copied bytes stay as they are compressed.
    """

    target_file_size_mb: float
    min_file_count: int
    max_file_size_mb: float | None
    compression: str | None


class RepartitionOptions(TypedDict, total=False):
    """How a dataset is cut anew.

    Args:
        transform: A function that gets all rows, batch by batch, as Polars frames.
        batch_rows: How many rows it gets at a time.
        compression: The codec; without one copied bytes stay as they are compressed.
        target_file_size_mb: How large a new file becomes at most, about, in MiB.
    """

    transform: Transform | None
    batch_rows: int
    compression: str | None
    target_file_size_mb: float
