"""What is known of the keys in a file without reading them: its folders and its footer."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from parquetry.errors import SchemaMismatchError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyarrow.parquet import FileMetaData, RowGroupMetaData

    from parquetry.tables.table_files import TableFile

_COMPARABLE = (bool, int, str, dt.date)


@dataclass(frozen=True)
class GroupFacts:
    """A row group.

    Args:
        number: Its place in the file.
        rows: How many rows it has.
        ranges: For key columns with statistics, the smallest and the greatest value.
        bytes: For each key column that stands in the file, how many bytes it takes.
        blooms: The key columns with Bloom filters.
    """

    number: int
    rows: int
    ranges: Mapping[str, tuple[Any, Any]]
    bytes: Mapping[str, int]
    blooms: frozenset[str]


@dataclass(frozen=True)
class FileFacts:
    """A file and its row groups."""

    file: TableFile
    groups: tuple[GroupFacts, ...]


def file_facts(file: TableFile, footer: FileMetaData, key: Sequence[str]) -> FileFacts:
    """Return what the folders and the footer of a file tell about its keys.

    Raises:
        SchemaMismatchError: A key column stands neither in the file nor in its folders' names.
    """
    paths = [footer.schema.column(place).path for place in range(footer.num_columns)]
    folders = {name for name, _ in file.partitions}
    places = {name: paths.index(name) for name in key if name in paths and name not in folders}
    missing = [name for name in key if name not in places and name not in folders]
    if missing:
        raise SchemaMismatchError(
            f"{file.path} has no column {missing[0]!r}, which is part of the key ({', '.join(key)}). "
            "Nothing was changed. Upgrade the file, or move it out of the table."
        )
    groups = tuple(_group(footer, number, places) for number in range(footer.num_row_groups))
    return FileFacts(file, groups)


def _group(footer: FileMetaData, number: int, places: Mapping[str, int]) -> GroupFacts:
    group = footer.row_group(number)
    chunks = {name: group.column(place) for name, place in places.items()}
    ranges = {name: _range(group, place) for name, place in places.items()}
    return GroupFacts(
        number=number,
        rows=group.num_rows,
        ranges={name: found for name, found in ranges.items() if found is not None},
        bytes={name: chunk.total_compressed_size for name, chunk in chunks.items()},
        blooms=frozenset(n for n, chunk in chunks.items() if chunk.bloom_filter_offset is not None),
    )


def _range(group: RowGroupMetaData, place: int) -> tuple[Any, Any] | None:
    """Return the range of a column, of types whose order all writers agree on.

    Floats are left out: their statistics say nothing about NaN.
    """
    statistics = group.column(place).statistics
    if statistics is None or not statistics.has_min_max:
        return None
    low, high = statistics.min, statistics.max
    if isinstance(low, _COMPARABLE) and isinstance(high, _COMPARABLE) and type(low) is type(high):
        return None if isinstance(low, dt.datetime) else (low, high)
    return None
