"""How the house encodes Parquet: the options of PyArrow's writer, and a writer that uses them.

Measured on trades: PyArrow's defaults (dictionaries everywhere) take twice the time and 42 % more
bytes.

- zstd, level 3; snappy for a handful of rows, where a zstd context a page takes half of the time and
  saves a twentieth of the bytes;
- dictionaries for text and bytes only; whole numbers, dates and times are DELTA_BINARY_PACKED;
- page index, page checksums, statistics of every column, the Arrow schema;
- row groups of 131,072 rows;
- Bloom filters of the columns that are asked for: those that are searched and not sorted.

Bounds of floats stand only in column chunks that hold no NaN, and their chunks say so: readers
answer `f > 1.0` wrongly from bounds that leave a NaN out. PyArrow can switch statistics on and off
by file only, so `Encoder` decides it by row group, in the footer, before that is written. With a
bare `ParquetWriter`, name the columns with NaN to `writer_options`; it is then decided by file.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import types as pt

from parquetry.files.encoder import Encoder, encode_rows, told, without_pandas
from parquetry.files.leaves import count_nans
from parquetry.files.writer_options import (
    ROW_GROUP_ROWS,
    Direction,
    Sorting,
    WriterOptions,
    writer_options,
)
from parquetry.model.plain_numbers import floats_of

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = [
    "ROW_GROUP_ROWS",
    "Direction",
    "Encoder",
    "Sorting",
    "WriterOptions",
    "encode_rows",
    "encode_table",
    "writer_options",
]

_FEW_ROWS = 8192
_TINY_BYTES = 16_384


def encode_table(
    table: pa.Table,
    *,
    compression: str | None = None,
    row_group_rows: int = ROW_GROUP_ROWS,
    bloom_columns: Collection[str] = (),
    sorting: Sorting | None = None,
) -> bytes:
    """Return a table as the bytes of a Parquet file.

    **Cost**: memory for the encoded file, and one row group being encoded.

    Args:
        table: The rows.
        compression: The codec; if left out, it is chosen by the size of the table.
        row_group_rows: The rows of a full row group.
        bloom_columns: Columns, or dotted paths of leaves, that get Bloom filters.
        sorting: The columns that the rows are sorted by. It is said in the file; nobody sorts.

    Raises:
        ParameterError: If the codec is unknown or the number of rows is not positive.
        UnknownColumnError: If a column is named that the table does not have.
        SchemaMismatchError: If Parquet has no form for a type.
    """
    if compression is None:
        compression = "snappy" if table.nbytes <= _TINY_BYTES else "zstd"
    if table.num_rows <= min(_FEW_ROWS, row_group_rows) and not bloom_columns and not sorting:
        return _encode_few(table, compression)
    options = writer_options(
        table.schema,
        compression=compression,
        row_group_rows=max(1, min(row_group_rows, table.num_rows)) if row_group_rows > 0 else 0,
        bloom_columns=bloom_columns,
        sorting=sorting,
    )
    return encode_rows([table], table.schema, options)


def _encode_few(table: pa.Table, compression: str) -> bytes:
    """Encode a small table in a fraction of the time; sweeps write these by the thousand.

    Its chunks do not say that they hold no NaN, which takes a second pass over the footer. They have
    bounds only if they hold none, which is what readers need.
    """
    schema = table.schema.with_metadata(without_pandas(table.schema.metadata))
    with_nan = [
        field.name
        for field, column in zip(schema, table.columns, strict=True)
        if _holds_nan(field.type, column)
    ]
    options = _options_of(schema, compression, tuple(sorted(with_nan)))
    sink = pa.BufferOutputStream()  # not BytesIO, each of whose writes waits for Python's lock
    with told(), pq.ParquetWriter(sink, schema, **options.arguments) as writer:
        if table.num_rows:
            writer.write_table(table.replace_schema_metadata(schema.metadata))
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _holds_nan(kind: pa.DataType, column: pa.ChunkedArray) -> bool:
    if pt.is_float32(kind) or pt.is_float64(kind):
        return any(_array_holds_nan(chunk) for chunk in column.chunks)
    return any(count_nans(pa.table({"": column})).values()) if pt.is_nested(kind) else False


def _array_holds_nan(values: pa.Array) -> bool:
    if values.null_count:
        return bool(pc.any(pc.is_nan(values)).as_py())
    return bool(np.isnan(floats_of(values)).any())


@lru_cache(maxsize=256)
def _options_of(schema: pa.Schema, compression: str, with_nan: tuple[str, ...]) -> WriterOptions:
    options = writer_options(
        schema, compression=compression, row_group_rows=ROW_GROUP_ROWS, nan_columns=with_nan
    )
    # an index over a handful of pages says nothing that the statistics do not
    return replace(options, arguments={**options.arguments, "write_page_index": False})
