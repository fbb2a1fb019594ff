"""The seam to dataframely, which evaluates types, nullability, keys and rules.

Nothing else here imports it. What comes in is a frame with the table's columns and types, what goes
out are the good rows and, for each bad one, the rules that it broke, under our own names.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import dataframely as dy
import polars as pl
from pyarrow import types as pt

from parquetry.errors import ParameterError
from parquetry.tables.row_rules import KEY_RULE, element_rule, null_rule, row_rules

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from parquetry.tables.columns import Column
    from parquetry.tables.schema import TableSchema

ROW = "__row__"
"""The column with which rows find back to where they came from."""


@dataclass(frozen=True)
class Verdict:
    """What became of a frame.

    Args:
        good: The rows that break no rule.
        broken: The number of each other row, and for each rule that any row broke, whether it did.
    """

    good: pl.DataFrame
    broken: pl.DataFrame


def evaluate(schema: TableSchema, frame: pl.DataFrame) -> Verdict:
    """Return the verdict on a frame that has the table's columns and types, and `ROW`."""
    judge = dataframely_schema(schema)
    good, failure = judge.filter(frame)
    counts = failure.counts()
    details = failure.details()
    names = _own_names(schema)
    broken = details.select(
        pl.col(ROW), *((pl.col(rule) == "invalid").alias(names.get(rule, rule)) for rule in counts)
    )
    return Verdict(pl.DataFrame(good).drop(ROW), broken)


@lru_cache(maxsize=256)
def dataframely_schema(schema: TableSchema) -> type[dy.Schema]:
    """Return the table as a class of dataframely, with a column for the number of the row."""
    members: dict[str, Any] = {"column_row": dy.UInt32(alias=ROW)}
    for number, column in enumerate(schema.columns):
        key = column.name in schema.primary_key
        members[f"column_{number}"] = _column(column, primary_key=key)
    for rule in row_rules(schema):
        members[rule.name] = dy.rule()(_constant(rule.holds))
    return type(schema.name, (dy.Schema,), members)


def _constant(holds: pl.Expr) -> Callable[[Any], pl.Expr]:
    return lambda _: holds


def _own_names(schema: TableSchema) -> dict[str, str]:
    names = {"primary_key": KEY_RULE}
    for column in schema.columns:
        names[f"{column.name}|nullability"] = null_rule(column.name)
        names[f"{column.name}|inner_nullability"] = element_rule(column.name)
    return names


_PLAIN: dict[str, Callable[..., dy.Column]] = {
    "string": dy.String,
    "binary": dy.Binary,
    "bool": dy.Bool,
    "date32[day]": dy.Date,
    "time64[us]": dy.Time,
    "int8": dy.Int8,
    "int16": dy.Int16,
    "int32": dy.Int32,
    "int64": dy.Int64,
    "uint8": dy.UInt8,
    "uint16": dy.UInt16,
    "uint32": dy.UInt32,
    "uint64": dy.UInt64,
}
_UNITS: dict[str, Literal["ms", "us", "ns"]] = {"s": "ms", "ms": "ms", "us": "us", "ns": "ns"}
_FLOATS: dict[str, Callable[..., dy.Column]] = {"float": dy.Float32, "double": dy.Float64}


def _column(column: Column, *, primary_key: bool) -> dy.Column:
    options: dict[str, Any] = {"nullable": column.nullable, "alias": column.name}
    return _of_type(column.arrow_type, primary_key=primary_key, **options)


def _of_type(kind: pa.DataType, **options: Any) -> dy.Column:
    name = str(kind)
    if name in _PLAIN:
        return _PLAIN[name](**options)
    if name in _FLOATS:
        return _FLOATS[name](allow_nan=True, allow_inf=True, **options)
    if pt.is_timestamp(kind):
        return dy.Datetime(time_unit=_UNITS[kind.unit], time_zone=kind.tz, **options)
    if pt.is_duration(kind):
        return dy.Duration(time_unit=_UNITS[kind.unit], **options)
    if pt.is_decimal(kind):
        return dy.Decimal(kind.precision, kind.scale, **options)
    if pt.is_list(kind):
        return dy.List(_of_type(kind.value_type, nullable=False), **options)
    if pt.is_struct(kind):
        fields = {field.name: _of_type(field.type, nullable=True) for field in kind}
        return dy.Struct(fields, **options)
    raise ParameterError(f"A column of the type {kind} cannot be validated.")
