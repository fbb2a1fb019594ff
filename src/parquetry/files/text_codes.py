"""Text that stays in codes from decoding to encoding.

A chunk with a dictionary holds each value once and a code a row. Whoever decodes rows to encode them
again need not make texts of the codes and look each of them up once more: that is a fifth of the time
for a table with some text columns.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import types as pt

from parquetry.files.bounds import LONGEST_CERTAIN
from parquetry.model.plain_numbers import array_of
from parquetry.model.schema import no_rows

if TYPE_CHECKING:
    from collections.abc import Collection

LARGEST_DICTIONARY = 64 << 10
"""Bytes as stored; a larger one may have been given up half-way."""

CODES = pa.dictionary(pa.int32(), pa.string())
"""The type of text in codes."""


def text_in_codes(footer: pq.FileMetaData, schema: pa.Schema) -> tuple[str, ...]:
    """Return the text columns of a file that have a small dictionary in each row group.

    Args:
        footer: The file's footer.
        schema: Its schema, as its writer declared it.
    """
    text = {field.name for field in schema if pt.is_string(field.type)}
    leaves = [footer.schema.column(number).path for number in range(footer.num_columns)]
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    return tuple(
        path
        for number, path in enumerate(leaves)
        if path in text and all(_has_small_dictionary(group.column(number)) for group in groups)
    )


def is_in_codes(footer: pq.FileMetaData, group: int, name: str) -> bool:
    """Return whether a text column has a small dictionary in a row group.

    Args:
        footer: The file's footer.
        group: The number of the row group.
        name: The column.
    """
    leaves = footer.schema.names
    if name not in leaves:
        return False
    leaf = leaves.index(name)
    is_flat = footer.schema.column(leaf).path == name
    return is_flat and _has_small_dictionary(footer.row_group(group).column(leaf))


def constant_texts(footer: pq.FileMetaData, group: int, names: Collection[str]) -> dict[str, str]:
    """Return which of some flat text columns have one value in all rows of a row group, and that value.

    Both bounds are this value then, and nothing is NULL. Long values are left out, whose bounds may be
    cut off.
    """
    found: dict[str, str] = {}
    leaves = footer.schema.names
    for name in names:
        chunk = footer.row_group(group).column(leaves.index(name))
        told = chunk.statistics if chunk.is_stats_set else None
        if told is None or not told.has_min_max or not told.has_null_count or told.null_count:
            continue
        if told.min_raw == told.max_raw and len(told.min_raw) < LONGEST_CERTAIN:
            found[name] = told.min
    return found


def _has_small_dictionary(chunk: pq.ColumnChunkMetaData) -> bool:
    if not chunk.has_dictionary_page:
        return False
    return bool(chunk.data_page_offset - chunk.dictionary_page_offset <= LARGEST_DICTIONARY)


def in_codes(schema: pa.Schema, names: Collection[str]) -> pa.Schema:
    """Return a schema where some text columns are codes with a dictionary."""
    fields = [one.with_type(CODES) if one.name in names else one for one in schema]
    return pa.schema(fields, schema.metadata)


def encoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return texts as codes."""
    return pc.dictionary_encode(column).cast(CODES)


def repeated(text: str, rows: int) -> pa.DictionaryArray:
    """Return one text in each of some rows, as codes."""
    content = text.encode()
    ends = np.array([0, len(content)], np.int32)
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(content)]
    once = pa.Array.from_buffers(pa.string(), 1, buffers)  # `pa.array` would import pandas
    return pa.DictionaryArray.from_arrays(array_of(np.zeros(rows, np.int32)), once, safe=False)


def tidied(table: pa.Table, names: Collection[str]) -> pa.Table:
    """Return rows whose codes have one dictionary a column, in which no value is left over.

    Of a value that was deleted nothing may stay in a file.
    """
    for name in names:
        given = column = table[name]
        if column.num_chunks != 1:
            column = pa.chunked_array([column.unify_dictionaries().combine_chunks()], CODES)
        if _has_leftovers(column.chunk(0)):
            column = encoded(column.cast(pa.string()))
        if column is not given:
            place = table.schema.get_field_index(name)
            table = table.set_column(place, table.schema.field(place), column)
    return table


def _has_leftovers(column: pa.DictionaryArray) -> bool:
    if len(column.dictionary) == 1:
        return bool(column.null_count == len(column))
    codes = column.indices.drop_null() if column.null_count else column.indices
    seen = np.bincount(np.from_dlpack(codes), minlength=len(column.dictionary))
    return not seen.all()


def declared(schema: pa.Schema) -> dict[bytes, bytes]:
    """Return what a file says of the rows that it was written from: their types and their metadata.

    A writer that is given codes would say that they are codes, or nothing.
    """
    return _declaration(schema.serialize().to_pybytes())


@lru_cache(maxsize=64)  # by the bytes, for equal schemas can differ in their metadata
def _declaration(serialized: bytes) -> dict[bytes, bytes]:
    schema = pa.ipc.read_schema(pa.py_buffer(serialized))
    sink = pa.BufferOutputStream()
    pq.write_table(no_rows(schema), sink)
    return dict(pq.read_metadata(pa.BufferReader(sink.getvalue())).metadata)
