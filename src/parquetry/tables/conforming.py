"""Rows brought to the columns and types of a table: by name, and without losing a value."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types as pt

from parquetry.errors import SchemaMismatchError, did_you_mean
from parquetry.model.casting import cast_lossless
from parquetry.model.frames import Rows, one_table
from parquetry.model.schema import normal_type
from parquetry.model.wording import count_text
from parquetry.tables.columns import IDENTIFIER, NOW
from parquetry.tables.exports_arrow import polars_schema, polars_type
from parquetry.tables.failures import EXAMPLES, short_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parquetry.tables.columns import Column, Value
    from parquetry.tables.schema import TableSchema


@dataclass(frozen=True)
class Conformed:
    """Rows with the columns of a table.

    Args:
        frame: The rows; a value that its column cannot hold is NULL here.
        misfits: For each column with such values, which rows they are in.
        given: For each of these columns, the values as they came.
    """

    frame: pl.DataFrame
    misfits: dict[str, pl.Series] = field(default_factory=dict)
    given: dict[str, pl.Series] = field(default_factory=dict)


def conform(schema: TableSchema, rows: Rows) -> Conformed:
    """Return the rows with the table's columns, in its order and types.

    Missing columns get their default, else NULL if they may be NULL. Python's floats have no width, so
    those of dicts are rounded to that of their column; the columns of a frame never are.

    Raises:
        SchemaMismatchError: A column is unknown, missing or of a type that is not read as the table's.
    """
    frame, typed = _frame(schema, rows)
    _check_columns(schema, frame)
    now = dt.datetime.now(dt.UTC)
    columns: list[pl.Series] = []
    misfits: dict[str, pl.Series] = {}
    given: dict[str, pl.Series] = {}
    for column in schema.columns:
        if column.name not in frame.columns:
            columns.append(_fill(schema, column, frame.height, now))
            continue
        found = frame[column.name]
        if found.dtype == polars_type(column.arrow_type):
            columns.append(found)
            continue
        values, misfit = _cast(schema, column, found, typed)
        columns.append(values)
        if misfit is not None:
            misfits[column.name], given[column.name] = misfit, found
    return Conformed(pl.DataFrame(columns), misfits, given)


def narrow_floats(schema: TableSchema, frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with its `float64` columns rounded where the table has `float32`.

    That loses digits, which is why nobody does it unasked.
    """
    wide = [
        pl.col(column.name).cast(pl.Float32)
        for column in schema.columns
        if column.type == "float32" and frame.schema.get(column.name) == pl.Float64
    ]
    return frame.with_columns(wide)


def _frame(schema: TableSchema, rows: Rows) -> tuple[pl.DataFrame, bool]:
    """Return the rows as a frame, and whether their columns came with types."""
    if isinstance(rows, pl.LazyFrame):
        try:
            rows = rows.collect()
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            raise SchemaMismatchError(
                f"The rows for {schema.identifier} could not be computed: {error}. Nothing was written."
            ) from error
    if isinstance(rows, pl.DataFrame):
        return rows, True
    typed = not isinstance(rows, (list, tuple))
    if not typed and not rows:
        return pl.DataFrame(schema=polars_schema(schema)), True
    try:
        return pl.DataFrame(pl.from_arrow(one_table(rows))), typed
    except SchemaMismatchError as error:
        wrong = " ".join(_of_no_kind(schema, rows))
        told = f"{wrong} Nothing was written. Mend these values." if wrong else str(error)
        raise SchemaMismatchError(
            f"The rows for {schema.identifier} are no table: {told}"
        ) from error


def _of_no_kind(schema: TableSchema, rows: Rows) -> Iterator[str]:
    """Yield which values of dicts are nothing like their column, in words."""
    records = rows if isinstance(rows, (list, tuple)) else ()
    for column in schema.columns:
        found = [
            (number, value)
            for number, record in enumerate(records)
            if (value := record.get(column.name)) is not None
            and not _is_like(value, column.arrow_type)
        ]
        if found:
            counted = count_text(len(found), "value")
            yield f"{counted} of {column.name!r} cannot be {column.type}: {_places(found)}."


def _places(found: Sequence[tuple[int, Any]]) -> str:
    """Return the first of some values with their rows, in words."""
    shown = "; ".join(f"row {number} has {short_text(value)}" for number, value in found[:EXAMPLES])
    return f"{shown}{', …' if len(found) > EXAMPLES else ''}"


def _is_like(value: Any, kind: pa.DataType) -> bool:
    try:
        pa.scalar(value, kind)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return False
    return True


def _check_columns(schema: TableSchema, frame: pl.DataFrame) -> None:
    known = schema.column_names
    letters = [
        f"{name!r} is no column of it.{did_you_mean(name, known)}"
        for name in frame.columns
        if name not in known
    ]
    letters += [
        f"{column.name!r} ({column.type}) is missing, and it is never NULL."
        for column in schema.columns
        if column.name not in frame.columns and not column.nullable and column.default is None
    ]
    if letters:
        raise SchemaMismatchError(
            f"These rows do not have the columns of the table {schema.identifier}: {' '.join(letters)} "
            f"Its columns are: {', '.join(known)}. Nothing was written."
        )


def _fill(schema: TableSchema, column: Column, rows: int, now: dt.datetime) -> pl.Series:
    kind = polars_type(column.arrow_type)
    value: Value | dt.datetime = column.default
    if value == NOW:
        value = now
    elif value == IDENTIFIER:
        value = schema.identifier
    return pl.select(pl.repeat(pl.lit(value, dtype=kind), rows, dtype=kind).alias(column.name))[
        column.name
    ]


def _cast(
    schema: TableSchema, column: Column, found: pl.Series, typed: bool
) -> tuple[pl.Series, pl.Series | None]:
    """Return the values in the column's type, and which rows have none of it."""
    arrow = one_table(found.to_frame())[column.name]
    where = f"the table {schema.identifier}"
    target = pa.schema([(column.name, normal_type(column.arrow_type))])
    if not typed and pt.is_floating(arrow.type) and pt.is_floating(column.arrow_type):
        return _narrow(arrow, column)
    try:
        cast = cast_lossless(pa.table({column.name: arrow}), target, where)[column.name]
    except SchemaMismatchError as error:
        lost = _find_lost(arrow, column.arrow_type)
        if lost is None:
            raise SchemaMismatchError(
                _of_another_kind(schema, column, found, arrow.type)
            ) from error
        return _series(column, pc.if_else(lost, None, _unsafe(arrow, column))), _mask(lost)
    return _series(column, cast), None


def _of_another_kind(
    schema: TableSchema, column: Column, found: pl.Series, kind: pa.DataType
) -> str:
    """Return the letter about a column whose type is not read as the table's."""
    numbers = found.is_not_null().arg_true()
    first = [(number, found[number]) for number in numbers.head(EXAMPLES + 1).to_list()]
    counted = f" ({count_text(len(numbers), 'value')}: {_places(first)})" if first else ""
    return (
        f"The column {column.name!r} is {kind} here and {column.type} in the table "
        f"{schema.identifier}, and one is not read as the other{counted}. Nothing was written. Cast the "
        "column, or give it another name."
    )


def _narrow(arrow: pa.ChunkedArray, column: Column) -> tuple[pl.Series, pl.Series | None]:
    cast = _unsafe(arrow, column)
    lost = pc.and_(pc.is_inf(cast), pc.is_finite(arrow))
    if not pc.any(lost).as_py():
        return _series(column, cast), None
    return _series(column, pc.if_else(lost, None, cast)), _mask(lost)


def _find_lost(arrow: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray | None:
    """Return which values do not survive the cast, or None if that is no question of values."""
    numeric = (pt.is_integer, pt.is_floating, pt.is_timestamp)
    if not all(any(test(each) for test in numeric) for each in (arrow.type, kind)):
        return None
    if pt.is_timestamp(kind) != pt.is_timestamp(arrow.type):
        return None
    if pt.is_timestamp(kind) and (kind.tz is None) != (arrow.type.tz is None):
        return None
    back = pc.cast(pc.cast(arrow, kind, safe=False), arrow.type, safe=False)
    same = pc.equal(arrow, back)
    if pt.is_floating(arrow.type) and pt.is_floating(kind):
        same = pc.or_(same, pc.is_nan(arrow))
    return pc.fill_null(pc.invert(same), fill_value=False)


def _unsafe(arrow: pa.ChunkedArray, column: Column) -> pa.ChunkedArray:
    return pc.cast(arrow, column.arrow_type, safe=False)


def _series(column: Column, values: pa.ChunkedArray) -> pl.Series:
    return pl.Series(column.name, values, dtype=polars_type(column.arrow_type))


def _mask(lost: pa.ChunkedArray) -> pl.Series:
    return pl.Series(values=lost, dtype=pl.Boolean).fill_null(value=False)
