"""The part of a dataset that an upsert concerns, and what must still hold there when it commits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from parquetry.access.conditions import Demand, OneOf
from parquetry.commits.kept_schema import check_keys
from parquetry.errors import NotFoundError
from parquetry.model.changes import Requirement
from parquetry.model.hive import partition_folder
from parquetry.model.schema import unite
from parquetry.model.splitting import distinct
from parquetry.operations.new_rows import refuse_missing
from parquetry.operations.scope import Scope, find_scope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.access.source import Source
    from parquetry.commits.home import Home
    from parquetry.operations.new_rows import NewRows
    from parquetry.storage.protocol import Storage


def find_upsert_scope(
    home: Home,
    storage: Storage,
    source: Source,
    new: NewRows,
    partition_by: Sequence[str] | None,
) -> Scope:
    """Return the dataset as far as the new rows can concern it, with the columns it will have."""
    try:
        found_keys = tuple(source.keys())
        leading = _leading(found_keys, new.keys)
        wanted = [Demand(OneOf(key, tuple(new.table[key].unique().to_pylist()))) for key in leading]
        scope = find_scope(home, storage, source, wanted)
    except NotFoundError:
        scope, found_keys = Scope(home.root, 0, pa.schema([]), {}, ()), ()
    columns = unite([scope.columns, new.table.schema], home.root)
    if not len(scope.columns):
        found_keys = tuple(partition_by or ())
    elif partition_by is not None:
        check_keys(home, found_keys, tuple(partition_by))
    types = {
        key: scope.key_types.get(key) or columns.field(key).type
        for key in found_keys
        if key in scope.key_types or key in columns.names
    }
    if len(types) < len(found_keys):
        refuse_missing(home, found_keys, new)
    return Scope(home.root, scope.version, columns, types, scope.files, scope.footers)


def requirement_of(scope: Scope, new: NewRows) -> Requirement:
    """Return that no other rows may have come to where the keys can stand."""
    seen = frozenset(file.state.path for file in scope.files)
    leading = _leading(list(scope.key_types), new.keys)
    if not leading:
        return Requirement(("",), seen)
    depth = len(leading)
    folders = {"/".join(file.state.folder.split("/")[:depth]) for file in scope.files}
    folders |= {partition_folder(values) for values in distinct(new.table, leading)}
    return Requirement(tuple(sorted(folders)), seen)


def _leading(partition_keys: Sequence[str], keys: Sequence[str]) -> list[str]:
    """Return the outermost partition keys that belong to the rows' own key: they bound the search."""
    found: list[str] = []
    for key in partition_keys:
        if key not in keys:
            break
        found.append(key)
    return found
