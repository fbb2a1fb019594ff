"""Rows that come to folders: new ones, and those that a change of their partition moves."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

import pyarrow as pa

from parquetry.commits.staged_files import write_staged
from parquetry.files.encoding import encode_table
from parquetry.model.casting import cast_lossless
from parquetry.model.hive import partition_folder
from parquetry.model.schema import part_of
from parquetry.model.splitting import split

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from parquetry.commits.staging import Staging
    from parquetry.model.changes import NewFile
    from parquetry.operations.scope import Scope
    from parquetry.storage.protocol import Storage

_MOST_ROWS = 1 << 20  # that wait in memory for others of their folder


def stage_arrivals(
    storage: Storage,
    staging: Staging,
    scope: Scope,
    tables: Iterable[pa.Table],
    compression: str = "zstd",
    metadata: Mapping[bytes, bytes] | None = None,
) -> Iterator[NewFile]:
    """Write rows into new files, one a folder, or several where there are very many rows.

    The files have all columns of the dataset, so that readers who go by the first file that they find
    are not led astray; but keys that the other files leave to the folder names are left out here, too.

    **Cost:** up to a million rows wait in memory for others of their folder.
    """
    waiting: dict[str, list[pa.Table]] = {}
    rows = 0
    for table in tables:
        for folder, part in by_folder(table, scope.key_types):
            waiting.setdefault(folder, []).append(part)
        rows += table.num_rows
        if rows >= _MOST_ROWS:
            yield from _write(storage, staging, scope, waiting, compression, metadata)
            waiting, rows = {}, 0
    yield from _write(storage, staging, scope, waiting, compression, metadata)


def by_folder(table: pa.Table, keys: Mapping[str, pa.DataType]) -> Iterator[tuple[str, pa.Table]]:
    """Yield the relative folders of a table's rows, each with its rows."""
    if not table.num_rows:
        return
    for values, part in split(table, list(keys)):
        yield partition_folder(values), part


def _write(
    storage: Storage,
    staging: Staging,
    scope: Scope,
    waiting: Mapping[str, list[pa.Table]],
    compression: str,
    metadata: Mapping[bytes, bytes] | None,
) -> Iterator[NewFile]:
    schema = part_of(scope.columns, stored_columns(scope))
    for folder, parts in waiting.items():
        whole = pa.concat_tables(parts, promote_options="default")
        rows = cast_lossless(whole, schema, scope.root)
        content = encode_table(rows.replace_schema_metadata(metadata), compression=compression)
        source = staging.new_path()
        path = posixpath.join(folder, staging.final_name(source))
        yield write_staged(storage, staging, path, source, whole.num_rows, content)


def stored_columns(scope: Scope) -> list[str]:
    """Return the columns that new files hold: all but the keys that no other file holds."""
    held = {name for file in scope.files[:1] for name in file.columns.names}
    return [
        name
        for name in scope.columns.names
        if not scope.files or name in held or name not in scope.key_types
    ]
