"""Bloom filters of row groups, asked through DuckDB, which is the engine that can."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import duckdb

if TYPE_CHECKING:
    from parquetry.tables.key_planning import GroupToRead, KeySearch

_PROBE = """
SELECT row_group_id FROM parquet_bloom_probe(?, ?, ?) WHERE bloom_filter_excludes AND file_name = ?
"""


def exclude_by_blooms(search: KeySearch) -> KeySearch:
    """Return the search without the row groups whose Bloom filters rule out all of their few keys.

    **Cost**: a look at one Bloom filter for each key and row group that has few keys and filters.
    """
    if not any(group.few for group in search.groups):
        return search
    known: dict[tuple[str, str, Any], frozenset[int]] = {}
    with duckdb.connect() as connection:
        left = [group for group in search.groups if _may_hold(connection, search, group, known)]
    return replace(search, groups=tuple(left))


def _may_hold(
    connection: duckdb.DuckDBPyConnection,
    search: KeySearch,
    group: GroupToRead,
    known: dict[tuple[str, str, Any], frozenset[int]],
) -> bool:
    """Whether some key is ruled out by none of its columns' filters."""
    columns = [place for place, name in enumerate(search.key) if name in group.blooms]
    for key in group.few:
        excluded = False
        for place in columns:
            probe = (group.file.path, search.key[place], key[place])
            if probe not in known:
                known[probe] = _excluded(connection, *probe)
            excluded = excluded or group.number in known[probe]
        if not excluded:
            return True
    return not group.few


def _excluded(
    connection: duckdb.DuckDBPyConnection, path: str, column: str, value: Any
) -> frozenset[int]:
    """Return the row groups that cannot hold a value; none if DuckDB cannot tell."""
    try:
        rows = connection.execute(_PROBE, [path, column, value, path]).fetchall()
    except duckdb.Error:  # a filter is a hint: without it the row groups are read
        return frozenset()
    return frozenset(number for (number,) in rows)
