"""A Parquet file of anybody's, read by row group and column through Arrow."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from parquetry.errors import SchemaMismatchError
from parquetry.model.plain_numbers import floats_of
from parquetry.series.handles import handles, open_bytes, open_parquet, reading_error

if TYPE_CHECKING:
    from pyarrow.parquet import FileMetaData, ParquetFile

    from parquetry.series.handles import Stamp
    from parquetry.series.indexing import Floats, Indices

_COLUMN_NAME = re.compile(r"0|[1-9][0-9]*")
_FLOAT = pa.float64()


class ArrowFile:
    """One Parquet file whose columns are named by scenario, "0", "1" and so on.

    Args:
        stamp: What tells this content of the path from others.
        opened: The file, just opened; its footer is parsed now.

    **Cost:** a read decodes whole row groups of the columns asked.
    """

    nan_values: int | None = None  # no footer tells

    def __init__(self, stamp: Stamp, opened: pa.NativeFile) -> None:
        self.stamp = stamp
        self._lock = threading.Lock()  # Arrow's reader serves one thread at a time
        file = open_parquet(stamp.path, opened, None)
        self._metadata: FileMetaData = file.metadata
        self.rows: int = self._metadata.num_rows
        self._groups, self.starts, self.stops = _row_groups(self._metadata)
        self.columns, self._leaves, self._nullable = _series_columns(self._metadata, stamp.path)
        self.names = [str(column) for column in self.columns.tolist()]
        self.first_column = int(self.columns[0]) if len(self.columns) else 0
        handles.keep(stamp, file)

    @property
    def path(self) -> str:
        """Where the file is."""
        return self.stamp.path

    @property
    def footer_bytes(self) -> int:
        """The length of the footer."""
        length: int = self._metadata.serialized_size
        return length

    @property
    def compression(self) -> str:
        """How the values are compressed."""
        if not self._groups:
            return "none"
        name: str = self._metadata.row_group(self._groups[0]).column(self._leaves[0]).compression
        return "none" if name == "UNCOMPRESSED" else name.lower()

    def may_hold_nulls(self) -> bool:
        """Return whether there may be nulls, as far as the footer tells."""
        if not self._nullable.any():
            return False
        groups = (self._metadata.row_group(number) for number in self._groups)
        return any(
            (counts := group.column(leaf).statistics) is None
            or not counts.has_null_count
            or counts.null_count
            for group in groups
            for leaf in self._leaves
        )

    def announce(self, group: int, positions: Indices, rows: slice | Indices) -> None:
        """Do nothing: Arrow knows where its bytes are."""

    def fill(self, out: Floats, group: int, positions: Indices, rows: slice | Indices) -> None:
        """Read columns of a row group from the disk, past the cache, into (columns, rows).

        Args:
            out: Where the values go.
            group: Which row group.
            positions: Ascending positions among the columns of this file.
            rows: Which rows of the group.

        Raises:
            ConflictError: Somebody has changed the file since it was opened.
            CorruptionError: The bytes cannot be read as Parquet.
            SchemaMismatchError: There are nulls among the values.
        """
        names = [self.names[position] for position in positions.tolist()]
        try:
            file = handles.get(self.stamp, self._open_again)
            with self._lock:
                table = file.read_row_group(self._groups[group], columns=names, use_threads=False)
        except (pa.ArrowException, OSError) as error:
            raise reading_error(self.path, error) from error
        if self._nullable[positions].any():
            self._refuse_nulls(table, group)
        table = table.select(names) if table.column_names != names else table
        for values, column in zip(out, table.columns, strict=True):
            values[:] = _floats(column)[rows]

    def begin_anew(self) -> None:
        """Forget the lock in a forked process: it may have been caught in the middle."""
        self._lock = threading.Lock()

    def _open_again(self, path: str) -> tuple[Stamp, ParquetFile]:
        stamp, opened = open_bytes(path)
        return stamp, open_parquet(path, opened, self._metadata)

    def _refuse_nulls(self, table: pa.Table, group: int) -> None:
        for name, values in zip(table.column_names, table.columns, strict=True):
            if values.null_count:
                raise SchemaMismatchError(
                    f"{self.path} has {values.null_count} null(s) in column {name!r} between the steps "
                    f"{self.starts[group]} and {self.stops[group] - 1}, where numbers are needed. The "
                    "file was left as it is. Fill the gaps and write it again.",
                    path=self.path,
                )


def _floats(column: pa.ChunkedArray) -> Floats:
    """Return the numbers of a column, whatever their type, without a copy where they are float64."""
    wide = column if column.type == pa.float64() else column.cast(pa.float64(), safe=False)
    chunks = [floats_of(chunk) for chunk in wide.chunks]
    return chunks[0] if len(chunks) == 1 else np.concatenate(chunks)


def _row_groups(metadata: FileMetaData) -> tuple[list[int], list[int], list[int]]:
    """Return number, first row and end of every row group that has rows."""
    numbers, starts, stops, row = [], [], [], 0
    for number in range(metadata.num_row_groups):
        rows = metadata.row_group(number).num_rows
        if rows:
            numbers.append(number)
            starts.append(row)
            stops.append(row := row + rows)
    return numbers, starts, stops


def _series_columns(metadata: FileMetaData, path: str) -> tuple[Indices, list[int], Any]:
    """Return the scenario columns of a file, ascending; where they are; and which may hold nulls."""
    schema = metadata.schema.to_arrow_schema()
    found = {}
    for place, field in enumerate(schema):
        if _COLUMN_NAME.fullmatch(field.name):
            if field.type != _FLOAT:
                _refuse_text(field, path)
            found[int(field.name)] = place, field.nullable
    if not found:
        raise SchemaMismatchError(
            f"{path} has no columns that are named by scenario (0, 1, …); its columns are "
            f"{', '.join(schema.names[:8]) or '(none)'}. Name them by scenario, or convert the text "
            "file with `parquetry series convert`.",
            path=path,
        )
    numbers = sorted(found)
    places, nullable = zip(*(found[number] for number in numbers), strict=True)
    return np.array(numbers, np.intp), list(places), np.array(nullable)


def _refuse_text(field: pa.Field, path: str) -> None:
    if not (pa.types.is_integer(field.type) or pa.types.is_floating(field.type)):
        raise SchemaMismatchError(
            f"Column {field.name!r} of {path} holds {field.type}, where numbers are needed. The file "
            "was left as it is. Write the column as float64.",
            path=path,
        )
