"""Updating rows by their keys, wherever they stand, and inserting those that are new."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from parquetry.commits.kept_schema import keep_schema
from parquetry.model.frames import one_table
from parquetry.operations.arriving import stage_arrivals
from parquetry.operations.moves import moved_rows
from parquetry.operations.plans import OperationResult
from parquetry.operations.running import grow, run_again, run_plan, stage_edits
from parquetry.operations.upsert_plan import UpsertPlan, plan_upsert

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    from parquetry.access.source import Source
    from parquetry.commits.home import Home
    from parquetry.commits.staging import Staging
    from parquetry.model.changes import NewFile
    from parquetry.model.frames import Rows
    from parquetry.operations.row_guard import RowGuard
    from parquetry.operations.upsert_edits import OnDuplicateTarget
    from parquetry.storage.protocol import Storage


def run_upsert(
    home: Home,
    storage: Storage,
    plan: UpsertPlan,
    *,
    backup_dir: str | os.PathLike[str] | None = None,
    compression: str = "zstd",
) -> OperationResult:
    """Carry out a plan in one commit, and return what was done.

    **Guarantees:** those of `commit`: readers see the rows before or after, whatever crashes. A key
    stands once afterwards even if others append meanwhile: that is a conflict.

    Raises:
        ConflictError: Somebody changed one of the files, or added one where the keys can stand. Nothing
            was changed.
        StorageError: The disk refused; `outcome` says whether the change will be true.
    """

    def stage(staging: Staging) -> Iterator[NewFile]:
        grow(home, storage, staging, plan)
        yield from stage_edits(storage, staging, plan.edits, plan.values, compression)
        arriving = chain(moved_rows(plan.edits, plan.values, plan.scope), [plan.inserted])
        yield from stage_arrivals(
            storage, staging, plan.scope, arriving, compression, plan.metadata
        )
        if plan.keeps_schema:
            keep_schema(home, storage, plan.scope.columns, tuple(plan.scope.key_types))

    return run_plan(home, storage, plan, stage, backup_dir)


def upsert(
    home: Home,
    storage: Storage,
    source: Source,
    rows: Rows,
    keys: Sequence[str],
    *,
    update_columns: Sequence[str] | None = None,
    partition_by: Sequence[str] | None = None,
    on_duplicate_target: OnDuplicateTarget = "error",
    evolve: bool = False,
    dry_run: bool = False,
    retries: int = 3,
    backup_dir: str | os.PathLike[str] | None = None,
    compression: str = "zstd",
    guard: RowGuard | None = None,
) -> OperationResult:
    """Update rows by their keys and insert the others, in one commit, and return what was done.

    **Guarantees** as of `run_upsert`, **Cost** as of `plan_upsert`; then of the row groups with such
    rows the columns that change are encoded anew and all else is copied as bytes.

    Args:
        home: The dataset; it need not exist.
        storage: The disk.
        source: What knows its files and columns.
        rows: What `iterate_tables` takes.
        keys: The columns that identify a row.
        update_columns: The columns that a match may change; all but the keys if not given.
        partition_by: The keys of a new dataset's folders; an existing one keeps its own.
        on_duplicate_target: What to do where a key stands more than once in the dataset.
        evolve: Whether the new rows may bring new columns.
        dry_run: Whether to report the plan only.
        retries: How often to plan anew if somebody else changes the dataset meanwhile.
        backup_dir: A folder for a backup of the files that change.
        compression: The codec of what is encoded anew.
        guard: What holds the rows of a dataset of a table to it.

    Raises:
        ConflictError: Others kept changing the dataset. Nothing was changed.
    """
    # an iterator can be read only once, a plan made several times
    table = one_table(rows) if guard is None else guard.prepare(rows, keys)

    def plan() -> UpsertPlan:
        return plan_upsert(
            home,
            storage,
            source,
            table,
            keys,
            update_columns=update_columns,
            partition_by=partition_by,
            on_duplicate_target=on_duplicate_target,
            evolve=evolve,
            guard=guard,
        )

    if dry_run:
        return OperationResult.of(plan(), dry_run=True)

    def run(plan: UpsertPlan) -> OperationResult:
        return run_upsert(home, storage, plan, backup_dir=backup_dir, compression=compression)

    result: OperationResult = run_again(plan, run, retries)
    return result
