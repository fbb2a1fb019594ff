"""What it takes to upsert rows: found out before anything is written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from parquetry.commits.kept_schema import find_kept_schema
from parquetry.commits.table_link import refuse_fact_change, refuse_unheld
from parquetry.errors import ParameterError
from parquetry.model.frames import one_table
from parquetry.model.names import refuse_text
from parquetry.model.plain_numbers import array_of
from parquetry.model.schema import no_rows
from parquetry.operations.arriving import by_folder
from parquetry.operations.key_search import KeySearch
from parquetry.operations.keys import check_key_columns, check_keys_of_rows
from parquetry.operations.moves import targets_of
from parquetry.operations.new_rows import (
    NewRows,
    fit_rows,
    key_frame,
    known_columns,
    refuse_missing,
)
from parquetry.operations.plans import Plan
from parquetry.operations.row_guard import UNGUARDED, show_changes
from parquetry.operations.upsert_edits import (
    NewValues,
    OnDuplicateTarget,
    attach,
    edit_file,
    settle_duplicates,
)
from parquetry.operations.upsert_scope import find_upsert_scope, requirement_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from parquetry.access.source import Source
    from parquetry.commits.home import Home
    from parquetry.model.frames import Rows
    from parquetry.operations.edits import FileEdit
    from parquetry.operations.key_search import Searched
    from parquetry.operations.row_guard import Inspection, RowGuard
    from parquetry.operations.scope import Scope
    from parquetry.storage.protocol import Storage


@dataclass(frozen=True, kw_only=True, eq=False)
class UpsertPlan(Plan):
    """What an upsert would do.

    Args:
        edits: The files that change, with the rows that do.
        values: What they are set to.
        inserted: The rows that are new and come to files of their own, in the dataset's types.
        scope: The dataset as it was looked at, with the columns and keys that it will have.
        keeps_schema: Whether the dataset's columns are to be kept beside it.
        metadata: What new files say of themselves.
    """

    edits: tuple[FileEdit, ...] = ()
    values: NewValues
    inserted: pa.Table
    scope: Scope
    keeps_schema: bool = False
    metadata: Mapping[bytes, bytes] | None = None


def plan_upsert(
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
    guard: RowGuard | None = None,
) -> UpsertPlan:
    """Return what it takes to update rows by their keys and to insert the others; nothing is written.

    Columns match by name. A column that the new rows lack keeps its value, and is NULL in inserted
    rows. A row that is found and does not differ is left alone. A row whose partition changes moves.

    **Cost:** as of `KeySearch`, over all partitions: a key may have stood in another one. The new rows
    are held in memory.

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
        guard: What holds the rows of a dataset of a table to it.

    Raises:
        RequestError: The rows are facts, or of a table and without a guard.
        KeyViolationError: A key is NULL or a float, or occurs twice in the new rows or the dataset.
        SchemaMismatchError: A column is new, or a value does not fit its column.
        UnknownColumnError: A named column is not there, or rows to insert lack a partition key.
        LayoutError: The dataset is partitioned otherwise.
    """
    refuse_text(keys, "The keys of rows")
    refuse_text(partition_by, "The partition keys")
    refuse_fact_change(home, storage, "upsert")
    if guard is None:
        refuse_unheld(home, storage, "upsert rows into", UNGUARDED)
    if on_duplicate_target not in {"error", "update_all", "replace"}:
        raise ParameterError(
            f"on_duplicate_target is 'error', 'update_all' or 'replace', not {on_duplicate_target!r}. "
            "Nothing was changed."
        )
    table = one_table(rows) if guard is None else guard.prepare(rows, keys)
    columns = known_columns(source)
    check_key_columns(keys, table.schema, columns, home.root)
    new = fit_rows(table, keys, update_columns, columns, home.root, evolve=evolve)
    check_keys_of_rows(key_frame(new), keys)
    scope = find_upsert_scope(home, storage, source, new, partition_by)
    searched = list(KeySearch(scope, new).run()) if new.table.num_rows else []
    if guard is None:
        return _planned(home, storage, scope, new, searched, on_duplicate_target)
    inspection = guard.inspect("upsert", new.update, keys)
    plan = _planned(home, storage, scope, new, searched, on_duplicate_target, inspection)
    show_changes(inspection, plan.edits, plan.values, scope)
    return replace(plan, requirement=inspection.finish(plan.requirement), metadata=guard.metadata)


def _planned(
    home: Home,
    storage: Storage,
    scope: Scope,
    new: NewRows,
    searched: list[Searched],
    on_duplicate_target: OnDuplicateTarget,
    inspection: Inspection | None = None,
) -> UpsertPlan:
    kept = settle_duplicates(searched, new, on_duplicate_target, home.root)
    edits, sources = [], {}
    for one in searched:
        edit, here = edit_file(one, new, scope, kept)
        if edit is not None:
            edits.append(edit)
            sources[one.file.state.path] = here
    inserted = _inserted(home, scope, new, searched)
    if inspection is not None and inserted.num_rows:
        inserted = inspection.insert(inserted)
    edits, alone = attach(edits, inserted, scope)
    folders = [folder for folder, _ in by_folder(alone, scope.key_types)]
    targets = targets_of(edits)
    left = [edit for edit in edits if edit.rows_left]
    bytes_before = sum(edit.bytes_left for edit in edits)
    moved = sum(one.moving.count for e in edits for one in e.groups.values() if one.moving)
    leaving = sum(edit.rows_leaving for edit in edits)
    kept_schema = find_kept_schema(home, storage)
    return UpsertPlan(
        operation="upsert",
        root=home.root,
        parameters={
            "keys": list(new.keys),
            "update_columns": list(new.update),
            "rows": new.table.num_rows,
        },
        base_version=scope.version,
        read=tuple(one.file.state for one in searched if one.scanned),
        rewrite=tuple(edit.file.state for edit in left),
        drop=tuple(edit.file.state for edit in edits if not edit.rows_left),
        kept_files=len(scope.files) - len(edits),
        new_files=len(left) + len(targets | set(folders)),
        partitions=tuple(
            sorted({edit.file.state.folder for edit in edits} | targets | set(folders))
        ),
        rows_scanned=sum(one.scanned for one in searched),
        rows_deleted=leaving - moved,
        rows_inserted=inserted.num_rows,
        rows_updated=sum(edit.rows_setting for edit in edits),
        bytes_after=bytes_before + inserted.nbytes // 3,
        requirement=requirement_of(scope, new),
        edits=tuple(edits),
        values=NewValues(new.table, new.update, sources),
        inserted=alone,
        scope=scope,
        keeps_schema=_keeps_schema(scope, kept_schema.schema if kept_schema else None),
    )


def _keeps_schema(scope: Scope, kept: pa.Schema | None) -> bool:
    if kept is None:
        return not scope.files
    return set(scope.columns.names) != set(kept.names)


def _inserted(home: Home, scope: Scope, new: NewRows, searched: Sequence[Searched]) -> pa.Table:
    """Return the new rows whose keys were not found."""
    missing = np.ones(new.table.num_rows, bool)
    for one in searched:
        for found in one.found.values():
            missing[found.rows] = False
    if missing.any():
        refuse_missing(home, list(scope.key_types), new)
    if missing.all():
        return new.table
    inserted: pa.Table = new.table.filter(array_of(missing))
    return inserted if inserted.num_rows else no_rows(new.table.schema)
