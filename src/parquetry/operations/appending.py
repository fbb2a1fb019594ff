"""Adding rows: split by the dataset's keys, encoded aside, one commit for all of them."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import pyarrow as pa

from parquetry.commits.committing import commit
from parquetry.commits.kept_schema import KeptSchema, check_keys, fit, keep_schema
from parquetry.commits.log import latest_version
from parquetry.commits.many import for_each
from parquetry.commits.staged_files import write_staged
from parquetry.commits.staging import open_staging
from parquetry.commits.table_link import refuse_unheld
from parquetry.errors import ConflictError, ParameterError
from parquetry.files.encoder import without_pandas
from parquetry.files.encoding import encode_tables
from parquetry.files.few_rows import nan_columns
from parquetry.model.changes import Change, NewFile, Requirement
from parquetry.model.frames import iterate_tables
from parquetry.model.names import refuse_text
from parquetry.model.schema import shared
from parquetry.model.splitting import check_splittable
from parquetry.operations.memory_pools import sparing_memory
from parquetry.operations.row_guard import UNGUARDED
from parquetry.operations.run_slices import slice_by

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parquetry.commits.home import Home
    from parquetry.commits.staging import Staging
    from parquetry.model.frames import Rows
    from parquetry.model.records import CommitRecord
    from parquetry.storage.protocol import Storage

Guard: TypeAlias = Callable[[Sequence[NewFile]], Requirement]
"""Looks at the dataset as it is when rows are about to come in some staged files; refuses them, or
returns what must not change until they are there."""
_AT_ONCE = 3  # attempts beside other writers, before writers stand in line
_ATTEMPTS = 20
_MANY = 64
"""Files that one thread encodes and writes; fewer take longer in two threads, which wait by turns."""


@sparing_memory()
def append(
    home: Home,
    storage: Storage,
    rows: Rows,
    known: KeptSchema | None,
    partition_by: Sequence[str] | None = None,
    *,
    guard: Guard | None = None,
    metadata: Mapping[bytes, bytes] | None = None,
) -> CommitRecord:
    """Add rows as new files, one a partition and batch, in one commit.

    **Guarantees:** after a crash all of the rows are there or none. parquetry's own readers see all or
    none at any moment; a foreign reader may see the partitions of one call arrive within milliseconds
    where the dataset is so large that its folders are not exchanged.

    **Cost:** the rows are encoded once; memory is that of a batch. Nothing that is there is read.

    Args:
        home: The dataset.
        storage: The disk.
        rows: What `iterate_tables` takes.
        known: The columns and keys of the dataset, or None for a new one.
        partition_by: The keys of a new dataset; an existing one keeps its own.
        guard: Is asked once the files are written aside, and again if somebody else was faster.
        metadata: What each file says of itself.

    Raises:
        ParameterError: There are no rows.
        RequestError: The dataset is of a table, and no guard holds the rows to it.
        ConflictError: A guard's requirement was broken by others again and again.
        SchemaMismatchError: A column does not fit the dataset.
        LayoutError: The dataset is partitioned otherwise, or a value cannot name a folder.
    """
    if guard is None:
        refuse_unheld(home, storage, "append rows to", UNGUARDED)
    keys = _keys(home, known, partition_by)
    kept = known or KeptSchema(pa.schema([]), keys)
    with open_staging(home, storage) as staging:
        version = latest_version(home, storage)
        added: list[NewFile] = []
        for table in iterate_tables(rows):
            fitted, schema = fit(table, kept, home.root)
            kept = KeptSchema(schema, keys)
            added += _stage(storage, staging, fitted, keys, metadata)
        if not added:
            raise ParameterError(
                f"There are no rows to append to {home.root}. Nothing was written."
            )
        keep_schema(home, storage, kept.schema, keys)
        change = Change("append", {}, base_version=version, add=tuple(added))
        if guard is None:
            return commit(home, storage, staging, change)
        return _commit_guarded(home, storage, staging, change, guard)


def _commit_guarded(
    home: Home, storage: Storage, staging: Staging, change: Change, guard: Guard
) -> CommitRecord:
    attempt = 1
    with ExitStack() as line:
        while True:
            try:
                guarded = replace(change, requirement=guard(change.add))
                return commit(home, storage, staging, guarded)
            except ConflictError:
                if attempt == _ATTEMPTS:
                    raise
            if attempt == _AT_ONCE:
                line.enter_context(storage.lock(f"{home.state}/append.lock"))
            attempt += 1


def _keys(
    home: Home, known: KeptSchema | None, partition_by: Sequence[str] | None
) -> tuple[str, ...]:
    refuse_text(partition_by, "The partition keys")
    if known is None:
        return tuple(partition_by or ())
    if partition_by is not None:
        check_keys(home, known.partition_by, tuple(partition_by))
    return known.partition_by


def _stage(
    storage: Storage,
    staging: Staging,
    table: pa.Table,
    keys: tuple[str, ...],
    metadata: Mapping[bytes, bytes] | None,
) -> list[NewFile]:
    """Write rows aside, a file a partition, two at a time."""
    check_splittable(table, keys)
    table = table.replace_schema_metadata(metadata or without_pandas(table.schema.metadata))
    schema = shared(table.schema)
    table = pa.Table.from_arrays(table.columns, schema=schema)
    bytes_a_row = table.nbytes / max(1, table.num_rows)
    with_nan = nan_columns(table)

    def stage(few: Sequence[_Part]) -> list[NewFile]:
        contents = encode_tables([part.rows for part in few], schema, with_nan, bytes_a_row)
        return [
            write_staged(storage, staging, part.path, part.source, part.rows.num_rows, content)
            for part, content in zip(few, contents, strict=True)
        ]

    parts = []
    for folder, rows in slice_by(table, keys):
        source = staging.new_path()
        parts.append(_Part(posixpath.join(folder, staging.final_name(source)), source, rows))
    shares = [parts[at : at + _MANY] for at in range(0, len(parts), _MANY)]
    return list(chain.from_iterable(for_each(stage, shares, 2)))


class _Part(NamedTuple):
    """Rows of one partition: where they are to stand, where they are staged, and what they are."""

    path: str
    source: str
    rows: pa.Table
