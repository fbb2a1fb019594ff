"""A few rows encoded at once: what a partition of some hundred rows costs is mostly overhead."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import types as pt

from parquetry.files.encoder import told
from parquetry.files.encoding import writer_options
from parquetry.files.leaves import count_nans, list_leaves

if TYPE_CHECKING:
    from collections.abc import Mapping

FEW_ROWS = 8192


def nan_columns(table: pa.Table) -> tuple[str, ...]:
    """Return the columns that hold a NaN, sorted; every part of the table can only hold fewer."""
    return tuple(
        name
        for name in sorted(table.column_names)
        if _can_hold_nan(table.schema.field(name).type)
        and any(count_nans(table.select([name])).values())
    )


def _can_hold_nan(kind: pa.DataType) -> bool:
    return bool(pt.is_floating(kind) or pt.is_nested(kind) or pt.is_dictionary(kind))


def encode_few(
    table: pa.Table, compression: str, constant: tuple[str, ...], with_nan: tuple[str, ...]
) -> pa.Buffer:
    """Return a small table as a Parquet file in memory, of one row group.

    Columns of one value are not compressed, for that would only take time; those with a NaN get no
    bounds. There is no page index: it would say what the statistics say.

    Raises:
        SchemaMismatchError: If Parquet has no form for a type.
    """
    sink = pa.BufferOutputStream()
    arguments = _arguments(table.schema, compression, constant, with_nan)
    with told(), pq.ParquetWriter(sink, table.schema, **arguments) as writer:
        if table.num_rows:
            writer.write_table(table)
    return sink.getvalue()


@lru_cache(maxsize=256)
def _arguments(
    schema: pa.Schema, compression: str, constant: tuple[str, ...], with_nan: tuple[str, ...]
) -> Mapping[str, Any]:
    options = writer_options(schema, compression=compression, nan_columns=with_nan)
    arguments = {**options.arguments, "write_page_index": False}
    paths = [leaf.path for leaf in list_leaves(schema)]
    if set(constant) & set(paths) and compression == "zstd":
        level = arguments["compression_level"]
        arguments["compression"] = {p: "none" if p in constant else compression for p in paths}
        arguments["compression_level"] = {p: level for p in paths if p not in constant}
    return arguments
