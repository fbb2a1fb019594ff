"""What it takes to change rows: found out before anything is written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from parquetry.commits.table_link import refuse_fact_change, refuse_unheld
from parquetry.operations.assignments import Assignments
from parquetry.operations.deleting import find_subject, requirement_of
from parquetry.operations.matching import find_matches
from parquetry.operations.moves import targets_of
from parquetry.operations.plans import Plan
from parquetry.operations.row_guard import UNGUARDED, show_changes
from parquetry.operations.running import jsonable
from parquetry.operations.update_edits import find_edits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

    from parquetry.access.source import Source
    from parquetry.commits.home import Home
    from parquetry.operations.edits import FileEdit
    from parquetry.operations.matching import Match
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
    examine = partial(find_edits, assignments=assignments, keys=scope.key_types)
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


def _setting(match: Match, assignments: Assignments) -> Match:
    setting = {name: assignments.types[name] for name in assignments.exprs}
    return match._replace(edit=replace(match.edit, setting=setting))
