"""Changing rows: only the columns that are set are decoded and encoded, the others copied as bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parquetry.operations.arriving import stage_arrivals
from parquetry.operations.moves import moved_rows
from parquetry.operations.plans import OperationResult
from parquetry.operations.running import grow, run_again, run_plan, stage_edits
from parquetry.operations.update_plan import UpdatePlan, plan_update

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping

    import polars as pl

    from parquetry.access.source import Source
    from parquetry.commits.home import Home
    from parquetry.commits.staging import Staging
    from parquetry.model.changes import NewFile
    from parquetry.operations.row_guard import RowGuard
    from parquetry.storage.protocol import Storage


def run_update(
    home: Home,
    storage: Storage,
    plan: UpdatePlan,
    *,
    backup_dir: str | os.PathLike[str] | None = None,
    compression: str = "zstd",
) -> OperationResult:
    """Carry out a plan in one commit, and return what was done.

    **Guarantees:** those of `commit`: readers see the rows before or after, whatever crashes.

    Raises:
        ConflictError: Somebody changed one of the files since. Nothing was changed.
        StorageError: The disk refused; `outcome` says whether the change will be true.
    """

    def stage(staging: Staging) -> Iterator[NewFile]:
        grow(home, storage, staging, plan)
        yield from stage_edits(storage, staging, plan.edits, plan.assignments, compression)
        moved = moved_rows(plan.edits, plan.assignments, plan.scope)
        yield from stage_arrivals(storage, staging, plan.scope, moved, compression, plan.metadata)

    return run_plan(home, storage, plan, stage, backup_dir)


def update(
    home: Home,
    storage: Storage,
    source: Source,
    predicate: pl.Expr | bool,
    updates: Mapping[str, Any],
    partition_filter: Mapping[str, Any] | None = None,
    *,
    dry_run: bool = False,
    retries: int = 3,
    backup_dir: str | os.PathLike[str] | None = None,
    compression: str = "zstd",
    guard: RowGuard | None = None,
) -> OperationResult:
    """Set columns in the rows of which a predicate is true, in one commit, and return what was done.

    **Guarantees** as of `run_update`, **Cost** as of `plan_update`; then of the row groups that change
    the columns that are set are encoded anew and all else is copied as bytes.

    Args:
        home: The dataset.
        storage: The disk.
        source: What knows its files and columns.
        predicate: The rows to change.
        updates: By column, a value or a Polars expression; a text is a value, not a column's name.
        partition_filter: A value, or a list of values, for some partition keys.
        dry_run: Whether to report the plan only.
        retries: How often to plan anew if somebody else changes the same files meanwhile.
        backup_dir: A folder for a backup of the files that change.
        compression: The codec of what is encoded anew.
        guard: What holds the rows of a dataset of a table to it.

    Raises:
        ConflictError: Others kept changing the same files. Nothing was changed.
    """

    def plan() -> UpdatePlan:
        return plan_update(home, storage, source, predicate, updates, partition_filter, guard=guard)

    if dry_run:
        return OperationResult.of(plan(), dry_run=True)

    def run(plan: UpdatePlan) -> OperationResult:
        return run_update(home, storage, plan, backup_dir=backup_dir, compression=compression)

    result: OperationResult = run_again(plan, run, retries)
    return result
