"""Column types: what is the same, what can be united, and into what.

A schema is a `pyarrow.Schema` in normal form: the engines' own variants of one type (large, view and
dictionary-encoded strings, categoricals) are one type here, because they are one type on disk.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import types as pt

from parquetry.errors import SchemaMismatchError

if TYPE_CHECKING:
    from collections.abc import Iterable

_SIGNED = [pa.int8(), pa.int16(), pa.int32(), pa.int64()]
_UNSIGNED = [pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
_EXACT_FLOAT_BITS = {pa.float32(): 24, pa.float64(): 53}
_UNITS = ["s", "ms", "us", "ns"]


def part_of(schema: pa.Schema, names: Iterable[str]) -> pa.Schema:
    """Return the schema of some columns, without the metadata of the whole."""
    return pa.schema([schema.field(name) for name in names])


def shared(schema: pa.Schema) -> pa.Schema:
    """Return the one object that stands for all schemas like this, with the same metadata.

    What goes by the identity of a schema then finds it again: comparing columns takes long.
    """
    return _shared(schema.serialize().to_pybytes())


@lru_cache(maxsize=256)
def _shared(content: bytes) -> pa.Schema:
    return pa.ipc.read_schema(pa.py_buffer(content))


def no_rows(schema: pa.Schema) -> pa.Table:
    """Return a table without rows; `Schema.empty_table` loads pandas, wherever it is."""
    return pa.Table.from_batches([], schema)


def normal_type(kind: pa.DataType) -> pa.DataType:
    """Return the one type that stands for all of its in-memory variants."""
    if pt.is_dictionary(kind):
        return normal_type(kind.value_type)
    if pt.is_large_string(kind) or pt.is_string_view(kind):
        return pa.string()
    if pt.is_large_binary(kind) or pt.is_binary_view(kind):
        return pa.binary()
    if pt.is_map(kind):
        return pa.map_(normal_type(kind.key_type), normal_type(kind.item_type))
    if pt.is_fixed_size_list(kind):
        return pa.list_(_normal_field(kind.value_field), kind.list_size)
    if pt.is_list(kind) or pt.is_large_list(kind):
        return pa.list_(_normal_field(kind.value_field))
    if pt.is_struct(kind):
        return pa.struct([_normal_field(field) for field in kind])
    return kind


def _normal_field(field: pa.Field) -> pa.Field:
    name = "element" if field.name in {"item", "element", "list"} else field.name
    return pa.field(name, normal_type(field.type))


def normal_schema(schema: pa.Schema) -> pa.Schema:
    """Return a schema in normal form, all columns nullable, without metadata."""
    return pa.schema([pa.field(field.name, normal_type(field.type)) for field in schema])


def unite_types(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """Return the smallest type that holds every value of both without loss, or None.

    Whole numbers unite with floats only where the float holds each of them exactly (int32 and
    float64 do, int64 and float64 do not); times with and without a zone never unite.
    """
    if one == other:
        return one
    if pt.is_null(one) or pt.is_null(other):
        return other if pt.is_null(one) else one
    if pt.is_integer(one) and pt.is_integer(other):
        return _unite_integers(one, other)
    if _is_number(one) and _is_number(other):
        return _unite_with_float(one, other)
    if pt.is_decimal(one) and pt.is_decimal(other):
        return _unite_decimals(one, other)
    return _unite_times(one, other) or _unite_nested(one, other)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pt.is_integer(kind) or kind in _EXACT_FLOAT_BITS)


def _unite_integers(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    if (one in _SIGNED) == (other in _SIGNED):
        return one if one.bit_width > other.bit_width else other
    signed, unsigned = (one, other) if one in _SIGNED else (other, one)
    wide_enough = [s for s in _SIGNED if s.bit_width > unsigned.bit_width]
    return next((s for s in wide_enough if s.bit_width >= signed.bit_width), None)


def _unite_with_float(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    for target, bits in _EXACT_FLOAT_BITS.items():
        if all(_bits(kind) <= bits for kind in (one, other)):
            return target
    return None


def _bits(kind: pa.DataType) -> int:
    return _EXACT_FLOAT_BITS.get(kind) or int(kind.bit_width)


def _unite_decimals(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    scale = max(one.scale, other.scale)
    precision = max(one.precision - one.scale, other.precision - other.scale) + scale
    return pa.decimal128(precision, scale) if precision <= 38 else None  # noqa: PLR2004  its limit


def _unite_times(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    if pt.is_timestamp(one) and pt.is_timestamp(other) and one.tz == other.tz:
        return pa.timestamp(_finer(one.unit, other.unit), one.tz)
    if pt.is_duration(one) and pt.is_duration(other):
        return pa.duration(_finer(one.unit, other.unit))
    if pt.is_time(one) and pt.is_time(other):
        unit = _finer(one.unit, other.unit)
        return pa.time32(unit) if unit in {"s", "ms"} else pa.time64(unit)
    return None


def _finer(one: str, other: str) -> str:
    return max(one, other, key=_UNITS.index)


def _unite_nested(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    if pt.is_list(one) and pt.is_list(other):
        inner = unite_types(one.value_type, other.value_type)
        return None if inner is None else pa.list_(pa.field(one.value_field.name, inner))
    if pt.is_struct(one) and pt.is_struct(other):
        try:
            return pa.struct(list(unite([pa.schema(list(one)), pa.schema(list(other))])))
        except SchemaMismatchError:
            return None
    return None


def unite(schemas: Iterable[pa.Schema], where: str = "these files") -> pa.Schema:
    """Return the schema that all the schemas fit into: columns by name, in order of appearance.

    Raises:
        SchemaMismatchError: A column has types that no type holds without loss.
    """
    united: dict[str, pa.DataType] = {}
    for schema in schemas:
        for field in schema:
            if field.name not in united:
                united[field.name] = field.type
                continue
            kind = unite_types(united[field.name], field.type)
            if kind is None:
                raise SchemaMismatchError(
                    f"The column {field.name!r} is {united[field.name]} and {field.type} in {where}, "
                    "and no type holds both without loss. Nothing was changed. Cast one of them, or "
                    "keep them in two columns."
                )
            united[field.name] = kind
    return pa.schema(list(united.items()))
