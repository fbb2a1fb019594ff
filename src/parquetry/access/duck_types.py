"""The types by which DuckDB reads the columns of Parquet files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyarrow import types as pt

from parquetry.access.quoting import quote_identifier
from parquetry.errors import SchemaMismatchError

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

_MAX_DECIMAL = 38
_PLAIN: tuple[tuple[Callable[[Any], bool], str], ...] = (
    (pt.is_null, '"NULL"'),
    (pt.is_boolean, "BOOLEAN"),
    (pt.is_int8, "TINYINT"),
    (pt.is_int16, "SMALLINT"),
    (pt.is_int32, "INTEGER"),
    (pt.is_int64, "BIGINT"),
    (pt.is_uint8, "UTINYINT"),
    (pt.is_uint16, "USMALLINT"),
    (pt.is_uint32, "UINTEGER"),
    (pt.is_uint64, "UBIGINT"),
    (pt.is_float16, "FLOAT"),
    (pt.is_float32, "FLOAT"),
    (pt.is_float64, "DOUBLE"),
    (pt.is_string, "VARCHAR"),
    (pt.is_binary, "BLOB"),
    (pt.is_fixed_size_binary, "BLOB"),
    (pt.is_date, "DATE"),
    (pt.is_duration, "BIGINT"),  # DuckDB knows no durations in Parquet; the number is in the unit
)
_EXTENSIONS = {"arrow.uuid": "UUID", "arrow.json": "JSON"}


def duck_type(kind: pa.DataType) -> str:
    """Return DuckDB's name for the type in which it reads a Parquet column of an Arrow type.

    Raises:
        SchemaMismatchError: There is none.
    """
    for is_kind, name in _PLAIN:
        if is_kind(kind):
            return name
    if pt.is_decimal(kind):
        is_wide = kind.precision > _MAX_DECIMAL
        return "DOUBLE" if is_wide else f"DECIMAL({kind.precision},{kind.scale})"
    if pt.is_timestamp(kind):
        zoned = "TIMESTAMPTZ" if kind.tz is not None else "TIMESTAMP"
        return f"{zoned}_NS" if kind.unit == "ns" else zoned
    if pt.is_time(kind):
        return "TIME_NS" if kind.unit == "ns" else "TIME"
    return _nested(kind)


def _nested(kind: pa.DataType) -> str:
    if pt.is_list(kind) or pt.is_fixed_size_list(kind):
        return f"{duck_type(kind.value_type)}[]"
    if pt.is_map(kind):
        return f"MAP({duck_type(kind.key_type)}, {duck_type(kind.item_type)})"
    if pt.is_struct(kind):
        fields = (f"{quote_identifier(one.name)} {duck_type(one.type)}" for one in kind)
        return f"STRUCT({', '.join(fields)})"
    name = _EXTENSIONS.get(getattr(kind, "extension_name", ""))
    if name is None:
        raise SchemaMismatchError(
            f"A column of the type {kind} cannot be read by SQL where files have different columns. "
            "Nothing was changed. Read it with scan(), or write the files again with one schema."
        )
    return name
