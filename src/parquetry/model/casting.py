"""Bringing a table into a schema without losing a value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types as pt

from parquetry.errors import SchemaMismatchError
from parquetry.model.schema import normal_type

if TYPE_CHECKING:
    from collections.abc import Callable


def cast_lossless(table: pa.Table, schema: pa.Schema, where: str) -> pa.Table:
    """Return the table with the schema's types, column by name; other columns are left out.

    A column that the table lacks is filled with NULL. A cast is made only if every value survives it:
    `2.0` becomes the whole number 2, `2.5` and `"2"` do not.

    Raises:
        SchemaMismatchError: A column's type or one of its values does not fit.
    """
    columns = []
    for field in schema:
        if field.name in table.column_names:
            columns.append(_cast_column(table[field.name], field, where))
        else:
            columns.append(pa.nulls(table.num_rows, field.type))
    return pa.table(columns, schema=schema)


def _cast_column(column: pa.ChunkedArray, field: pa.Field, where: str) -> pa.ChunkedArray:
    if column.type == field.type:
        return column
    if not _same_family(normal_type(column.type), field.type):
        raise _mismatch(field, column.type, where, "and one is not read as the other")
    try:
        if pt.is_integer(column.type) and pt.is_decimal(field.type):
            # Arrow goes by what the type could hold; these are the values that it does
            column = column.cast(pa.decimal256(76, field.type.scale))
        cast = pc.cast(column, field.type, safe=True)
    except pa.ArrowException as error:
        raise _mismatch(field, column.type, where, f"and not every value fits ({error})") from error
    if _narrows_float(column.type, field.type):
        _check_floats(column, cast, field, where)
    return cast


def _mismatch(field: pa.Field, found: pa.DataType, where: str, why: str) -> SchemaMismatchError:
    return SchemaMismatchError(
        f"The column {field.name!r} is {found} here and {field.type} in {where}, {why}. "
        "Nothing was written. Cast the column, or give it another name."
    )


_FAMILIES: tuple[Callable[[pa.DataType], bool], ...] = (
    lambda kind: bool(pt.is_integer(kind) or pt.is_floating(kind) or pt.is_decimal(kind)),
    lambda kind: bool(pt.is_string(kind)),
    lambda kind: bool(pt.is_binary(kind) or pt.is_fixed_size_binary(kind)),
    lambda kind: bool(pt.is_timestamp(kind) and kind.tz is None),
    lambda kind: bool(pt.is_timestamp(kind) and kind.tz is not None),
    lambda kind: bool(pt.is_date(kind)),
    lambda kind: bool(pt.is_time(kind)),
    lambda kind: bool(pt.is_duration(kind)),
    lambda kind: bool(pt.is_map(kind)),
)


def _same_family(one: pa.DataType, other: pa.DataType) -> bool:
    if one == other or pt.is_null(one):
        return True
    if _is_list(one) and _is_list(other):
        return _same_family(one.value_type, other.value_type)
    if pt.is_struct(one) and pt.is_struct(other):
        return _same_struct(one, other)
    return any(family(one) and family(other) for family in _FAMILIES)


def _is_list(kind: pa.DataType) -> bool:
    return bool(pt.is_list(kind) or pt.is_fixed_size_list(kind))


def _same_struct(one: pa.StructType, other: pa.StructType) -> bool:
    theirs = {field.name: field.type for field in other}
    return all(f.name in theirs and _same_family(f.type, theirs[f.name]) for f in one)


def _narrows_float(found: pa.DataType, wanted: pa.DataType) -> bool:
    if not pt.is_floating(found):
        return False
    is_narrower = pt.is_floating(wanted) and found.bit_width > wanted.bit_width
    return bool(is_narrower or pt.is_decimal(wanted))


def _check_floats(
    column: pa.ChunkedArray, cast: pa.ChunkedArray, field: pa.Field, where: str
) -> None:
    """Arrow narrows and rounds floats without a word, so values are compared with what they became."""
    back = pc.cast(cast, column.type)
    same = pc.or_kleene(pc.equal(back, column), pc.is_nan(column))
    if not pc.all(same).as_py() and column.null_count < len(column):
        raise _mismatch(field, column.type, where, "and not every value survives the narrower type")
