"""A few rows encoded at once: what a file of some hundred rows costs is mostly overhead."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import types as pt

from parquetry.errors import CorruptionError
from parquetry.files.cutting import cut_apart
from parquetry.files.encoder import told, without_pandas
from parquetry.files.footer_shape import FooterShape
from parquetry.files.leaves import count_nans, list_leaves
from parquetry.files.writer_options import writer_options
from parquetry.model.plain_numbers import floats_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FEW_ROWS = 8192
_SEVERAL = 3  # files are worth to find out by another one what their footers look like
_MOST_GROUPS = 1024  # in one file; the format has numbers for 32,768
_FEW_VALUES = 2048  # to weigh them takes longer than to compress them
_FEW_BYTES = 48 << 10
"""Decoded. Up to here zstd takes a third longer, saves a sixth of the bytes, and no block of a disk."""


def nan_columns(table: pa.Table) -> tuple[str, ...]:
    """Return the columns that hold a NaN, sorted; every part of the table can only hold fewer."""
    found = [
        field.name
        for field, column in zip(table.schema, table.columns, strict=True)
        if _holds_nan(field.type, column)
    ]
    return tuple(sorted(found))


def _holds_nan(kind: pa.DataType, column: pa.ChunkedArray) -> bool:
    if pt.is_float32(kind) or pt.is_float64(kind):
        return any(_array_holds_nan(chunk) for chunk in column.chunks)
    if pt.is_float16(kind) or pt.is_nested(kind) or pt.is_dictionary(kind):
        return any(count_nans(pa.table({"": column})).values())
    return False


def _array_holds_nan(values: pa.Array) -> bool:
    if values.null_count:
        return bool(pc.any(pc.is_nan(values)).as_py())
    return bool(np.isnan(floats_of(values)).any())


def encode_few(
    table: pa.Table,
    compression: str | None,
    constant: tuple[str, ...] = (),
    with_nan: tuple[str, ...] | None = None,
    schema: pa.Schema | None = None,
) -> pa.Buffer:
    """Return a small table as a Parquet file in memory, of one row group.

    Columns with a NaN get no bounds; the others do not say that they hold none, which takes a second
    pass over the footer. There is no page index: it would say what the statistics say. Beside zstd,
    columns of one value are not compressed, and neither are whole numbers and times, whose differences
    are packed: a codec would take its time for nothing.

    Args:
        table: The rows.
        compression: The codec; None for snappy up to some hundred rows, and zstd beyond.
        constant: Columns that have one value in all rows.
        with_nan: All columns that may hold a NaN, if that is known already.
        schema: That of the table, as the object that many tables share: what is said of it is then
            found again at once.

    Raises:
        SchemaMismatchError: If Parquet has no form for a type.
    """
    if schema is None:
        schema = table.schema.with_metadata(without_pandas(table.schema.metadata))
        table = table.replace_schema_metadata(schema.metadata)
    nans = nan_columns(table) if with_nan is None else with_nan
    codec = compression or default_codec(table)
    return _written([table], _way(_Shared(schema), codec, constant, nans))


def encode_each(
    tables: Sequence[pa.Table],
    compression: str,
    constant: tuple[str, ...],
    with_nan: tuple[str, ...],
    schema: pa.Schema,
) -> list[bytes]:
    """Return many small tables as Parquet files in memory, byte for byte as `encode_few` returns each.

    **Cost:** of files of some hundred rows, half of what that takes. All of them are in memory twice.

    Args:
        tables: The rows of each file.
        compression: The codec.
        constant: Columns that have one value in all rows of a file.
        with_nan: All columns that may hold a NaN.
        schema: That of the tables, as the object that they share.

    Raises:
        SchemaMismatchError: If Parquet has no form for a type.
    """
    way = _way(_Shared(schema), compression, constant, with_nan)
    files: list[bytes] = []
    for start in range(0, len(tables), _MOST_GROUPS):
        some = tables[start : start + _MOST_GROUPS]
        rows = [table.num_rows for table in some]
        shape = way.shape(some[0]) if len(some) >= _SEVERAL and all(rows) else None
        cut = shape and cut_apart(shape, memoryview(_written(some, way)), rows)
        files += cut or [_written([table], way).to_pybytes() for table in some]
    return files


class _Way:
    """How tables of one schema are written as small files, and what their footers have in common."""

    def __init__(self, schema: pa.Schema, arguments: Mapping[str, Any]) -> None:
        self.schema, self.arguments = schema, arguments
        self._shapes: list[FooterShape | None] = []

    def shape(self, example: pa.Table) -> FooterShape | None:
        """Return the shape of the footers, found out by some rows; None where it is unusual."""
        if not self._shapes:
            self._shapes.append(FooterShape.of(memoryview(_written([example], self))))
        return self._shapes[0]


def _written(tables: Sequence[pa.Table], way: _Way) -> pa.Buffer:
    """Return tables as a file in memory, of one row group each; one without rows has none."""
    sink = pa.BufferOutputStream()  # not BytesIO, each of whose writes waits for Python's lock
    said: list[pq.FileMetaData] = []
    with (
        told(),
        pq.ParquetWriter(sink, way.schema, metadata_collector=said, **way.arguments) as writer,
    ):
        for table in tables:
            if table.num_rows:
                writer.write_table(table)
    rows = sum(table.num_rows for table in tables)
    if said[0].num_rows != rows:
        raise CorruptionError(
            f"Encoding gave {said[0].num_rows} rows where there are {rows}. Nothing was changed. The "
            "memory of this machine cannot be trusted."
        )
    return sink.getvalue()


def default_codec(table: pa.Table, decoded_bytes: int | None = None) -> str:
    """Return the codec for a table, if nobody asks for another.

    Args:
        table: The rows.
        decoded_bytes: How much memory they take, about, if that is known: to ask a slice of a table
            with texts takes a third as long as to encode it.
    """
    if table.num_rows * table.num_columns <= _FEW_VALUES:
        return "snappy"
    held = table.nbytes if decoded_bytes is None else decoded_bytes
    return "snappy" if held <= _FEW_BYTES else "zstd"


def middle_codec(tables: Sequence[pa.Table], bytes_a_row: float) -> str:
    """Return the codec for small tables that are encoded together: that of the middle one.

    Args:
        tables: The rows of each file.
        bytes_a_row: How much memory a row takes, about.
    """
    middle = sorted(tables, key=len)[len(tables) // 2]
    return default_codec(middle, int(bytes_a_row * len(middle)))


class _Shared:
    """A schema that is the same only as itself: to hash its columns takes as long as to write one."""

    __slots__ = ("schema",)

    def __init__(self, schema: pa.Schema) -> None:
        self.schema = schema

    def __hash__(self) -> int:
        return id(self.schema)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Shared) and other.schema is self.schema


@lru_cache(maxsize=64)
def _way(
    shared: _Shared, compression: str, constant: tuple[str, ...], with_nan: tuple[str, ...]
) -> _Way:
    schema = shared.schema
    options = writer_options(schema, compression=compression, nan_columns=with_nan)
    arguments = {**options.arguments, "write_page_index": False}
    if compression == "zstd":
        paths = [leaf.path for leaf in list_leaves(schema)]
        plain = {*constant, *arguments["column_encoding"]}
        level = arguments["compression_level"]
        arguments["compression"] = {p: "none" if p in plain else compression for p in paths}
        arguments["compression_level"] = {p: level for p in paths if p not in plain} or None
    return _Way(schema, arguments)
