"""Columns with new values, in the types of the files that they stand in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types as pt

from parquetry.model.casting import cast_lossless
from parquetry.model.plain_numbers import array_of
from parquetry.model.schema import normal_type
from parquetry.operations.opened import told

if TYPE_CHECKING:
    from parquetry.operations.edits import FileEdit, Hits


def schema_after(schema: pa.Schema, edit: FileEdit) -> tuple[pa.Schema, bool]:
    """Return the file's schema as it is to be, and whether it is as it was.

    A column that is set gets the dataset's type, for that is what its new values fit.
    """
    keeps = True
    for name, kind in edit.stored_setting.items():
        place = schema.get_field_index(name)
        if place < 0:
            schema, keeps = schema.append(pa.field(name, kind)), False
            continue
        found = schema.field(place)
        if normal_type(found.type) != kind or not found.nullable:
            stored = found.type if normal_type(found.type) == kind else kind
            schema = schema.set(place, pa.field(name, stored))
            keeps = False
    given = schema.names if edit.arriving is None else edit.arriving.column_names
    for place, found in enumerate(schema):
        if not found.nullable and (found.name not in given or edit.arriving is not None):
            schema, keeps = schema.set(place, found.with_nullable(nullable=True)), False
    return schema, keeps


def merged(
    old: pa.ChunkedArray | None,
    new: pa.ChunkedArray | None,
    hits: Hits | None,
    rows: int,
    wanted: pa.Field,
    where: str,
) -> pa.ChunkedArray:
    """Return a column with the new values in the rows that are hit."""
    if old is None:
        old = pa.chunked_array([pa.nulls(rows, wanted.type)])
    if old.type != wanted.type:
        old = fitted(old, wanted, where)
    if new is None or hits is None:
        return old
    new = fitted(new, wanted, where)
    if hits.is_all:
        return new
    if _has_fixed_width(old.type):
        return pc.replace_with_mask(old, hits.mask(), new.combine_chunks())
    places = np.arange(rows)
    places[hits.flags()] = rows + np.arange(hits.count)
    both = pa.chunked_array([*old.chunks, *new.chunks], type=wanted.type)
    return both.combine_chunks().take(array_of(places)) if rows else old


def _has_fixed_width(kind: pa.DataType) -> bool:
    is_number = pt.is_primitive(kind) or pt.is_decimal(kind)  # of which dates and times are some
    return bool(is_number) and not pt.is_duration(kind)  # which Arrow cannot replace


def fitted(column: pa.ChunkedArray, wanted: pa.Field, where: str) -> pa.ChunkedArray:
    """Return a column in a type, without losing a value.

    Raises:
        SchemaMismatchError: A value does not fit.
    """
    if column.type == wanted.type:
        return column
    plain = normal_type(wanted.type)
    if normal_type(column.type) == plain and column.type != plain:
        column = column.cast(plain)
    table = cast_lossless(
        pa.table({wanted.name: column}), pa.schema([pa.field(wanted.name, plain)]), where
    )
    found = table[wanted.name]
    if found.type == wanted.type:
        return found
    if pt.is_dictionary(wanted.type):
        found = found.dictionary_encode()
    with told(where):
        return pc.cast(found, wanted.type)
