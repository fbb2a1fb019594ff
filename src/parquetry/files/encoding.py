"""How the house encodes Parquet: the options of PyArrow's writer, and a writer that uses them.

Measured on trades: PyArrow's defaults (dictionaries everywhere) take twice the time and 42 % more
bytes.

- zstd, level 3; snappy up to some hundred rows, where a zstd context a page takes a third of the time
  and saves no block of the disk;
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

from collections import defaultdict
from typing import TYPE_CHECKING

from parquetry.files.encoder import Encoder, encode_rows
from parquetry.files.few_rows import (
    FEW_ROWS,
    default_codec,
    encode_each,
    encode_few,
    middle_codec,
    nan_columns,
)
from parquetry.files.writer_options import (
    ROW_GROUP_ROWS,
    Direction,
    Sorting,
    WriterOptions,
    writer_options,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import pyarrow as pa

__all__ = [
    "ROW_GROUP_ROWS",
    "Direction",
    "Encoder",
    "Sorting",
    "WriterOptions",
    "encode_rows",
    "encode_table",
    "encode_tables",
    "writer_options",
]


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
    compression = compression or default_codec(table)
    if table.num_rows <= min(FEW_ROWS, row_group_rows) and not bloom_columns and not sorting:
        content: bytes = encode_few(table, compression).to_pybytes()
        return content
    options = writer_options(
        table.schema,
        compression=compression,
        row_group_rows=max(1, min(row_group_rows, table.num_rows)) if row_group_rows > 0 else 0,
        bloom_columns=bloom_columns,
        sorting=sorting,
    )
    return encode_rows([table], table.schema, options)


def encode_tables(
    tables: Sequence[pa.Table], schema: pa.Schema, with_nan: tuple[str, ...], bytes_a_row: float
) -> list[bytes]:
    """Return tables as the bytes of a Parquet file each, small ones by one writer.

    **Cost**: memory for the encoded files, those of small tables twice.

    Args:
        tables: The rows of each file.
        schema: That of the tables, as the object that they share.
        with_nan: All columns that may hold a NaN.
        bytes_a_row: How much memory a row takes, about.

    Raises:
        SchemaMismatchError: If Parquet has no form for a type.
    """
    found: dict[int, bytes] = {}
    alike: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, table in enumerate(tables):
        if 0 < table.num_rows <= FEW_ROWS:
            alike[nan_columns(table) if with_nan else ()].append(number)
        else:
            found[number] = encode_table(table)
    for nans, numbers in alike.items():
        few = [tables[number] for number in numbers]
        codec = middle_codec(few, bytes_a_row)
        found |= zip(numbers, encode_each(few, codec, (), nans, schema), strict=True)
    return [found[number] for number in range(len(tables))]
