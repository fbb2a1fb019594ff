"""Changing rows: only the columns that are set are decoded and encoded, the others copied as bytes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa

from parquetry.commits.table_link import refuse_fact_change, refuse_unheld
from parquetry.errors import SchemaMismatchError
from parquetry.model.hive import partition_folder
from parquetry.model.plain_numbers import array_of
from parquetry.operations.arriving import stage_arrivals
from parquetry.operations.assignments import Assignments
from parquetry.operations.deleting import find_subject, requirement_of
from parquetry.operations.edits import FileEdit, GroupEdit, Hits
from parquetry.operations.fitting import fitted
from parquetry.operations.matching import find_matches, joined, split, where_of
from parquetry.operations.opened import OpenedFile, repeated, rows_of, to_polars
from parquetry.operations.plans import OperationResult, Plan
from parquetry.operations.row_guard import UNGUARDED, show_changes
from parquetry.operations.running import jsonable, run_again, run_plan, stage_edits

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping, Sequence

    from parquetry.access.source import Source
    from parquetry.commits.home import Home
    from parquetry.commits.staging import Staging
    from parquetry.model.changes import NewFile
    from parquetry.operations.bounds import Flags
    from parquetry.operations.matching import Look, Match
    from parquetry.operations.row_guard import RowGuard
    from parquetry.operations.scope import Scope
    from parquetry.storage.protocol import Storage


@dataclass(frozen=True, kw_only=True)
class UpdatePlan(Plan):
    """What an update would do.

    Args:
        edits: The files that change, with the rows that do.
        assignments: What they are set to.
        scope: The dataset as it was looked at.
        metadata: What new files say of themselves.
    """

    edits: tuple[FileEdit, ...] = ()
    assignments: Assignments
    scope: Scope
    metadata: Mapping[bytes, bytes] | None = None


def plan_update(
    home: Home,
    storage: Storage,
    source: Source,
    predicate: pl.Expr | bool,
    updates: Mapping[str, Any],
    partition_filter: Mapping[str, Any] | None = None,
    *,
    guard: RowGuard | None = None,
) -> UpdatePlan:
    """Return what it takes to set columns in the rows of which a predicate is true; nothing is written.

    All new values are computed from the row as it was. A row that already has them is not counted and
    not written. A row whose partition key changes moves to the folder of its new value.

    **Cost:** as of `plan_delete`; of the row groups with such rows also the columns that are set, and
    those that the new values are computed from.

    Args:
        home: The dataset.
        storage: The disk.
        source: What knows its files and columns.
        predicate: The rows to change.
        updates: By column, a value or a Polars expression; a text is a value, not a column's name.
        partition_filter: A value, or a list of values, for some partition keys: no row elsewhere is
            touched or looked at.
        guard: What holds the rows of a dataset of a table to it.

    Raises:
        RequestError: The rows are facts, or of a table and without a guard.
        UnknownColumnError: A column is named that is not there.
        SchemaMismatchError: A value does not fit its column, or a file cannot be decoded without loss.
        ParameterError: The predicate gives no truth value, or a new value depends on other rows.
    """
    refuse_fact_change(home, storage, "update")
    if guard is None:
        refuse_unheld(home, storage, "update rows of", UNGUARDED)
    scope, meaning = find_subject(home, storage, source, predicate, partition_filter)
    assignments = Assignments.of(updates, scope.columns, home.root)
    examine = partial(_examine, assignments=assignments, keys=scope.key_types)
    matches = [_setting(match, assignments) for match in find_matches(scope, meaning, examine)]
    parameters = {
        "filter": str(predicate),
        "set": {name: str(expr) for name, expr in assignments.exprs.items()},
        "partition_filter": jsonable(partition_filter),
    }
    changing = [match.edit for match in matches if match.edit.groups]
    base = Plan(
        operation="update",
        root=scope.root,
        parameters=parameters,
        base_version=scope.version,
        read=tuple(match.edit.file.state for match in matches if match.scanned),
        kept_files=len(scope.files) - len(changing),
        rows_scanned=sum(match.scanned for match in matches),
        requirement=requirement_of(scope, meaning, partition_filter),
    )
    plan = _with_edits(base, changing, assignments, scope)
    if guard is None:
        return plan
    inspection = guard.inspect("update", assignments.exprs, ())
    show_changes(inspection, plan.edits, assignments, scope)
    return replace(plan, requirement=inspection.finish(plan.requirement), metadata=guard.metadata)


def _with_edits(
    base: Plan, edits: Sequence[FileEdit], assignments: Assignments, scope: Scope
) -> UpdatePlan:
    targets = targets_of(edits)
    folders = {edit.file.state.folder for edit in edits} | targets
    bytes_before = sum(edit.file.state.bytes for edit in edits)
    planned = replace(
        base,
        rewrite=tuple(edit.file.state for edit in edits if edit.rows_left),
        drop=tuple(edit.file.state for edit in edits if not edit.rows_left),
        new_files=sum(1 for edit in edits if edit.rows_left) + len(targets),
        partitions=tuple(sorted(folders)),
        rows_updated=sum(edit.rows_setting for edit in edits),
        bytes_after=bytes_before,
    )
    return UpdatePlan(**vars(planned), edits=tuple(edits), assignments=assignments, scope=scope)


def targets_of(edits: Sequence[FileEdit]) -> set[str]:
    """Return the folders where moving rows come back."""
    return {folder for edit in edits for group in edit.groups.values() for folder in group.folders}


def _setting(match: Match, assignments: Assignments) -> Match:
    setting = {name: assignments.types[name] for name in assignments.exprs}
    return match._replace(edit=replace(match.edit, setting=setting))


def _examine(
    looks: Sequence[Look], assignments: Assignments, keys: Mapping[str, pa.DataType]
) -> list[GroupEdit | None]:
    """Return which of the rows of some row groups really change, and which of these move."""
    names = list(assignments.exprs)
    needed = list(dict.fromkeys([*assignments.inputs, *names]))
    frames = [
        file.frame(index, needed, assignments.types, None if flags.all() else np.flatnonzero(flags))
        for file, index, flags in looks
    ]
    frame = joined(frames)
    where = where_of([look.file for look in looks])
    inputs = frame[list(assignments.inputs)] if assignments.inputs else frame
    new = assignments.computed(inputs, where)
    found = pl.DataFrame([to_polars(new[name], name, where) for name in new.column_names])
    changes = differing(frame[names], found)
    if not changes:
        return [None] * len(looks)
    changed = split(np.logical_or.reduce(list(changes.values())), list(map(len, frames)))
    starts = np.cumsum([0, *map(len, frames)]).tolist()
    return [
        _edit_of(look, here, new.slice(start, len(here)), assignments, keys)
        for look, here, start in zip(looks, changed, starts, strict=False)
    ]


def _edit_of(
    look: Look,
    changed: Flags,
    new: pa.Table,
    assignments: Assignments,
    keys: Mapping[str, pa.DataType],
) -> GroupEdit | None:
    """Return what happens to a row group some of whose hit rows get new values."""
    if not changed.any():
        return None
    setting = look.flags.copy()
    setting[look.flags] = changed
    if not changed.all():
        new = new.filter(array_of(changed))
    where = look.file.file
    hits = Hits.of(setting)
    assignments.memory.keep(where.state.path, look.group, hits, new)
    moving_keys = [key for key in keys if key in new.column_names]
    if not moving_keys:
        return GroupEdit(setting=hits)
    frame = pl.DataFrame([to_polars(new[key], key, where.path) for key in moving_keys])
    moved = moving(frame, where.keys, keys)
    if moved is None:
        return GroupEdit(setting=hits)
    leaving = setting.copy()
    leaving[setting] = moved[0]
    gone = Hits.of(leaving)
    return GroupEdit(gone, hits, gone, moved[1])


def differing(old: pl.DataFrame, new: pl.DataFrame) -> dict[str, Flags]:
    """Return by column in which rows it differs, if in any; NULL and NaN are equal to themselves.

    Raises:
        SchemaMismatchError: Columns cannot be compared.
    """
    try:
        flags = [differs(old[name], new[name]) for name in new.columns]
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise SchemaMismatchError(
            f"The columns {', '.join(new.columns)} cannot be compared with their new values: {error}. "
            "Nothing was changed."
        ) from error
    return {name: one for name, one in zip(new.columns, flags, strict=True) if one.any()}


def differs(one: pl.Series, other: pl.Series) -> Flags:
    """Return in which rows two columns differ; NULL and NaN are equal to themselves."""
    if one.null_count() or other.null_count():
        return one.ne_missing(other).to_numpy()
    return (one != other).to_numpy()  # which need not ask the query engine


def moving(
    new: pl.DataFrame, old: Mapping[str, Any], keys: Mapping[str, pa.DataType]
) -> tuple[Flags, frozenset[str]] | None:
    """Return which rows get another partition than theirs, and the folders they go to; None if none."""
    setting = [key for key in keys if key in new.columns]
    if not setting:
        return None
    before = [repeated(key, old.get(key), len(new), keys[key]) for key in setting]
    flags = [differs(new.get_column(one.name), one) for one in before]
    moved = np.logical_or.reduce(flags)
    if not moved.any():
        return None
    found = rows_of(new, moved).select(setting).unique().rows(named=True)
    folders = {partition_folder({key: row.get(key, old.get(key)) for key in keys}) for row in found}
    return moved, frozenset(folders)


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
        yield from stage_edits(storage, staging, plan.edits, plan.assignments, compression)
        moved = moved_rows(plan.edits, plan.assignments, plan.scope)
        yield from stage_arrivals(storage, staging, plan.scope, moved, compression, plan.metadata)

    return run_plan(home, storage, plan, stage, backup_dir)


def moved_rows(edits: Sequence[FileEdit], values: Any, scope: Scope) -> Iterator[pa.Table]:
    """Yield the rows that move, with their new values, a row group's at a time."""
    for edit in edits:
        moving = {index: group for index, group in edit.groups.items() if group.moving is not None}
        if not moving:
            continue
        with OpenedFile(edit.file) as file:
            for index, group in moving.items():
                yield _moved_of(file, index, group, values, scope)


def _moved_of(
    file: OpenedFile, index: int, group: GroupEdit, values: Any, scope: Scope
) -> pa.Table:
    """Return the moving rows of a row group: the new value of what is set, the old of all else."""
    moving = group.moving or Hits(0, 0, None)
    new = values(file, index, moving)
    table = file.read(index).filter(array_of(moving.flags()))
    columns = {}
    for column in scope.columns:
        if column.name in new.column_names:
            columns[column.name] = new[column.name]
        elif column.name in table.column_names and column.name not in file.file.from_path:
            columns[column.name] = fitted(table[column.name], column, scope.root)
        elif column.name in file.file.keys:
            value = repeated(
                column.name, file.file.keys[column.name], moving.count, column.type
            ).to_arrow()
            columns[column.name] = fitted(pa.chunked_array([value]), column, scope.root)
    return pa.table(columns)


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
