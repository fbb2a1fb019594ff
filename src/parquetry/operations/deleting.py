"""Removing rows: whole files and row groups undecoded, the rest of their files copied as bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from parquetry.commits.table_link import refuse_fact_change
from parquetry.model.changes import Requirement
from parquetry.operations.edits import FileEdit, GroupEdit, Hits
from parquetry.operations.matching import find_matches
from parquetry.operations.parsing import parse
from parquetry.operations.plans import OperationResult, Plan
from parquetry.operations.predicates import Predicate
from parquetry.operations.pruning import demands
from parquetry.operations.running import grow, jsonable, run_again, run_plan, stage_edits
from parquetry.operations.scope import find_scope
from parquetry.operations.types import polars_schema

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping, Sequence

    from parquetry.access.source import Source
    from parquetry.commits.home import Home
    from parquetry.commits.staging import Staging
    from parquetry.model.changes import NewFile
    from parquetry.operations.matching import Look, Match
    from parquetry.operations.scope import Scope
    from parquetry.storage.protocol import Storage


@dataclass(frozen=True, kw_only=True)
class DeletePlan(Plan):
    """What a delete would do.

    Args:
        edits: The files that are written anew, with the rows that leave them.
    """

    edits: tuple[FileEdit, ...] = ()


def plan_delete(
    home: Home,
    storage: Storage,
    source: Source,
    predicate: pl.Expr | bool,
    partition_filter: Mapping[str, Any] | None = None,
) -> DeletePlan:
    """Return what it takes to remove the rows of which a predicate is true; nothing is written.

    A row of which it is false or, because of NULLs, unknown stays.

    **Cost:** folders, then footers, then Bloom filters rule files out; of the row groups that remain
    the columns of the predicate are decoded, two row groups at a time. A predicate that looks at other
    rows (`is_duplicated`, `over`) needs its columns of all rows of the scope at once.

    Args:
        home: The dataset.
        storage: The disk.
        source: What knows its files and columns.
        predicate: The rows to remove.
        partition_filter: A value, or a list of values, for some partition keys: no row elsewhere is
            touched or looked at.

    Raises:
        RequestError: The rows are facts.
        UnknownColumnError: The predicate or the filter names a column that is not there.
        SchemaMismatchError: Types do not go together, or a file cannot be decoded without loss.
        ParameterError: The predicate gives no truth value.
    """
    refuse_fact_change(home, storage, "delete")
    scope, meaning = find_subject(home, storage, source, predicate, partition_filter)
    matches = list(find_matches(scope, meaning, _leave))
    parameters = {"filter": str(predicate), "partition_filter": jsonable(partition_filter)}
    return _planned(scope, matches, parameters, requirement_of(scope, meaning, partition_filter))


def find_subject(
    home: Home,
    storage: Storage,
    source: Source,
    predicate: pl.Expr | bool,
    partition_filter: Mapping[str, Any] | None,
) -> tuple[Scope, Predicate]:
    """Return the files that a predicate can concern, and what it means there."""
    wanted = demands(parse(predicate, {})) if isinstance(predicate, pl.Expr) else []
    scope = find_scope(home, storage, source, wanted, partition_filter)
    meaning = Predicate.of(predicate, polars_schema(scope.columns), home.root)
    if wanted and not meaning.by_row:  # it counts in rows that it does not demand
        scope = find_scope(home, storage, source, (), partition_filter)
    return scope, meaning


def requirement_of(
    scope: Scope, predicate: Predicate, partition_filter: Mapping[str, Any] | None
) -> Requirement:
    """Return what must still hold: a predicate over other rows needs all of them to be the same."""
    if predicate.by_row:
        return Requirement()
    seen = frozenset(file.state.path for file in scope.files)
    if partition_filter is None:
        return Requirement(("",), seen)
    return Requirement(tuple(sorted({file.state.folder for file in scope.files})), seen)


def _leave(looks: Sequence[Look]) -> list[GroupEdit]:
    return [GroupEdit(leaving=Hits.of(look.flags)) for look in looks]


def _planned(
    scope: Scope,
    matches: list[Match],
    parameters: dict[str, Any],
    requirement: Requirement,
) -> DeletePlan:
    hit = [match.edit for match in matches if match.edit.groups]
    edits = tuple(edit for edit in hit if edit.rows_left)
    return DeletePlan(
        operation="delete",
        root=scope.root,
        parameters=parameters,
        base_version=scope.version,
        read=tuple(match.edit.file.state for match in matches if match.scanned),
        rewrite=tuple(edit.file.state for edit in edits),
        drop=tuple(edit.file.state for edit in hit if not edit.rows_left),
        kept_files=len(scope.files) - len(hit),
        new_files=len(edits),
        partitions=tuple(sorted({edit.file.state.folder for edit in hit})),
        rows_scanned=sum(match.scanned for match in matches),
        rows_deleted=sum(edit.rows_leaving for edit in hit),
        bytes_after=sum(edit.bytes_left for edit in edits),
        requirement=requirement,
        edits=edits,
    )


def run_delete(
    home: Home,
    storage: Storage,
    plan: DeletePlan,
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
        return stage_edits(storage, staging, plan.edits, compression=compression)

    return run_plan(home, storage, plan, stage, backup_dir)


def delete(
    home: Home,
    storage: Storage,
    source: Source,
    predicate: pl.Expr | bool,
    partition_filter: Mapping[str, Any] | None = None,
    *,
    dry_run: bool = False,
    retries: int = 3,
    backup_dir: str | os.PathLike[str] | None = None,
    compression: str = "zstd",
) -> OperationResult:
    """Remove the rows of which a predicate is true, in one commit, and return what was done.

    **Guarantees** as of `run_delete`, **Cost** as of `plan_delete`; then the files that hold such rows
    are written anew: row groups without them are copied as bytes, whole files of them only unlinked.

    Args:
        home: The dataset.
        storage: The disk.
        source: What knows its files and columns.
        predicate: The rows to remove.
        partition_filter: A value, or a list of values, for some partition keys.
        dry_run: Whether to report the plan only.
        retries: How often to plan anew if somebody else changes the same files meanwhile.
        backup_dir: A folder for a backup of the files that change.
        compression: The codec of what is encoded anew.

    Raises:
        ConflictError: Others kept changing the same files. Nothing was changed.
    """

    def plan() -> DeletePlan:
        return plan_delete(home, storage, source, predicate, partition_filter)

    if dry_run:
        return OperationResult.of(plan(), dry_run=True)

    def run(plan: DeletePlan) -> OperationResult:
        return run_delete(home, storage, plan, backup_dir=backup_dir, compression=compression)

    result: OperationResult = run_again(plan, run, retries)
    return result
