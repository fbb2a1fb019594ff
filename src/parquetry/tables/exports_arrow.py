"""A table's schema for PyArrow and Polars."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
from pyarrow import types as pt

from parquetry.model.table_tag import TABLE_KEY

if TYPE_CHECKING:
    from parquetry.tables.columns import Column
    from parquetry.tables.schema import TableSchema


def arrow_schema(schema: TableSchema) -> pa.Schema:
    """Return the schema with nullability; the meaning and unit of a column are its metadata."""
    fields = [_field(column) for column in schema.columns]
    return pa.schema(fields, metadata={TABLE_KEY: schema.identifier.encode()})


def _field(column: Column) -> pa.Field:
    told = {"meaning": column.meaning, "unit": column.unit or ""}
    metadata = {key: value for key, value in told.items() if value}
    return pa.field(column.name, column.arrow_type, column.nullable, metadata or None)


def plain_arrow_schema(schema: TableSchema) -> pa.Schema:
    """Return names and types alone: what a frame of the table has."""
    return pa.schema([(column.name, column.arrow_type) for column in schema.columns])


def polars_schema(schema: TableSchema) -> pl.Schema:
    """Return the schema of a Polars frame of the table."""
    return pl.Schema({column.name: polars_type(column.arrow_type) for column in schema.columns})


def polars_type(kind: pa.DataType) -> pl.DataType:
    """Return the Polars type of an Arrow type."""
    if pt.is_timestamp(kind) and kind.unit == "s":
        kind = pa.timestamp("ms", kind.tz)  # Polars has no seconds
    empty = pl.from_arrow(pa.table({"": pa.nulls(0, kind)}))
    return pl.DataFrame(empty).dtypes[0]
