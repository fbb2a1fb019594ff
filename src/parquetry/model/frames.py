"""Rows as people have them, brought to Arrow tables in normal form."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import polars as pl
import pyarrow as pa

from parquetry.errors import ParameterError, RequestError, SchemaMismatchError
from parquetry.model.schema import normal_schema

_FEW_ROWS = 1 << 17

Rows: TypeAlias = Any
"""Dicts, a Polars, pandas or Arrow table, or an iterator of any of these, one batch at a time."""


def iterate_tables(rows: Rows) -> Iterator[pa.Table]:
    """Yield the rows as Arrow tables with normal types, one a batch.

    A list of dicts is one batch; an iterator of tables is taken batch by batch, so that its memory is
    that of one batch.

    Raises:
        SchemaMismatchError: A column mixes types, or holds objects that Parquet has no form for.
        ParameterError: The rows are of a kind that is not known.
    """
    whole = find_table(rows)
    if whole is not None:
        yield _normal(whole)
        return
    if isinstance(rows, pa.RecordBatchReader):
        yield from (_normal(pa.Table.from_batches([batch])) for batch in rows)
        return
    if isinstance(rows, (str, bytes)) or not isinstance(rows, Iterable):
        raise _unknown(rows)
    yield from _iterate_any(rows)


def one_table(rows: Rows) -> pa.Table:
    """Return the rows as one Arrow table with normal types."""
    tables = list(iterate_tables(rows))
    if len(tables) == 1:
        return tables[0]
    if not tables:
        return pa.table({})
    return pa.concat_tables(tables, promote_options="permissive")


def _iterate_any(rows: Iterable[Any]) -> Iterator[pa.Table]:
    records: list[Mapping[str, Any]] = []
    for item in rows:
        if isinstance(item, Mapping):
            records.append(item)
            continue
        yield from iterate_tables(item)
    if records:
        yield _normal(_table_of_records(records))


def find_table(rows: Rows) -> pa.Table | None:
    """Return rows that are a table already, of whatever library, as an Arrow table; else None."""
    if isinstance(rows, pa.Table):
        return rows
    if isinstance(rows, pa.RecordBatch):
        return pa.Table.from_batches([rows])
    if isinstance(rows, pl.LazyFrame):
        return _from_polars(_collected(rows))
    if isinstance(rows, pl.DataFrame):
        return _from_polars(rows)
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(rows, pandas.DataFrame):
        return _from_pandas(rows)
    return None


def _collected(rows: pl.LazyFrame) -> pl.DataFrame:
    try:
        return rows.collect()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise RequestError(
            f"The rows are a lazy frame that cannot be collected: {str(error).splitlines()[0]}. Nothing "
            "was written. Collect it by itself to see more."
        ) from error


def _from_polars(frame: pl.DataFrame) -> pa.Table:
    objects = [name for name, kind in frame.schema.items() if kind == pl.Object]
    if objects:
        raise _unstorable(objects[0], "Python objects")
    if frame.width and frame.height <= _FEW_ROWS:
        # a chunk takes as long as some thousand rows, and so does it to wake the threads of Polars,
        # which a frame asks to work on its columns
        columns = [column.rechunk().to_arrow() for column in frame.get_columns()]
        return pa.Table.from_arrays(columns, frame.columns)
    return frame.to_arrow()


def _from_pandas(frame: Any) -> pa.Table:
    try:
        return pa.Table.from_pandas(frame, preserve_index=False)
    except pa.ArrowException as error:
        raise SchemaMismatchError(
            f"The pandas frame cannot be stored: {error}. Nothing was written. "
            "Give each column one type."
        ) from error


def _table_of_records(records: list[Mapping[str, Any]]) -> pa.Table:
    names: dict[str, None] = {}
    for record in records:
        names.update(dict.fromkeys(record))
    return pa.table({name: _column(name, [r.get(name) for r in records]) for name in names})


def _column(name: str, values: list[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowException, OverflowError, UnicodeError) as error:
        kinds = sorted({type(value).__name__ for value in values if value is not None})
        raise SchemaMismatchError(
            f"The column {name!r} cannot be stored: its values are of the types {', '.join(kinds)} "
            f"({str(error).splitlines()[0]}). Nothing was written. Give the column one type."
        ) from error


def _normal(table: pa.Table) -> pa.Table:
    if len(set(table.column_names)) != len(table.column_names):
        twice = next(n for n in table.column_names if table.column_names.count(n) > 1)
        raise SchemaMismatchError(
            f"The column {twice!r} occurs twice in these rows. Nothing was written. Rename one."
        )
    schema = normal_schema(table.schema)
    if table.schema.equals(schema):
        return table
    try:
        return table.cast(schema)
    except pa.ArrowException as error:
        raise SchemaMismatchError(
            f"These rows cannot be stored: {str(error).splitlines()[0]}. Nothing was written."
        ) from error


def _unstorable(name: str, what: str) -> SchemaMismatchError:
    return SchemaMismatchError(
        f"The column {name!r} holds {what}, which Parquet has no form for. Nothing was written. "
        "Turn them into text, numbers, lists or structs."
    )


def _unknown(rows: Any) -> ParameterError:
    return ParameterError(
        f"Rows cannot be taken from {type(rows).__name__}. Nothing was written. Give dicts, a Polars, "
        "pandas or Arrow table, or an iterator of batches."
    )
